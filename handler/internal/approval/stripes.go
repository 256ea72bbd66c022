package approval

import (
	"context"
	"hash/maphash"
)

// stripes are locks by name within this process. They are no part of what
// makes an approval correct, which the revisions do: they keep many callers of
// one call from racing each other and from logging one event many times, and
// many calls of one agent from passing a cap together.
type stripes struct {
	seed  maphash.Seed
	locks [64]chan struct{} // a lock is held by whoever put the element in
}

func newStripes() *stripes {
	s := &stripes{seed: maphash.MakeSeed()}
	for i := range s.locks {
		s.locks[i] = make(chan struct{}, 1)
	}
	return s
}

// lock waits for the lock of a name, at most as long as ctx lasts. Nobody may
// hold two of the same stripes: two names may share one lock.
func (s *stripes) lock(ctx context.Context, name string) (unlock func(), err error) {
	held := s.locks[maphash.String(s.seed, name)%uint64(len(s.locks))]
	select {
	case held <- struct{}{}:
		return func() { <-held }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
