package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/gate"
)

// Only an answer that is whole and says execute together with ALLOW or MASK
// runs anything; whatever else comes back, nothing does.
func TestOnlyAWholePermissionRuns(t *testing.T) {
	good := allowed.body
	without := func(old string) reply {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in %s", old, good)
		}
		return reply{status: 200, body: strings.Replace(good, old, "", 1)}
	}
	with := func(old, now string) reply {
		r := without(old)
		r.body = strings.Replace(good, old, now, 1)
		return r
	}
	for _, c := range []struct {
		name string
		r    reply
		runs bool
	}{
		{"ALLOW", allowed, true},
		{"MASK", masked, true},
		{"DENY", denied, false},
		{"DENY that says execute", reply{status: 200, body: answerBody("DENY", true, "")}, false},
		{"REQUIRE_APPROVAL that says execute", reply{status: 200, body: answerBody("REQUIRE_APPROVAL", true, "apr_x-1")}, false},
		{"REQUIRE_APPROVAL without an approval", reply{status: 200, body: answerBody("REQUIRE_APPROVAL", false, "")}, false},
		{"ALLOW without execute", without(`"execute":true,`), false},
		{"ALLOW that does not execute", with(`"execute":true`, `"execute":false`), false},
		{"execute a text", with(`"execute":true`, `"execute":"true"`), false},
		{"execute a number", with(`"execute":true`, `"execute":1`), false},
		{"execute null", with(`"execute":true`, `"execute":null`), false},
		{"execute twice", with(`"execute":true`, `"execute":false,"execute":true`), false},
		{"an unknown decision", with(`"ALLOW"`, `"PERMIT"`), false},
		{"a decision in lower case", with(`"ALLOW"`, `"allow"`), false},
		{"a decision in a list", with(`"ALLOW"`, `["ALLOW"]`), false},
		{"no decision", without(`"decision":"ALLOW",`), false},
		{"another case of its name", with(`"decision"`, `"Decision"`), false},
		{"no decision id", without(`"decisionId":"` + decisionID + `",`), false},
		{"an empty decision id", with(decisionID, ``), false},
		{"no parameters", without(`"effectiveParameters":{"amount":50000},`), false},
		{"parameters null", with(`{"amount":50000}`, `null`), false},
		{"parameters twice in them", with(`{"amount":50000}`, `{"amount":1,"amount":50000}`), false},
		{"no obligations", without(`"obligations":[{"type":"mask","path":"output.iban","method":"last4"}],`), false},
		{"an obligation that is none", with(`{"type":"mask","path":"output.iban","method":"last4"}`, `{}`), false},
		{"the answer to another request", with(`"correlationId":"c-1"`, `"correlationId":"c-2"`), false},
		{"an empty body", reply{status: 200}, false},
		{"blanks", reply{status: 200, body: "  \n"}, false},
		{"null", reply{status: 200, body: "null"}, false},
		{"a list", reply{status: 200, body: "[" + good + "]"}, false},
		{"true", reply{status: 200, body: "true"}, false},
		{"HTML", reply{status: 200, contentType: "text/html", body: "<html>signed in</html>"}, false},
		{"JSON that says it is HTML", reply{status: 200, contentType: "text/html", body: good}, false},
		{"JSON that says nothing", reply{status: 200, contentType: " ", body: good}, false},
		{"HTML that says it is JSON", reply{status: 200, body: "<html>"}, false},
		{"cut short", reply{status: 200, body: good[:len(good)-1]}, false},
		{"something behind", reply{status: 200, body: good + "{}"}, false},
		{"very long", reply{status: 200, body: good + strings.Repeat(" ", 2<<20)}, false},
		{"a problem with 200", reply{status: 200, body: `{"decision":"DENY","execute":false,"nextStep":"fix"}`}, false},
		{"ALLOW with 201", reply{status: 201, body: good}, false},
		{"ALLOW with 203", reply{status: 203, body: good}, false},
		{"204", reply{status: 204}, false},
		{"a redirect", reply{status: 302, header: "Location: https://evil.example/", body: good}, false},
		{"a lasting redirect", reply{status: 308, header: "Location: https://evil.example/", body: good}, false},
		{"304", reply{status: 304}, false},
		{"ALLOW with 400", reply{status: 400, body: good}, false},
		{"ALLOW with 401", reply{status: 401, body: good}, false},
		{"ALLOW with 403", reply{status: 403, body: good}, false},
		{"ALLOW with 404", reply{status: 404, body: good}, false},
		{"ALLOW with 429", reply{status: 429, body: good}, false},
		{"ALLOW with 500", reply{status: 500, body: good}, false},
		{"500", reply{status: 500, contentType: "text/plain", body: "oops"}, false},
		{"ALLOW with 502", reply{status: 502, body: good}, false},
		{"ALLOW with 503", reply{status: 503, body: good}, false},
		{"ALLOW with 504", reply{status: 504, body: good}, false},
		{"a cut connection", reply{err: errCut}, false},
		{"a time-out", reply{err: context.DeadlineExceeded}, false},
	} {
		s := &scripted{replies: []reply{c.r, recorded}}
		ran := false
		r, err := newClient(t, s, gate.Options{Attempts: 1}).Run(t.Context(), call, func(_ context.Context, p gate.Permit) error {
			ran = true
			if string(p.Parameters) != `{"amount":50000}` || p.Grant != "g" || p.DecisionID != decisionID {
				t.Errorf("%s: Permit = %+v, want what the answer said", c.name, p)
			}
			return nil
		})
		if ran != c.runs || r.Ran != c.runs || (err == nil) != c.runs {
			t.Errorf("%s: Run = %+v, %v, ran %v, want ran %v", c.name, r, err, ran, c.runs)
		}
		if last := s.asked[len(s.asked)-1].path; strings.HasSuffix(last, "/outcome") != c.runs {
			t.Errorf("%s: the last request was %s, want an outcome %v", c.name, last, c.runs)
		}
	}
}

// Only 429, 503 and a failure on the way are tried again, alike to the byte
// and with the same key.
func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name    string
		replies []reply
		sent    int
		ok      bool
	}{
		{"429 first", []reply{{status: 429}, allowed}, 2, true},
		{"503 first", []reply{{status: 503}, allowed}, 2, true},
		{"cut twice", []reply{{err: errCut}, {err: errCut}, allowed}, 3, true},
		{"always 503", []reply{{status: 503}}, 5, false},
		{"always cut", []reply{{err: errCut}}, 5, false},
		{"400", []reply{{status: 400}, allowed}, 1, false},
		{"401", []reply{{status: 401}, allowed}, 1, false},
		{"409", []reply{{status: 409}, allowed}, 1, false},
		{"500", []reply{{status: 500}, allowed}, 1, false},
		{"502", []reply{{status: 502}, allowed}, 1, false},
		{"504", []reply{{status: 504}, allowed}, 1, false},
		{"a redirect", []reply{{status: 307, header: "Location: /x"}, allowed}, 1, false},
		{"an empty body", []reply{{status: 200}, allowed}, 1, false},
		{"HTML", []reply{{status: 200, contentType: "text/html", body: "<html>"}, allowed}, 1, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{replies: c.replies}
			a, err := newClient(t, s, gate.Options{}).Ask(t.Context(), call)
			if (err == nil) != c.ok || a.Executes() != c.ok || len(s.asked) != c.sent {
				t.Errorf("%s: Ask = %+v, %v after %d requests, want success %v after %d", c.name, a, err, len(s.asked), c.ok, c.sent)
			}
			for _, again := range s.asked {
				if again != s.asked[0] || again.key == "" {
					t.Errorf("%s: sent %+v, then %+v, want the same", c.name, s.asked[0], again)
				}
			}
		})
	}
}

// Two intents have two keys; one that is given is kept.
func TestIdempotencyKeys(t *testing.T) {
	s := &scripted{replies: []reply{allowed}}
	c := newClient(t, s, gate.Options{})
	named := call
	named.IdempotencyKey = "run-17"
	for _, call := range []gate.Call{call, call, named} {
		if _, err := c.Ask(t.Context(), call); err != nil {
			t.Fatalf("Ask = %v", err)
		}
	}
	if s.asked[0].key == s.asked[1].key || s.asked[2].key != "run-17" || strings.Contains(s.asked[2].body, "run-17") {
		t.Errorf("keys = %+v, want two made ones and the one given", s.asked)
	}
}

// The service says when to come back, in seconds or as a date.
func TestRetryAfterIsHonoured(t *testing.T) {
	for _, c := range []struct {
		header string
		want   time.Duration
	}{
		{"Retry-After: 7", 7 * time.Second},
		{"Retry-After: Sat, 01 Jan 2000 00:00:30 GMT", 30 * time.Second}, // synctest's clock begins 30 s before
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{replies: []reply{{status: 503, header: c.header}, allowed}}
			began := time.Now()
			_, err := newClient(t, s, gate.Options{}).Ask(t.Context(), call)
			if waited := time.Since(began); err != nil || waited != c.want {
				t.Errorf("%s: Ask = %v after %s, want success after %s", c.header, err, waited, c.want)
			}
		})
	}
}

// What stands between here and the service does not hold a call for ever.
func TestRetryAfterIsBounded(t *testing.T) {
	for _, header := range []string{"Retry-After: 86400", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"} {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{replies: []reply{{status: 503, header: header}, allowed}}
			began := time.Now()
			_, err := newClient(t, s, gate.Options{}).Ask(t.Context(), call)
			if waited := time.Since(began); err != nil || waited > 5*time.Minute {
				t.Errorf("%s: Ask = %v after %s, want success within 5 minutes", header, err, waited)
			}
		})
	}
}

// A deadline that comes before the service wants to be asked again ends the
// call at once.
func TestRetryAfterBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		began := time.Now()
		s := &scripted{replies: []reply{{status: 429, header: "Retry-After: 60", body: `{"type":"urn:authorization-fabric:problem:rate","detail":"Slower."}`}}}
		_, err := newClient(t, s, gate.Options{}).Ask(ctx, call)
		var status *gate.StatusError
		if !errors.As(err, &status) || status.Problem != "rate" || status.RetryAfter != time.Minute || time.Since(began) != 0 {
			t.Errorf("Ask = %v after %s, want a StatusError at once", err, time.Since(began))
		}
	})
}

// A request that is not answered in its time is sent again, with its key.
func TestATimeOutIsAFailureOnTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		began := time.Now()
		_, err := newClient(t, slow, gate.Options{Attempts: 2, Timeout: time.Second}).Ask(t.Context(), call)
		if waited := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || waited < 2*time.Second || waited > 4*time.Second {
			t.Errorf("Ask = %v after %s, want a time-out after two attempts", err, waited)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A token is got for every request, and goes to the service alone.
func TestTokens(t *testing.T) {
	s := &scripted{replies: []reply{{status: 302, header: "Location: https://evil.example/"}, denied}}
	n := 0
	c := newClient(t, s, gate.Options{Token: func(context.Context) (string, error) {
		n++
		return "t" + strings.Repeat("+", n), nil
	}})
	_, _ = c.Ask(t.Context(), call)
	_, _ = c.Ask(t.Context(), call)
	if len(s.asked) != 2 || s.asked[0].token != "Bearer t+" || s.asked[1].token != "Bearer t++" {
		t.Errorf("requests = %+v, want one a call with a token of its own", s.asked)
	}
	tries := 0
	broken := newClient(t, s, gate.Options{Token: func(context.Context) (string, error) { tries++; return "", errCut }})
	if _, err := broken.Ask(t.Context(), call); !errors.Is(err, errCut) || len(s.asked) != 2 || tries != 1 {
		t.Errorf("Ask without a token = %v after %d tries and %d requests, want %v after one and none", err, tries, len(s.asked), errCut)
	}
}

// An answer that waits and does not say for what is none.
func TestAnswersThatContradictThemselves(t *testing.T) {
	for _, body := range []string{
		answerBody("REQUIRE_APPROVAL", false, ""), answerBody("REQUIRE_APPROVAL", true, "apr_x-1"), answerBody("DENY", true, ""),
		answerBody("ALLOW", false, ""), answerBody("MASK", false, ""),
	} {
		a, err := newClient(t, &scripted{replies: []reply{{status: 200, body: body}}}, gate.Options{}).Ask(t.Context(), call)
		if !errors.Is(err, gate.ErrNoAnswer) || a.DecisionID != "" {
			t.Errorf("Ask() answered %s = %+v, %v, want %v", body, a, err, gate.ErrNoAnswer)
		}
	}
}

func TestNewWantsAnAddressThatKeepsTokens(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://fabric.example": true, "https://fabric.example/": true, "https://fabric.example:8443": true,
		"http://localhost:7071": true, "http://127.0.0.1:7071": true, "http://[::1]:7071": true,
		"http://fabric.example": false, "http://localhost.evil.example": false, "http://127.0.0.1.evil.example": false,
		"fabric.example": false, "": false, "https://": false, "ftp://localhost": false, "https://user:secret@fabric.example": false,
		"https://fabric.example/?a=b": false, "https://fabric.example/#x": false, "https:fabric.example": false, "://": false,
	} {
		if _, err := gate.New(address, gate.Options{}); (err == nil) != ok {
			t.Errorf("New(%q) = %v, want accepted %v", address, err, ok)
		}
	}
}

func TestCover(t *testing.T) {
	for _, c := range []struct {
		body, want string
	}{
		{`{"output":{"b":1,"a":"****3000"},"masked":true,"decisionId":"d","receipt":{}}`, `{"b":1,"a":"****3000"}`},
		{`{"output":null,"masked":true}`, `null`},
		{`{"masked":true}`, ``},
		{`{"output":1}`, ``},
		{`{"output":1,"masked":"no"}`, ``},
		{``, ``},
		{`[]`, ``},
		{`{"output":1,"output":2,"masked":true}`, ``},
	} {
		s := &scripted{replies: []reply{{status: 200, body: c.body}}}
		got, err := newClient(t, s, gate.Options{}).Cover(t.Context(), "g", json.RawMessage(`{"iban":"DE"}`))
		if string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("Cover() of %s = %s, %v, want %s", c.body, got, err, c.want)
		}
		if s.asked[0].body != `{"grant":"g","output":{"iban":"DE"}}` {
			t.Errorf("Cover() sent %s", s.asked[0].body)
		}
	}
}
