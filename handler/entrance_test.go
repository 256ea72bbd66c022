package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
)

func knock(t *testing.T, h http.Handler, method, path string) (status int, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:7071"+path, strings.NewReader("{}")))
	return w.Code, w.Body.String()
}

// R8: a process whose stores are not open is alive, not ready, and denies.
func TestEntranceDenies(t *testing.T) {
	n := newEntrance(slog.New(slog.DiscardHandler))
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 204},
		{"GET", "/api/health/live", 200},
		{"GET", "/api/health/ready", 503},
		{"POST", "/api/authorize", 503},
		{"POST", "/api/approval-callback", 503},
		{"GET", "/console/", 503},
		{"GET", "/nowhere", 503},
	} {
		status, body := knock(t, n, c.method, c.path)
		if status != c.status {
			t.Errorf("%s %s = %d %s, want %d", c.method, c.path, status, body, c.status)
		}
		if c.path == "/api/authorize" {
			var answer struct {
				Decision string
				Execute  bool
				NextStep string
			}
			if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Decision != "DENY" || answer.Execute || answer.NextStep != "retry" {
				t.Errorf("%s %s = %s, want a denial to retry", c.method, c.path, body)
			}
		}
	}
}

// The stores are tried again until they open, and what is lacking is named.
func TestEntranceOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newEntrance(slog.New(slog.DiscardHandler))
		tries := 0
		s := wired(t)
		got := n.openUntilDone(t.Context(), func(context.Context) (*service, error) {
			if tries++; tries < 4 {
				return nil, &authorize.UnavailableError{Component: "key vault", Err: errors.New("secret")}
			}
			if _, body := knock(t, n, "GET", "/api/health/ready"); !strings.Contains(body, "key vault") || strings.Contains(body, "secret") {
				t.Errorf("ready says %s, want the component and no cause", body)
			}
			return s, nil
		}, func(*service) {})
		if got != s || tries != 4 {
			t.Fatalf("opened %v after %d tries", got != nil, tries)
		}
		if status, body := knock(t, n, "GET", "/api/health/ready"); status != 200 {
			t.Errorf("ready = %d %s", status, body)
		}
		n.stop()
		<-s.stopping
	})
}

// Whoever waits inside is answered also where the stop came before the opening.
func TestEntranceOpensAfterAStop(t *testing.T) {
	n, s := newEntrance(slog.New(slog.DiscardHandler)), wired(t)
	n.stop()
	n.open(s)
	<-s.stopping
	n.stop()
}

// A stop ends the trying.
func TestEntranceIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newEntrance(slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		down := func(context.Context) (*service, error) { return nil, errors.New("down") }
		if s := n.openUntilDone(ctx, down, func(*service) { t.Error("told") }); s != nil {
			t.Error("opened")
		}
		n.stop()
	})
}
