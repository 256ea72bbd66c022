package httpapi

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

type publisher struct{ err error }

func (p publisher) KeySet(context.Context) (grant.KeySet, error) { return grant.KeySet{}, p.err }

// The keys are public; a failure to read them says nothing of itself.
func TestJWKS(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
	}{{nil, http.StatusOK}, {errors.New("vault is gone"), http.StatusServiceUnavailable}} {
		edge := NewEdge(nil, nil, EdgeOptions{})
		s := &testServer{handler: edge.Front(edge.Route(Access{Public: true}, JWKS(publisher{c.err})))}
		got := s.get(t, "http://localhost/.well-known/fabric-jwks.json")
		if got.status != c.status || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("GET /.well-known/fabric-jwks.json = %d %v %s, want %d", got.status, got.header, got.body, c.status)
		}
		if c.err == nil && string(got.body) != `{"keys":[]}` {
			t.Errorf("GET /.well-known/fabric-jwks.json = %s, want an empty set", got.body)
		}
		if c.err != nil {
			got.problem(t)
		}
	}
}
