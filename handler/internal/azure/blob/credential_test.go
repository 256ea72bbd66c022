package blob_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/azure/blob"
)

type fakeCredential struct{}

// GetToken implements [azcore.TokenCredential].
func (fakeCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, errors.New(`{"error_description":"AADSTS700016: SECRET"}`)
}

// Without a token nothing is sent, which is certain, and what the token
// service wrote is not passed on.
func TestNoToken(t *testing.T) {
	c, err := blob.NewContainer("https://acc.blob.core.windows.net/audit", fakeCredential{}, blob.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Append(t.Context(), "a.jsonl", 0, []byte("x\n"))
	if got != audit.Absent || err == nil || strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), "AADSTS700016") {
		t.Errorf("Append without a token = %v, %v, want absent and the code alone", got, err)
	}
}
