package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

func TestTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &storetest.MemorySink{}
		log := openLog(t, sink, options())
		for i := range 15 {
			mustAppend(t, log, fmt.Sprintf("d%02d", i))
			<-time.After(time.Millisecond)
		}
		var got []string
		collect := func(e audit.Entry) error {
			if e.Kind == audit.KindDecision {
				var record struct{ DecisionID string }
				if err := json.Unmarshal(e.Record, &record); err != nil {
					return err
				}
				got = append(got, record.DecisionID)
			}
			return nil
		}
		if err := audit.Tail(t.Context(), sink, audit.TailOptions{Last: 3}, collect); err != nil || !slices.Equal(got, []string{"d12", "d13", "d14"}) {
			t.Errorf("Tail(3) = %v, %v, want the last three", got, err)
		}
		got = nil
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- audit.Tail(ctx, sink, audit.TailOptions{Last: -1, Follow: true}, collect) }()
		synctest.Wait()
		mustAppend(t, log, "new1")
		<-time.After(2 * time.Second)
		mustAppend(t, log, "new2")
		closeLog(t, log)
		<-time.After(2 * time.Second)
		cancel()
		if err := <-ended; err != nil || !slices.Equal(got, []string{"new1", "new2"}) {
			t.Errorf("Tail(follow) = %v, %v, want the two that came", got, err)
		}
		full := errors.New("full")
		if err := audit.Tail(t.Context(), sink, audit.TailOptions{}, func(audit.Entry) error { return full }); !errors.Is(err, full) {
			t.Errorf("Tail() = %v, want the error of emit", err)
		}
	})
}
