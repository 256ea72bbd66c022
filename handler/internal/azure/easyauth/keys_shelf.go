package easyauth

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
)

// shelf keeps the keys of one tenant.
type shelf struct {
	source source
	now    func() time.Time

	kept atomic.Pointer[keySet] // nil: none were ever fetched

	mu     sync.Mutex
	flight *flight   // the fetch under way; nil: none. Guarded by mu
	tried  time.Time // when a fetch was last begun; guarded by mu
	failed error     // of the last fetch that ended; guarded by mu
}

// keySet is never changed.
type keySet struct {
	keys map[string]jwkset.JWK
	at   time.Time // when they were fetched
}

// flight is a fetch that several may wait for.
type flight struct {
	ended chan struct{}
	err   error // once ended is closed
}

// key is the key of that id. Whoever names an unknown one keeps nobody from
// this one.
func (s *shelf) key(ctx context.Context, kid string) (jwkset.JWK, error) {
	if set := s.kept.Load(); set != nil {
		age := s.now().Sub(set.at)
		if key, ok := set.keys[kid]; ok && within(age, usableFor) {
			if !within(age, freshFor) {
				s.begin(fetchAgain) // and do not wait: the background was not there to do it
			}
			return key, nil
		}
	}
	if f := s.begin(s.leastPause()); f != nil {
		select {
		case <-f.ended:
		case <-ctx.Done():
			return jwkset.JWK{}, fmt.Errorf("keys of Entra ID: %w", ctx.Err())
		}
	}
	return s.look(kid)
}

// look is what is known now. An unknown key is one that does not exist only
// where the last fetch could have shown it.
func (s *shelf) look(kid string) (jwkset.JWK, error) {
	if err := s.ready(); err != nil {
		return jwkset.JWK{}, err
	}
	if key, ok := s.kept.Load().keys[kid]; ok {
		return key, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return jwkset.JWK{}, s.failed
	}
	return jwkset.JWK{}, jwkset.ErrKeyNotFound
}

var errNeverFetched = errors.New("they have not been fetched yet")

// ready is nil while there are keys that may be used.
func (s *shelf) ready() error {
	set := s.kept.Load()
	if set != nil && within(s.now().Sub(set.at), usableFor) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failed != nil:
		return s.failed
	case set != nil:
		return errors.New("the last fetch was more than a day ago")
	}
	return errNeverFetched
}

// within is false where the clock went back, and no age is known.
func within(age, most time.Duration) bool { return age >= 0 && age < most }

func (s *shelf) leastPause() time.Duration {
	if s.kept.Load() == nil {
		return fetchFirst
	}
	return fetchAgain
}

// begin joins the fetch under way, or begins one if the last was begun that
// long ago; nil otherwise. The fetch ends by itself, within its limit: others
// wait for it too, so whoever leaves does not end it.
func (s *shelf) begin(pause time.Duration) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.flight != nil || !s.tried.IsZero() && within(now.Sub(s.tried), pause) {
		return s.flight
	}
	s.tried = now
	s.flight = &flight{ended: make(chan struct{})}
	go s.fly(s.flight, now)
	return s.flight
}

func (s *shelf) fly(f *flight, begun time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchLimit)
	defer cancel()
	keys, err := s.source.fetch(ctx)
	if err == nil {
		s.kept.Store(&keySet{keys, begun})
	}
	s.mu.Lock()
	s.flight, s.failed, f.err = nil, err, err
	s.mu.Unlock()
	close(f.ended)
}

// refresh fetches now, or waits for whoever does.
func (s *shelf) refresh(ctx context.Context) error {
	f := s.begin(0)
	select {
	case <-f.ended:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pause is how long the background waits after a fetch.
func (s *shelf) pause(err error) time.Duration {
	if err != nil {
		return s.leastPause()
	}
	return freshFor - rand.N(spread)
}
