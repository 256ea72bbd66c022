package httpapi

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
)

// The body of cancel and revoke may be left out, and then says nothing of what
// it is.
func TestClosingBodies(t *testing.T) {
	for _, c := range []struct {
		body, contentType string
		status            int
		comment           string
	}{
		{"", "", 200, ""},
		{"", "text/plain", 200, ""},
		{"", "application/json", 200, ""},
		{"{}", "application/json", 200, ""},
		{`{"comment":null}`, "application/json", 200, ""},
		{`{"comment":"not\nnow"}`, "application/json; charset=utf-8", 200, "not\nnow"},
		{"{}", "", 415, ""},
		{"comment=x", "application/x-www-form-urlencoded", 415, ""},
		{"{}" + strings.Repeat(" ", MaxBody), "application/json", 413, ""},
	} {
		for _, chunked := range []bool{false, true} {
			for _, as := range []string{"mia", ""} { // the developer finds it in the second tenant
				box := &ballotBox{}
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/approvals/apr_1/revoke", strings.NewReader(c.body))
				if c.contentType != "" {
					r.Header.Set("Content-Type", c.contentType)
				}
				r.Header.Set("Authorization", as)
				if chunked {
					r.ContentLength = -1
				}
				got := ballotServer(box).do(r)
				if got.status != c.status || c.status == 200 && (string(got.body) != wholeApproval || !slices.Equal(box.closed, []string{"revoke apr_1 " + c.comment})) {
					t.Errorf("%.40q as %q, chunked %v: %d %.200s, closed %q, want %d, %q", c.body, c.contentType, chunked, got.status, got.body, box.closed, c.status, c.comment)
				}
			}
		}
	}
}

func TestMalformedComments(t *testing.T) {
	box := &ballotBox{}
	server := ballotServer(box)
	for _, c := range []spoiled{
		{"an object", "", "null"},
		{"an object", "", "[]"},
		{"an object", "", " "},
		{"an object", "", `"why"`},
		{"one value", "", `{}{}`},
		{"a string", "/comment", `{"comment":7}`},
		{"a string", "/comment", `{"comment":["x"]}`},
		{"control characters", "/comment", `{"comment":"\u0007"}`},
		{"too long", "/comment", `{"comment":"` + strings.Repeat("x", approval.MaxComment+1) + `"}`},
		{"unknown", "/reason", `{"reason":"x"}`},
		{"unknown", "/vote", `{"comment":"x","vote":"approve"}`},
		{"another case", "/Comment", `{"Comment":"x"}`},
		{"twice", "/comment", `{"comment":"x","comment":"y"}`},
	} {
		for _, verb := range []string{"cancel", "revoke"} {
			mustPoint(t, c, server.send(t, "/api/approvals/apr_1/"+verb, c.body, "Authorization", "mia"))
		}
	}
	if len(box.closed) > 0 {
		t.Errorf("closed %q", box.closed)
	}
}

func TestOutcomes(t *testing.T) {
	for body, want := range map[string]string{
		`{"outcome":"executed"}`:                                   "executed 01JD ",
		`{"outcome":"failed","detail":"no\tstock\n"}`:              "failed 01JD no\tstock\n",
		`{"detail":null,"outcome":"unknown"}`:                      "unknown 01JD ",
		`{"outcome":"executed","detail":""}`:                       "executed 01JD ",
		`{"outcome":"executed","detail":"` + long("é", 280) + `"}`: "executed 01JD " + long("é", 280),
	} {
		box := &ballotBox{}
		got := ballotServer(box).send(t, "/api/decisions/01JD/outcome", body, "Authorization", "mia")
		word, _, _ := strings.Cut(want, " ")
		wantBody := `{"decisionId":"01JD","outcome":"` + word + `","receipt":{"segment":"s","seq":7,"hash":"sha256:h"}}`
		if got.status != http.StatusAccepted || string(got.body) != wantBody || !slices.Equal(box.closed, []string{want}) {
			t.Errorf("%.60s: %d %s, recorded %q, want 202 %s, %q", body, got.status, got.body, box.closed, wantBody, want)
		}
	}
}

func long(s string, n int) string { return strings.Repeat(s, n) }

func TestMalformedOutcomes(t *testing.T) {
	box := &ballotBox{}
	server := ballotServer(box)
	list := []spoiled{
		{"required", "/outcome", `{}`},
		{"required", "/outcome", `{"outcome":null}`},
		{"required", "/outcome", `{"outcome":""}`},
		{"required", "/outcome", `{"detail":"x"}`},
		{"a string", "/outcome", `{"outcome":true}`},
		{"a string", "/detail", `{"outcome":"failed","detail":{}}`},
		{"too long", "/detail", `{"outcome":"failed","detail":"` + long("é", authorize.MaxOutcomeDetail+1) + `"}`},
		{"control characters", "/detail", `{"outcome":"failed","detail":"\u001b[31m"}`},
		{"unknown", "/decisionId", `{"outcome":"failed","decisionId":"01JE"}`},
		{"unknown", "/callerApp", `{"outcome":"failed","callerApp":"a"}`},
		{"another case", "/Outcome", `{"outcome":"failed","Outcome":"executed"}`},
		{"twice", "/outcome", `{"outcome":"failed","outcome":"executed"}`},
		{"an object", "", `"executed"`},
		{"nothing", "", ``},
	}
	for _, word := range []string{"Executed", "EXECUTED", "executed ", "success", "succeeded", "ok", "error", "denied", "UNKNOWN"} {
		list = append(list, spoiled{"spelled exactly", "/outcome", `{"outcome":"` + word + `"}`})
	}
	for _, c := range list {
		mustPoint(t, c, server.send(t, "/api/decisions/01JD/outcome", c.body, "Authorization", "mia"))
	}
	if got := server.send(t, "/api/decisions/01JD/outcome", `{"outcome":"failed"}`, "Content-Type", "text/plain"); got.status != 415 {
		t.Errorf("text/plain: %d, want 415", got.status)
	}
	if len(box.closed) > 0 {
		t.Errorf("recorded %q", box.closed)
	}
}
