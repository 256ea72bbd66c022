package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A check that hangs is a finding of its own and holds up no other.
func TestExamineTellsWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		start := time.Now()
		got := examine(t.Context(), []examination{
			{"hangs", func(context.Context) []diagnosis { <-release; return nil }},
			{"works", func(context.Context) []diagnosis { return []diagnosis{fine("yes")} }},
		})
		if len(got) != 2 || got[0].Component != "hangs" || got[0].State != failed || got[1] != (diagnosis{"works", healthy, "yes", ""}) {
			t.Errorf("examine = %+v", got)
		}
		if took := time.Since(start); took != checkLimit {
			t.Errorf("it took %s, want %s", took, checkLimit)
		}
	})
}

// T37: what the clocks of two machines may differ by.
func TestCompareClocks(t *testing.T) {
	for off, want := range map[time.Duration]health{
		0: healthy, 30 * time.Second: healthy, -30 * time.Second: healthy, 31 * time.Second: warned, -60 * time.Second: warned,
		61 * time.Second: failed, -time.Hour: failed,
	} {
		if got := compareClocks(off); got.State != want {
			t.Errorf("compareClocks(%s) = %s, want %s", off, got.State, want)
		}
	}
}

func TestServerCheck(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   health
		detail string
	}{
		"ready":        {200, `{"ready":true,"missing":[]}`, healthy, "ready"},
		"not ready":    {503, `{"ready":false,"missing":[{"component":"audit","detail":"takes no records"}]}`, failed, "audit: takes no records"},
		"another page": {200, `<html>sign in</html>`, failed, "not as this service does"},
		"empty":        {200, ``, failed, "not as this service does"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/health/ready" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		got := serverCheck(server.URL + "/")(t.Context())
		if len(got) == 0 || got[0].State != c.want || !strings.Contains(got[0].Detail, c.detail) {
			t.Errorf("%s: %+v, want %s with %q", name, got, c.want, c.detail)
		}
		server.Close()
		if got := serverCheck(server.URL)(t.Context()); got[0].State != failed {
			t.Errorf("a server that is down: %+v", got)
		}
	}
}
