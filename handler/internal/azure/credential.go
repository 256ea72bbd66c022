package azure

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Credential is who the program is: it gives tokens.
type Credential = azcore.TokenCredential

// NewCredential is who the program is in Azure: in the host the managed
// identity of that client id ("" is the system-assigned one), elsewhere
// whatever [azidentity.NewDefaultAzureCredential] finds: a pipeline's
// federated token, who is signed in to the Azure CLI or azd, or a client secret
// or certificate in the environment of that machine. The host takes none of
// these.
func NewCredential(inHost bool, clientID string) (Credential, error) {
	options := azcore.ClientOptions{Transport: NewTransport()}
	if !inHost {
		credential, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options})
		if err != nil {
			return nil, fmt.Errorf("credential: %w", err)
		}
		return credential, nil
	}
	managed := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
	if clientID != "" {
		managed.ID = azidentity.ClientID(clientID)
	}
	credential, err := azidentity.NewManagedIdentityCredential(managed)
	if err != nil {
		return nil, fmt.Errorf("managed identity: %w", err)
	}
	return credential, nil
}

// callLimit is longer than any call may take; contexts end earlier.
const callLimit = 30 * time.Second

// NewTransport is the HTTP client of every Azure client. Each call of an
// adapter brings a deadline of its own besides; redirects are not followed, so
// that no token goes where a store points.
func NewTransport() *http.Client {
	return &http.Client{
		Timeout:       callLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          200,
			MaxIdleConnsPerHost:   64,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   5 * time.Second,
			ExpectContinueTimeout: time.Second,
		},
	}
}

// NoRetries turns the SDK's own retries off: whoever calls repeats what is
// safe to repeat, within its deadline.
func NoRetries() policy.RetryOptions { return policy.RetryOptions{MaxRetries: -1} }
