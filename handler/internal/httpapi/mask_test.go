package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// cover is a masker that answers null for what it is given, or fails.
type cover struct {
	asked authorize.MaskRequest
	fail  error
}

func (c *cover) Mask(_ context.Context, _ identity.Principal, r authorize.MaskRequest) (authorize.Masked, error) {
	c.asked = r
	return authorize.Masked{
		Output: strictjson.NullValue(), Changed: true, DecisionID: "01JD", Receipt: authorize.Receipt{Segment: "s", Seq: 7, Hash: "h"},
	}, c.fail
}

func postMask(t *testing.T, c *cover, body string) answer {
	t.Helper()
	s := &testServer{}
	edge := NewEdge(principals, nil, EdgeOptions{})
	s.handler = edge.Front(edge.Route(Access{Roles: []string{identity.RoleAuthorize}}, Mask(c)))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/api/mask", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return s.do(r)
}

func TestMask(t *testing.T) {
	var c cover
	got := postMask(t, &c, `{"grant":"a.b.c","output":{"b":70000.0,"a":null}}`)
	const want = `{"output":null,"masked":true,"decisionId":"01JD","receipt":{"segment":"s","seq":7,"hash":"h"}}`
	if got.status != http.StatusOK || string(got.body) != want {
		t.Errorf("POST /api/mask = %d %s, want 200 %s", got.status, got.body, want)
	}
	if output := string(strictjson.AppendAsSent(nil, c.asked.Output)); c.asked.Grant != "a.b.c" || output != `{"b":70000.0,"a":null}` {
		t.Errorf("Mask() was asked for %s with grant %q, want what was sent", output, c.asked.Grant)
	}
}

func TestMaskOfNullIsAnOutput(t *testing.T) {
	if got := postMask(t, &cover{}, `{"grant":"a.b.c","output":null}`); got.status != http.StatusOK {
		t.Errorf("POST /api/mask of null = %d %s, want 200", got.status, got.body)
	}
}

func TestMaskIsStrict(t *testing.T) {
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"grant":"a"}`, `{"output":1}`, `{"grant":"","output":1}`, `{"grant":null,"output":1}`,
		`{"grant":["a"],"output":1}`, `{"grant":"a","grant":"b","output":1}`, `{"grant":"a","output":1,"output":2}`,
		`{"grant":"a","Output":1}`, `{"grant":"a","output":1,"obligations":[]}`, `{"grant":"a","output":{"x":1,"x":2}}`,
		`{"grant":"a","output":1}{}`, `{"grant":"a","output":9007199254740993}`, "{\"grant\":\"a\",\"output\":\"\xff\"}",
	} {
		got := postMask(t, &cover{}, body)
		if p := got.problem(t); got.status != http.StatusBadRequest || !strings.HasSuffix(p.Type, ":malformed") {
			t.Errorf("POST /api/mask %s = %d %s, want 400", body, got.status, got.body)
		}
	}
}

// A grant that does not count is 403, whatever stands in the way of knowing
// that is 503, and neither tells of the grant.
func TestMaskOfABadGrant(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		detail string
	}{
		{&grant.RefusedError{Reason: "it has expired"}, http.StatusForbidden, "The grant does not count: it has expired."},
		{&authorize.UnavailableError{Component: "audit"}, http.StatusServiceUnavailable, "Audit is not available."},
		{errors.New("secret"), http.StatusServiceUnavailable, "No decision can be made and recorded at the moment."},
	} {
		got := postMask(t, &cover{fail: c.err}, `{"grant":"a.b.c","output":1}`)
		if p := got.problem(t); got.status != c.status || p.Detail != c.detail || strings.Contains(string(got.body), "a.b.c") {
			t.Errorf("%v: POST /api/mask = %d %s, want %d %q", c.err, got.status, got.body, c.status, c.detail)
		}
	}
}
