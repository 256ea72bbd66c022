package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// What the service says of itself is valid OpenAPI 3.1, and every answer is
// one that it announces, in the shape it announces.
func TestAnswersAreThoseOfTheDocument(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serve(t, launch{dir: dir, env: unlimited})
	noRole := "Authorization: Bearer " + token(t, dir, "--user", "ana@contoso.com", "--roles", "Fabric.Approver")
	d := readDocument(t, s)
	asked := s.mustDecide(t, "REQUIRE_APPROVAL", order(70_000))
	for _, c := range []struct {
		method, path, route string // route as the document names it; "" for the path
		body                string
		headers             []string
		status              int
	}{
		{method: http.MethodPost, path: "/api/authorize", body: order(100), status: 200},
		{method: http.MethodPost, path: "/api/authorize", body: order(70_000), status: 200},
		{method: http.MethodPost, path: "/api/authorize", body: vendor("V-7"), status: 200},
		{method: http.MethodPost, path: "/api/authorize", body: shell("rm -rf /srv"), status: 200},
		{method: http.MethodPost, path: "/api/authorize?trace=1", route: "/api/authorize", body: shell("rm -rf /srv"), status: 200},
		{method: http.MethodPost, path: "/api/authorize", body: `{}`, status: 400},
		{method: http.MethodPost, path: "/api/authorize", body: order(100), headers: []string{"Content-Type: text/plain"}, status: 415},
		{method: http.MethodPost, path: "/api/authorize", body: order(100) + strings.Repeat(" ", 256<<10), status: 413},
		{method: http.MethodPost, path: "/api/authorize", body: order(100), headers: []string{"Authorization: Bearer x"}, status: 401},
		{method: http.MethodPost, path: "/api/authorize", body: order(100), headers: []string{noRole}, status: 403},
		{method: http.MethodGet, path: "/api/whoami", status: 200},
		{method: http.MethodGet, path: "/api/whoami", headers: []string{noRole}, status: 200},
		{method: http.MethodGet, path: "/api/whoami", headers: []string{"Authorization: Bearer x"}, status: 401},
		{method: http.MethodGet, path: "/api/approvals", status: 200},
		{method: http.MethodGet, path: "/api/approvals?status=closed", route: "/api/approvals", status: 200},
		{method: http.MethodGet, path: "/api/approvals?limit=none", route: "/api/approvals", status: 400},
		{method: http.MethodGet, path: "/api/approvals/" + asked.Approval.ID, route: "/api/approvals/{id}", status: 200},
		{method: http.MethodGet, path: "/api/approvals/apr_x", route: "/api/approvals/{id}", status: 404},
		{method: http.MethodGet, path: "/api/health/live", status: 200},
		{method: http.MethodGet, path: "/api/health/ready", status: 200},
	} {
		r, err := s.call(t.Context(), c.method, c.path, []byte(c.body), c.headers...)
		if err != nil {
			t.Fatal(err)
		}
		if r.status != c.status {
			t.Errorf("%s %s = %d %s, want %d", c.method, c.path, r.status, r.body, c.status)
			continue
		}
		d.check(t, c.method, orElse(c.route, c.path), r)
	}
}

// document is the OpenAPI document of a server.
type document struct {
	paths    map[string]map[string]struct{ Responses map[string]announced }
	compiler *jsonschema.Compiler
}

// announced is one answer of an operation.
type announced struct {
	Content map[string]struct {
		Schema struct {
			Ref string `json:"$ref"`
		}
	}
}

func readDocument(t *testing.T, s *server) document {
	t.Helper()
	r := s.get(t, "/api/openapi.json")
	parsed, err := libopenapi.NewDocument(r.body)
	if err != nil {
		t.Fatalf("GET /api/openapi.json: %v", err)
	}
	model, err := parsed.BuildV3Model()
	if err != nil || model.Model.Version != "3.1.0" || len(model.Model.Servers) != 1 || model.Model.Servers[0].URL != s.url {
		t.Fatalf("GET /api/openapi.json = %v, %.300s, want OpenAPI 3.1.0 at %s", err, r.body, s.url)
	}
	var d struct {
		Paths map[string]map[string]struct{ Responses map[string]announced }
	}
	if err := json.Unmarshal(r.body, &d); err != nil {
		t.Fatal(err)
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("openapi.json", resource); err != nil {
		t.Fatal(err)
	}
	return document{d.Paths, c}
}

func (d document) check(t *testing.T, method, path string, r reply) {
	t.Helper()
	answer, ok := d.paths[path][strings.ToLower(method)].Responses[strconv.Itoa(r.status)]
	if !ok {
		t.Errorf("%s %s answers %d, which the document does not announce", method, path, r.status)
		return
	}
	ref := answer.Content[r.header.Get("Content-Type")].Schema.Ref
	schema, err := d.compiler.Compile("openapi.json" + ref)
	if err != nil || ref == "" {
		t.Errorf("%s %s: no schema for %d %s: %v", method, path, r.status, r.header.Get("Content-Type"), err)
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.body))
	if err != nil {
		t.Errorf("%s %s = %s: %v", method, path, r.body, err)
		return
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s %s = %d %s: %v", method, path, r.status, r.body, err)
	}
}
