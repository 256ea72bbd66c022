package approval

import (
	"context"
	"errors"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// Resumable is the frozen request behind an approval, for evaluating it again.
type Resumable struct {
	Received  []byte // as it was received, a JSON object
	Agent     string
	Requester Person
	Identity  policy.Identity
}

// Resume reads the frozen request of an approval that the application asked
// for, whatever became of it. Any other id is [ErrNotFound]; whether agent and
// user are the same is for the caller to compare.
func (s *Service) Resume(ctx context.Context, tenant, application, id string, now time.Time) (Resumable, error) {
	slot, generation, ok := ParseID(id)
	if !ok || tenant == "" {
		return Resumable{}, ErrNotFound
	}
	h, err := s.load(ctx, lower(tenant), slot, now)
	if errors.Is(err, ErrNotFound) {
		return Resumable{}, ErrNotFound
	}
	if err != nil {
		return Resumable{}, err
	}
	c := &h.doc.Current
	if _, ok := s.generation(h.doc, generation, now); !ok || c.Application != lower(application) {
		return Resumable{}, ErrNotFound
	}
	return Resumable{Received: c.Frozen.Received, Agent: c.Agent, Requester: c.Requester, Identity: c.Identity.Identity}, nil
}
