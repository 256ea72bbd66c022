package logicapp_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	trigger "github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/logicapp"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

func openTwo(t *testing.T, s *approval.Service) {
	t.Helper()
	r := storetest.Order("a")
	relayed(&r)
	r.Requirements[0].Notify = []string{"mailto:mia@contoso.com", "mailto:omar@contoso.com"}
	if _, _, err := s.Open(t.Context(), r, storetest.Noon); err != nil {
		t.Fatal(err)
	}
}

// taken are the recipients of the questions that the trigger took, and the ids
// and nonces of each.
func taken(s *trigger.Server) map[string][]string {
	out := map[string][]string{}
	for _, m := range s.Messages() {
		out[m.Text("recipient")] = append(out[m.Text("recipient")], m.Text("messageId")+" "+m.Text("nonce"))
	}
	return out
}

// approvals.md: at least once, never to a wrong recipient. Whatever goes wrong
// with the first message, the second is sent; the first comes until it is
// taken, as the same message.
func TestAtLeastOnceUnderFaults(t *testing.T) {
	for _, reply := range []trigger.Reply{
		{}, {Status: 401}, {Status: 404}, {Status: 429, RetryAfter: "1"}, {Status: 500}, {Hang: true}, {Late: true}, {Lost: true},
	} {
		t.Run(fmt.Sprintf("%+v", reply), func(t *testing.T) {
			server := newTrigger(t)
			server.Script(reply)
			s := serviceOver(&storetest.MemoryApprovals{}, hasty(t, server))
			openTwo(t, s)
			for at := time.Duration(0); at <= time.Minute; at += 10 * time.Second {
				_, err := s.Sweep(t.Context(), func() time.Time { return storetest.Noon.Add(at) })
				if err != nil && at > 0 {
					t.Errorf("Sweep at +%s = %v", at, err)
				}
			}
			got := taken(server)
			if len(got) != 2 {
				t.Fatalf("taken = %v, want a message for each of two", got)
			}
			for to, all := range got {
				if len(all) > 2 || len(slices.Compact(all)) != 1 {
					t.Errorf("%s was sent %v, want one message, twice at most", to, all)
				}
			}
			if got["mia@contoso.com"][0] == got["omar@contoso.com"][0] {
				t.Error("two people have one nonce")
			}
		})
	}
}

// Of instances that sweep at the same time one sends each message, and a
// message that an instance is still sending is not sent by another.
func TestLeases(t *testing.T) {
	server := newTrigger(t)
	n, store := newNotifier(t, server), &storetest.MemoryApprovals{}
	openTwo(t, serviceOver(store, n))
	var wg sync.WaitGroup
	for range 8 {
		s := serviceOver(store, n)
		wg.Go(func() {
			if _, err := s.Sweep(t.Context(), func() time.Time { return storetest.Noon }); err != nil {
				t.Errorf("Sweep = %v", err)
			}
		})
	}
	wg.Wait()
	if got := server.Messages(); len(got) != 2 {
		t.Errorf("%d messages, want one a person", len(got))
	}
}
