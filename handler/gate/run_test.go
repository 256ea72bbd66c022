package gate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/gate"
)

// The whole way: ask, wait for people, ask again with the same key and the
// approval's id, run once, report.
func TestRunWaitsForPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{replies: []reply{waits, pending, {status: 503}, {err: errCut}, pending, approved, allowed, recorded}}
		var told []string
		c := newClient(t, s, gate.Options{Waiting: func(a gate.Answer) { told = append(told, a.Approval.ID) }})
		ran := 0
		r, err := c.Run(t.Context(), call, func(context.Context, gate.Permit) error { ran++; return nil })
		if err != nil || ran != 1 || !r.Ran || r.Unreported != nil || fmt.Sprint(told) != "[apr_x-1]" {
			t.Errorf("Run = %+v, %v, ran %d times, told %q", r, err, ran, told)
		}
		first, second, report := s.asked[0], s.asked[6], s.asked[7]
		if second.key != first.key || !strings.Contains(second.body, `"approvalId":"apr_x-1"`) || !strings.Contains(second.body, `"amount":70000`) {
			t.Errorf("asked %+v, then %+v, want the same call with its approval and the same key", first, second)
		}
		if s.asked[1].path != "/api/approvals/apr_x-1?wait=60" || report.path != "/api/decisions/"+decisionID+"/outcome" || !strings.Contains(report.body, `"executed"`) {
			t.Errorf("requests = %+v", s.asked)
		}
	})
}

// An approval that ends without a yes runs nothing, and opens no other one.
func TestRunEndsWithItsApproval(t *testing.T) {
	for _, status := range []string{"denied", "expired", "cancelled", "revoked", "superseded", "consumed"} {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{replies: []reply{waits, pending, {status: 200, body: approvalBody("apr_x-1", status)}, allowed}}
			r, err := newClient(t, s, gate.Options{}).Run(t.Context(), call, neverRun(t))
			var closed *gate.ClosedError
			if !errors.As(err, &closed) || closed.Approval.Status != status || r.Ran || len(s.asked) != 3 {
				t.Errorf("%s: Run = %+v, %v after %d requests, want a ClosedError after 3", status, r, err, len(s.asked))
			}
		})
	}
}

// Whatever a wait is answered with that it cannot understand ends it.
func TestWaitFailsClosed(t *testing.T) {
	for name, r := range map[string]reply{
		"an unknown status":     {status: 200, body: approvalBody("apr_x-1", "waiving")},
		"approved and final":    {status: 200, body: strings.Replace(approvalBody("apr_x-1", "approving"), `"final":true`, `"final":false`, 1)},
		"no status":             {status: 200, body: approvalBody("apr_x-1", "")},
		"another approval":      {status: 200, body: approvalBody("apr_y-1", "approved")},
		"no such approval":      {status: 404},
		"an expired token":      {status: 401},
		"500":                   {status: 500},
		"an empty body":         {status: 200},
		"HTML":                  {status: 200, contentType: "text/html", body: approvalBody("apr_x-1", "approved")},
		"a redirect":            {status: 302, header: "Location: /console/"},
		"something behind":      {status: 200, body: approvalBody("apr_x-1", "approved") + "{}"},
		"an enormous pause":     {status: 200, body: strings.Replace(approvalBody("apr_x-1", "pending"), `:30`, `:1e9`, 1)},
		"a deadline that is no": {status: 200, body: strings.Replace(approvalBody("apr_x-1", "pending"), `2026-11-21T`, `tomorrow `, 1)},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{replies: []reply{waits, r, allowed}}
			if r, err := newClient(t, s, gate.Options{}).Run(t.Context(), call, neverRun(t)); err == nil || len(s.asked) != 2 {
				t.Errorf("%s: Run = %+v, %v after %d requests, want an error after 2", name, r, err, len(s.asked))
			}
		})
	}
}

func neverRun(t *testing.T) func(context.Context, gate.Permit) error {
	return func(context.Context, gate.Permit) error {
		t.Error("the tool was called")
		return nil
	}
}

// A wait ends with its context, and asks no oftener than it was told.
func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		s := &scripted{replies: []reply{pending}}
		a, err := newClient(t, s, gate.Options{}).Wait(ctx, "apr_x-1")
		if !errors.Is(err, context.DeadlineExceeded) || a.ID != "" || len(s.asked) > 21 || len(s.asked) < 15 {
			t.Errorf("Wait = %+v, %v after %d requests, want the deadline after about 20", a, err, len(s.asked))
		}
	})
}

// Rules that ask for another approval each time do not keep a call for ever.
func TestRunGivesUpOnEndlessApprovals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{replies: []reply{waits, approved, waits, approved, waits, approved, allowed}}
		if r, err := newClient(t, s, gate.Options{}).Run(t.Context(), call, neverRun(t)); err == nil {
			t.Errorf("Run = %+v, want an error", r)
		}
	})
}

// What became of a call is reported as what it is.
func TestRunReports(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"done", nil, "executed"},
		{"not done", errors.New("no such vendor"), "failed"},
		{"not known", fmt.Errorf("post: %w", gate.ErrOutcomeUnknown), "unknown"},
		{"out of time", context.DeadlineExceeded, "unknown"},
		{"cancelled", context.Canceled, "unknown"},
	} {
		s := &scripted{replies: []reply{allowed, recorded}}
		ctx, cancel := context.WithCancel(t.Context())
		r, err := newClient(t, s, gate.Options{}).Run(ctx, call, func(context.Context, gate.Permit) error {
			cancel() // the report does not need the caller any more
			return c.err
		})
		if !errors.Is(err, c.err) || !r.Ran || r.Unreported != nil {
			t.Errorf("%s: Run = %+v, %v, want the tool's error", c.name, r, err)
		}
		if body := s.asked[1].body; body != `{"outcome":"`+c.want+`","detail":""}` {
			t.Errorf("%s: reported %s, want %s and nothing of the tool's error", c.name, body, c.want)
		}
	}
}

func TestRunSaysWhatItCouldNotReport(t *testing.T) {
	s := &scripted{replies: []reply{allowed, {status: 500}}}
	r, err := newClient(t, s, gate.Options{}).Run(t.Context(), call, func(context.Context, gate.Permit) error { return nil })
	if err != nil || !r.Ran || r.Unreported == nil {
		t.Errorf("Run = %+v, %v, want success that was not reported", r, err)
	}
}

func TestRunReportsAPanicAsUnknown(t *testing.T) {
	s := &scripted{replies: []reply{allowed, recorded}}
	defer func() {
		if v := recover(); v != "broken tool" || len(s.asked) != 2 || !strings.Contains(s.asked[1].body, `"unknown"`) {
			t.Errorf("recovered %v after %+v, want the tool's panic, reported as unknown", v, s.asked)
		}
	}()
	_, _ = newClient(t, s, gate.Options{}).Run(t.Context(), call, func(context.Context, gate.Permit) error { panic("broken tool") })
}

// A parameter that the tool does not know may not get lost.
func TestPermitInto(t *testing.T) {
	var order struct {
		Amount int `json:"amount"`
	}
	for parameters, ok := range map[string]bool{
		`{"amount":50000}`: true, `{"amount":50000,"vendor":"V-7"}`: false, `{"amount":"50000"}`: false, `{"amount":1.5}`: false, `{}{}`: false, ``: false,
	} {
		if err := (gate.Permit{Parameters: []byte(parameters)}).Into(&order); (err == nil) != ok {
			t.Errorf("Into(%s) = %v, want accepted %v", parameters, err, ok)
		}
	}
}
