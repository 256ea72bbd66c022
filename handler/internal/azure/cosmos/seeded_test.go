package cosmos

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/azure"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/cosmosserver"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// spoiled is a way to the account on which a bug lies.
type spoiled func(*http.Request) (*http.Response, error)

// Do implements [policy.Transporter].
func (f spoiled) Do(r *http.Request) (*http.Response, error) { return f(r) }

// R4, FR25: the histories find what this adapter could do wrong, whether on
// its way out or in what it makes of an answer.
func TestApprovalHistoriesFindBugs(t *testing.T) {
	next := azure.NewTransport()
	for name, bug := range map[string]spoiled{
		"a write without If-Match": func(r *http.Request) (*http.Response, error) {
			r.Header.Del("If-Match")
			return next.Do(r)
		},
		"412 taken for success": func(r *http.Request) (*http.Response, error) {
			res, err := next.Do(r)
			if err == nil && res.StatusCode == http.StatusPreconditionFailed {
				_ = res.Body.Close()
				res.StatusCode, res.Body = http.StatusOK, io.NopCloser(strings.NewReader(""))
				res.Header.Set("Etag", `"lost"`)
			}
			return res, err
		},
		"reads without a session, from a replica that is behind": func(r *http.Request) (*http.Response, error) {
			r.Header.Del("X-Ms-Session-Token")
			return next.Do(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, s := stubbed(t)
			if strings.Contains(name, "behind") {
				s.Script(lagging(s))
			}
			store := another(t, s, Options{Transport: bug}).Approvals()
			storetest.ApprovalHistoriesFind(t, store, 400, firstSeed())
		})
	}
}

// lagging stops and releases the replica that answers reads, a few calls each.
func lagging(s *cosmosserver.Server) func(cosmosserver.Call) cosmosserver.Fault {
	var writes atomic.Int64
	return func(c cosmosserver.Call) cosmosserver.Fault {
		if c.Operation == cosmosserver.Replace {
			switch writes.Add(1) % 8 {
			case 1:
				s.Hold()
			case 7:
				s.Release()
			}
		}
		return cosmosserver.Fault{}
	}
}
