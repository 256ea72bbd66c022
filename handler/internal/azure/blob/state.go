package blob

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// Protection is what keeps blobs from being changed or deleted. The zero
// Protection is unknown.
type Protection uint8

// The protections. Whether a policy is locked is known to the management plane
// alone: ask it with
// az storage container immutability-policy show --query state.
const (
	ProtectionUnknown Protection = iota // the identity may not ask
	Unprotected                         // no policy and no legal hold: anything can be deleted
	PolicyHeld                          // a retention policy, locked or not: not locked it can be lifted
	LegallyHeld                         // a legal hold, which lasts until somebody clears it
	PolicyAndHold                       // both
)

// String names the protection, for people.
func (p Protection) String() string {
	return [...]string{"unknown", "none", "retention policy", "legal hold", "retention policy and legal hold"}[p]
}

// State is what a container says of itself.
type State struct {
	Exists     bool
	Protection Protection
	// ByVersion: immutability is kept by version, which admits no appends.
	ByVersion bool
	// Clock is how far the service's clock is ahead of this machine's, to the
	// second.
	Clock time.Duration
}

// State asks the container what it is. An error means that it was not reached
// or did not let this identity in; a container that is missing is none. Where
// the identity may read blobs and not the container, the protection is unknown.
func (c *Container) State(ctx context.Context) (State, error) {
	state, err := c.properties(ctx)
	var e *Error
	switch {
	case err == nil:
		return state, nil
	case errors.As(err, &e) && e.is(bloberror.ContainerNotFound):
		return State{}, nil
	case errors.As(err, &e) && e.Status == http.StatusForbidden:
		if _, listErr := c.list(ctx, "", 1); listErr != nil {
			return State{}, listErr
		}
		return State{Exists: true}, nil
	}
	return State{}, err
}

func (c *Container) properties(ctx context.Context) (State, error) {
	ctx, cancel, k := c.begin(ctx, "ask for the container", "")
	defer cancel()
	asked := time.Now()
	answer, err := c.client.GetProperties(ctx, nil)
	if err != nil {
		return State{}, k.failed(err)
	}
	return stateOf(answer, asked.Add(time.Since(asked)/2)), nil
}

// stateOf reads an answer that was given about then.
func stateOf(answer container.GetPropertiesResponse, then time.Time) State {
	is := func(b *bool) bool { return b != nil && *b }
	state := State{Exists: true, Protection: Unprotected, ByVersion: is(answer.IsImmutableStorageWithVersioningEnabled)}
	switch policy, hold := is(answer.HasImmutabilityPolicy), is(answer.HasLegalHold); {
	case policy && hold:
		state.Protection = PolicyAndHold
	case policy:
		state.Protection = PolicyHeld
	case hold:
		state.Protection = LegallyHeld
	}
	if answer.Date != nil {
		const half = 500 * time.Millisecond // Date has no fraction
		state.Clock = answer.Date.Add(half).Sub(then).Round(time.Second)
	}
	return state
}
