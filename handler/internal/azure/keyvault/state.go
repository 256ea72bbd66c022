package keyvault

import (
	"context"
	"crypto/sha256"
	"time"
)

// State is what there is to say about a vault, for whoever looks for what is
// wrong. It holds no secret.
type State struct {
	Key     error  // the versions could not be read, or none can sign; nil: in order
	Signing string // the kid that signs; "" for none
	Sign    error  // a signature was tried and failed; nil also where none was tried

	Versions []VersionState // the newest first

	Secret     error         // the environment key could not be read; nil: in order
	KeyID      string        // of the environment key: it names the secret and gives nothing away
	PreviousID string        // of the key before it; "" outside rotation
	ClockAhead time.Duration // by how much the vault's clock is ahead of ours, to a second; 0 within
	CallTook   time.Duration // how long one reading of the versions took
}

// VersionState is one version of the key.
type VersionState struct {
	Name                        string // the vault's
	KeyID                       string // the kid; "" where it cannot be one
	Type, Curve                 string // "" while the version is disabled
	Operations                  []string
	Enabled                     bool
	Created, NotBefore, Expires time.Time // zero: not given
	Turn                        time.Time // when it takes over from those before it
	Published                   bool
	Fault                       string // why it cannot sign; "" where it can
}

// trial is what [Vault.State] has signed: a text that no token begins with.
const trial = "fabric-vault-check-v1\n"

// State asks the vault for all that the program needs of it, a signature
// included.
func (v *Vault) State(ctx context.Context) State {
	now := v.o.Clock()
	var s State
	s.Key = v.Refresh(ctx)
	s.CallTook = v.o.Clock().Sub(now)
	s.ClockAhead = time.Duration(v.guard.ahead.Load())
	v.stateOfKey(ctx, &s)
	key, err := v.environmentKey(ctx)
	if s.Secret = err; err != nil {
		return s
	}
	s.KeyID = key.Current.ID()
	if key.Previous != nil {
		s.PreviousID = key.Previous.ID()
	}
	return s
}

func (v *Vault) stateOfKey(ctx context.Context, s *State) {
	now, held := v.o.Clock(), v.held.Load()
	if held == nil {
		return
	}
	published := held.published(now)
	for i := len(held.list) - 1; i >= 0; i-- {
		s.Versions = append(s.Versions, held.state(held.list[i], published, now))
	}
	signing := held.signing(now)
	switch {
	case signing != nil:
		s.Signing = signing.public.ID()
		_, s.Sign = v.sign(ctx, signing, sha256.Sum256([]byte(trial)))
	case s.Key == nil:
		s.Key = &noVersionError{v.keyName, held.faults(now)}
	}
}

func (vs *versions) state(v *version, published []*version, now time.Time) VersionState {
	out := VersionState{
		Name: v.name, Type: v.kind, Curve: v.curve, Operations: v.operations, Enabled: v.enabled,
		Created: v.created, NotBefore: v.notBefore, Expires: v.expires, Turn: vs.turn(v), Fault: v.why(now),
	}
	if v.key != nil {
		out.KeyID = v.public.ID()
	}
	for _, p := range published {
		out.Published = out.Published || p == v
	}
	return out
}

// noVersionError says why a key cannot be used.
type noVersionError struct{ name, faults string }

func (e *noVersionError) Error() string {
	return "no version of the key " + e.name + " can sign: " + e.faults
}
