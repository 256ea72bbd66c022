package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
)

// unlimited are settings under which nothing but the machine limits a load.
var unlimited = []string{
	"FABRIC_RATE=1000000", "FABRIC_BURST=1000000", "FABRIC_OPEN_PER_USER=1000000", "FABRIC_OPEN_PER_AGENT=1000000",
}

// anyCall is a call of the sample packs, of one of the outcomes.
func anyCall() string {
	switch rand.N(5) {
	case 0:
		return order(1 + rand.N(50_000))
	case 1:
		return order(50_001 + rand.N(50_000)) // needs an approval, of its own or one that is open
	case 2:
		return vendor(fmt.Sprintf("V-%d", rand.N(1000)))
	case 3:
		return shell("uptime")
	default:
		return shell("rm -rf /srv")
	}
}

// load is what clients have got of a server.
type load struct {
	mu       sync.Mutex
	answers  []outcome      // with status 200; guarded by mu
	statuses map[int]int    // guarded by mu
	odd      []string       // what no client may get; guarded by mu
	lost     map[string]int // correlation ids of calls without an answer; guarded by mu
}

// press has so many clients call a server, each with one call at a time on a
// connection it keeps, until the server is gone or ctx ends. Whatever comes is
// told to each.
func (l *load) press(ctx context.Context, s *server, clients int, each func(status, answered int)) {
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("load-%d-%d-%d", s.cmd.Process.Pid, c, i)
				body := `{"correlationId":"` + id + `",` + anyCall()[1:]
				r, err := s.call(ctx, http.MethodPost, "/api/authorize", []byte(body))
				if err != nil {
					l.lose(id)
					return
				}
				status, answered := l.take(r)
				each(status, answered)
			}
		})
	}
	all.Wait()
}

func (l *load) lose(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil {
		l.lost = map[string]int{}
	}
	l.lost[id]++
}

// take counts one reply and checks its shape.
func (l *load) take(r reply) (status, answered int) {
	o, err := r.outcome()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.statuses == nil {
		l.statuses = map[int]int{}
	}
	l.statuses[r.status]++
	switch {
	case r.status == http.StatusOK && err == nil && o.DecisionID != "":
		l.answers = append(l.answers, o)
	case r.status == http.StatusOK || r.denies() != "":
		l.odd = append(l.odd, fmt.Sprintf("%d %s: %s", r.status, r.body, r.denies()))
	}
	return r.status, len(l.answers)
}
