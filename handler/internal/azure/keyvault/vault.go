package keyvault

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/authorization-fabric/fabric/handler/internal/azure"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

// Options of a [Vault]. The zero Options are right.
type Options struct {
	Transport policy.Transporter // nil is [azure.NewTransport]
	Clock     func() time.Time   // nil is the machine's

	CallLimit time.Duration // of one request to the vault; 0 is 2 s
	// Refresh is how often the versions are read anew, ± 20 %; 0 is 5 min.
	Refresh time.Duration
	// CacheAge is how long verifiers keep the published keys: a new version
	// signs no sooner than that after all instances publish it. 0 is 1 h.
	CacheAge time.Duration
	// Tell is called from the background: with the error of each reading that
	// fails, and with nil once one succeeds again. nil tells nobody.
	Tell func(error)
}

func (o Options) withDefaults() Options {
	if o.Transport == nil {
		o.Transport = azure.NewTransport()
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.CallLimit <= 0 {
		o.CallLimit = 2 * time.Second
	}
	if o.Refresh <= 0 {
		o.Refresh = 5 * time.Minute
	}
	if o.CacheAge <= 0 {
		o.CacheAge = time.Hour
	}
	if o.Tell == nil {
		o.Tell = func(error) {}
	}
	return o
}

// Vault is a key and a secret in Azure Key Vault. It is safe for concurrent
// use.
type Vault struct {
	keys                *azkeys.Client
	secrets             *azsecrets.Client
	keyName, secretName string
	o                   Options
	guard               *guard

	held atomic.Pointer[versions] // never nil after Open, never changed in place

	reading sync.Mutex    // held while the versions are read
	again   chan struct{} // has an element when the versions should be read soon
	stop    context.CancelFunc
	stopped chan struct{}
}

var _ grant.Signer = (*Vault)(nil)

// names are what Key Vault takes as the name of a key or a secret.
var names = regexp.MustCompile(`^[0-9A-Za-z-]{1,127}$`)

// Open reads the versions of the key, and reads them anew in the background
// until [Vault.Close]. What is throttled or does not answer is tried a few
// times, within 10 s. A key that no version of can sign is an error.
func Open(ctx context.Context, vaultURL, keyName, secretName string, credential azcore.TokenCredential, o Options) (*Vault, error) {
	v, err := connect(vaultURL, keyName, secretName, credential, o.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("key vault: %w", err)
	}
	if err := v.patiently(ctx, v.Refresh); err != nil {
		return nil, fmt.Errorf("key vault: %w", err)
	}
	if now, held := v.o.Clock(), v.held.Load(); held.signing(now) == nil {
		return nil, fmt.Errorf("key vault: %w", &noVersionError{keyName, held.faults(now)})
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	v.stop = cancel
	go v.keepFresh(background)
	return v, nil
}

// connect makes the clients; it asks the vault nothing.
func connect(vaultURL, keyName, secretName string, credential azcore.TokenCredential, o Options) (*Vault, error) {
	address, onThisMachine, err := parseAddress(vaultURL)
	if err != nil {
		return nil, err
	}
	if !names.MatchString(keyName) || !names.MatchString(secretName) {
		return nil, errors.New("the name of a key or a secret is 1 to 127 letters, digits and dashes")
	}
	v := &Vault{
		keyName: keyName, secretName: secretName, o: o, guard: &guard{host: address.Host, inner: o.Transport, clock: o.Clock},
		again: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	client := policy.ClientOptions{Transport: v.guard, Retry: azure.NoRetries(), Telemetry: policy.TelemetryOptions{Disabled: true}}
	credential = azure.TokenErrors(credential)
	v.keys, err = azkeys.NewClient(address.String(), credential,
		&azkeys.ClientOptions{ClientOptions: client, DisableChallengeResourceVerification: onThisMachine})
	if err != nil {
		return nil, azure.Cause(err)
	}
	v.secrets, err = azsecrets.NewClient(address.String(), credential,
		&azsecrets.ClientOptions{ClientOptions: client, DisableChallengeResourceVerification: onThisMachine})
	return v, azure.Cause(err)
}

// Inspect is [Vault.State] of a vault that need not be in order. The error is
// an address or a name that is none.
func Inspect(ctx context.Context, vaultURL, keyName, secretName string, credential azcore.TokenCredential, o Options) (State, error) {
	v, err := connect(vaultURL, keyName, secretName, credential, o.withDefaults())
	if err != nil {
		return State{}, fmt.Errorf("key vault: %w", err)
	}
	return v.State(ctx), nil
}

// Close ends the reading in the background and waits for it.
func (v *Vault) Close() {
	v.stop()
	<-v.stopped
}

// maxUntold is how long the versions count that the vault told last.
const maxUntold = 24 * time.Hour

// StatementKeys are the keys of every enabled version: statements that were
// signed long ago, such as the manifest of a policy, count until their version
// is disabled. It asks the vault nothing. What the vault has not told for a day
// may have been disabled long ago: then there are none.
func (v *Vault) StatementKeys() grant.KeySet {
	held := v.held.Load()
	if v.o.Clock().Sub(held.read) > maxUntold {
		return grant.KeySet{}
	}
	var keys []grant.PublicKey
	for _, version := range held.list {
		if version.usable() {
			keys = append(keys, version.public)
		}
	}
	return grant.NewKeySet(keys...)
}

// PublicKeys implements [grant.Signer]: the signing version, those that will
// sign, and those that signed until not long ago. It asks the vault nothing
// and never fails.
func (v *Vault) PublicKeys(context.Context) ([]grant.PublicKey, error) {
	var keys []grant.PublicKey
	for _, version := range v.held.Load().published(v.o.Clock()) {
		keys = append(keys, version.public)
	}
	return keys, nil
}

// Sign implements [grant.Signer]. The answer is checked: what the vault signed
// otherwise, or with another version, is an error. Nothing is tried again.
func (v *Vault) Sign(ctx context.Context, kid string, digest [sha256.Size]byte) ([]byte, error) {
	version := v.held.Load().mayStillSign(v.o.Clock(), kid)
	if version == nil {
		return nil, errors.New("sign: only the current key signs")
	}
	signature, err := v.sign(ctx, version, digest)
	if err != nil {
		switch azure.StatusOf(err) {
		case http.StatusForbidden, http.StatusNotFound, http.StatusBadRequest: // it may have been disabled
			v.readSoon()
		}
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signature, nil
}

func (v *Vault) sign(ctx context.Context, version *version, digest [sha256.Size]byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, v.o.CallLimit)
	defer cancel()
	algorithm := azkeys.SignatureAlgorithmES256
	answer, err := v.keys.Sign(ctx, v.keyName, version.name, azkeys.SignParameters{Algorithm: &algorithm, Value: digest[:]}, nil)
	if err != nil {
		return nil, azure.Cause(err)
	}
	if answer.KID == nil || answer.KID.Version() != version.name {
		return nil, errors.New("another version signed")
	}
	if !version.verifies(digest, answer.Result) {
		return nil, errors.New("the vault gave no signature of the key")
	}
	return answer.Result, nil
}
