package httpapi

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Places that fall free go round the callers: one with many requests does not
// starve another that comes later with few.
func TestPlacesGoRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurnstile(1, 100)
		must(t, turns.enter(t.Context(), "first"))
		var mu sync.Mutex
		var order []string
		join := func(caller string) {
			go func() {
				if err := turns.enter(t.Context(), caller); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, caller)
				mu.Unlock()
				turns.leave()
			}()
			synctest.Wait()
		}
		for range 5 {
			join("greedy")
		}
		join("modest")
		join("other")
		join("modest")
		turns.leave()
		synctest.Wait()
		want := []string{"greedy", "modest", "other", "greedy", "modest", "greedy", "greedy", "greedy"}
		if !slices.Equal(order, want) {
			t.Errorf("order = %v, want %v", order, want)
		}
		if turns.free != 1 || turns.waiting != 0 || len(turns.queues) != 0 || len(turns.order) != 0 {
			t.Errorf("left over: %d free, %d waiting, %v, %v", turns.free, turns.waiting, turns.queues, turns.order)
		}
	})
}

// The line is bounded, in all and for one caller, and nobody waits for ever.
func TestTheLineIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurnstile(1, 8)
		must(t, turns.enter(t.Context(), "inside"))
		start := time.Now()
		kinds := make(chan *ProblemKind, 100)
		join := func(caller string) {
			go func() {
				var p *Problem
				if errors.As(turns.enter(t.Context(), caller), &p) {
					kinds <- p.Kind
				}
			}()
			synctest.Wait()
		}
		for range 3 {
			join("greedy") // two may wait
		}
		if kind := <-kinds; kind != Rate {
			t.Errorf("the third of one caller: %s, want rate", kind.Name)
		}
		for _, caller := range []string{"a", "a", "b", "b", "c", "c", "d"} {
			join(caller) // six more places in line
		}
		if kind := <-kinds; kind != Unavailable {
			t.Errorf("the ninth in line: %s, want unavailable", kind.Name)
		}
		for range 8 {
			if kind := <-kinds; kind != Unavailable {
				t.Errorf("who waited too long: %s, want unavailable", kind.Name)
			}
		}
		if waited := time.Since(start); waited != longestWait {
			t.Errorf("waited %v, want %v", waited, longestWait)
		}
		turns.leave()
		if turns.free != 1 || turns.waiting != 0 || len(turns.queues) != 0 || len(turns.order) != 0 {
			t.Errorf("left over: %d free, %d waiting, %v, %v", turns.free, turns.waiting, turns.queues, turns.order)
		}
	})
}

// No place is lost and none is made, however many come, give up and go.
func TestNoPlaceIsLost(t *testing.T) {
	const places = 3
	turns := newTurnstile(places, 1000)
	var mu sync.Mutex
	inside, most := 0, 0
	var wait sync.WaitGroup
	for n := range 300 {
		wait.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if n%3 == 0 {
				go cancel()
			}
			if turns.enter(ctx, string(rune('a'+n%7))) != nil {
				return
			}
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			mu.Lock()
			inside--
			mu.Unlock()
			turns.leave()
		})
	}
	wait.Wait()
	if turns.free != places || most > places || turns.waiting != 0 {
		t.Errorf("%d free, %d inside at one time, %d waiting, want %d, at most %d, 0", turns.free, most, turns.waiting, places, places)
	}
}

// Who is called in the moment of giving up has the place, and must give it back.
func TestGivingUpTooLateIsNotGivingUp(t *testing.T) {
	turns := newTurnstile(1, 8)
	must(t, turns.enter(t.Context(), "inside"))
	ticket, err := turns.queue("late")
	must(t, err)
	turns.leave()
	if turns.abandon("late", ticket) {
		t.Error("abandon() of a called ticket = true: its place is lost")
	}
	turns.leave()
	if turns.free != 1 {
		t.Errorf("%d free, want 1", turns.free)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
