package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	pages "github.com/authorization-fabric/fabric/handler/internal/console"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

const sampleTenantID = "11111111-1111-1111-1111-111111111111"

// wired is the program with the sample packs over a data directory.
func wired(t *testing.T, variables ...string) *service {
	t.Helper()
	c, err := readConfig(from(variables...))
	if err != nil {
		t.Fatal(err)
	}
	c.data, c.publicURL = filepath.Join(t.TempDir(), "data"), "http://127.0.0.1:7071"
	s, err := wire(t.Context(), c, wireOptions{log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return s
}

func asked(s *service, t *testing.T, method, path string, fields url.Values, edit func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:7071"+path, strings.NewReader(fields.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	return w
}

// The pages behind the route table: what the mail links to, what a form does,
// and that HEAD is not found like everywhere.
func TestConsoleBehindTheRoutes(t *testing.T) {
	s := wired(t)
	mia := url.Values{"person": {sampleTenantID + " user:mia@contoso.com"}}
	for _, c := range []struct {
		method, path string
		fields       url.Values
		want         int
		leads        string
	}{
		{http.MethodGet, "/console/", nil, http.StatusOK, ""},
		{http.MethodHead, "/console/", nil, http.StatusNotFound, ""},
		{http.MethodPut, "/console/approvals", nil, http.StatusNotFound, ""},
		{http.MethodGet, "/console/approvals/apr_x-1", nil, http.StatusSeeOther, "/console/sign-in?next=%2Fconsole%2Fapprovals%2Fapr_x-1"},
		{http.MethodPost, "/console/approvals/apr_x-1/vote", nil, http.StatusSeeOther, "/console/sign-in?next=%2Fconsole%2Fapprovals%2Fapr_x-1"},
		{http.MethodPost, "/console/sign-in", mia, http.StatusSeeOther, "/console/approvals"},
	} {
		w := asked(s, t, c.method, c.path, c.fields, nil)
		if w.Code != c.want || w.Header().Get("Location") != c.leads {
			t.Errorf("%s %s = %d to %q, want %d to %q", c.method, c.path, w.Code, w.Header().Get("Location"), c.want, c.leads)
		}
	}
	foreign := asked(s, t, http.MethodPost, "/console/sign-in", mia, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
	if foreign.Code != http.StatusForbidden || foreign.Header().Get("Set-Cookie") != "" {
		t.Errorf("a sign-in from another site = %d, want 403 and no cookie", foreign.Code)
	}
	rebound := asked(s, t, http.MethodGet, "/console/", nil, func(r *http.Request) { r.Host = "evil.example" })
	if rebound.Code != http.StatusForbidden {
		t.Errorf("the console under another name = %d, want 403", rebound.Code)
	}
}

// Where tokens are demanded nobody is offered to be somebody.
func TestNobodyIsChosenUnderCoreTools(t *testing.T) {
	s := wired(t, "FUNCTIONS_CUSTOMHANDLER_PORT=7071")
	if people := s.people(time.Now()); len(people) > 0 {
		t.Errorf("people = %v, want nobody", people)
	}
	w := asked(s, t, http.MethodPost, "/console/sign-in", url.Values{"person": {sampleTenantID + " user:mia@contoso.com"}}, nil)
	if w.Code != http.StatusBadRequest || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("sign in = %d with %q, want neither", w.Code, w.Header().Get("Set-Cookie"))
	}
}

// A preview is decided in the person's own tenant, is recorded as what it is,
// and opens nothing.
func TestPlaygroundPreviews(t *testing.T) {
	s := wired(t)
	who := identity.Principal{Kind: identity.Person, Tenant: sampleTenantID, ObjectID: "oid", UPN: "mia@contoso.com"}
	const call = `{"agentId":"finance-agent","userUPN":"ana@contoso.com","action":"CreatePO","resource":{"id":"PO-1","region":"EU"},
		"parameters":{"amount":70000,"currency":"EUR","vendor":"V-7"}`
	a, err := playground{s}.Preview(t.Context(), who, []byte(call+"}"))
	if err != nil || a.ReasonCode != "approval.required" || a.Approval.ID != "" || len(a.Trace) == 0 {
		t.Fatalf("Preview = %s with approval %q and %d lines, %v, want it traced and nothing opened", a.ReasonCode, a.Approval.ID, len(a.Trace), err)
	}
	found, err := decisionLog{s.backend.log, "dev"}.Find(t.Context(), audit.Search{Text: a.DecisionID, Tenant: sampleTenantID, Now: time.Now()})
	if err != nil || len(found.Entries) != 1 || found.Entries[0].Kind != audit.KindPreview {
		t.Errorf("Find(%s) = %+v, %v, want one preview", a.DecisionID, found.Entries, err)
	}
	for name, body := range map[string]string{
		"another tenant": call + `,"tenantId":"22222222-2222-2222-2222-222222222222"}`,
		"no JSON":        call, "too large": call + strings.Repeat(" ", 256<<10) + "}",
	} {
		var wrong *pages.MistakeError
		if _, err := (playground{s}).Preview(t.Context(), who, []byte(body)); !errors.As(err, &wrong) || len(wrong.Mistakes) == 0 {
			t.Errorf("Preview(%s) = %v, want its mistake", name, err)
		}
	}
}
