package httpapi

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// goodBody is a request that is accepted, and that the corpus spoils.
const goodBody = `{"correlationId":"c-1","tenantId":"11111111-1111-1111-1111-111111111111","agentId":"finance-agent",` +
	`"userUPN":"ana@contoso.com","userId":"cccccccc-0000-4000-8000-00000000000a","action":"CreatePO",` +
	`"resource":{"type":"PurchaseOrder","id":"PO-1001","region":"EU","classification":"Internal",` +
	`"tenantId":"11111111-1111-1111-1111-111111111111","attributes":{"site":"Hamburg"}},` +
	`"parameters":{"amount":70000,"currency":"EUR","lines":[{"sku":"A","n":1}]},` +
	`"context":{"risk":"medium","riskScore":40,"threadId":"t-1","channel":"teams","reason":"free text"}}`

// spoiled is one malformed body.
type spoiled struct {
	rule    string
	pointer string
	body    string
}

// corpus is every body that must be refused with 400: the list in testdata,
// and those that are better made than written.
func corpus(t testing.TB) []spoiled {
	t.Helper()
	return slices.Concat(listed(t), ofWrongType(), tooMuch())
}

func listed(t testing.TB) []spoiled {
	t.Helper()
	f, err := os.Open("testdata/malformed.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var list []spoiled
	rule := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			rule = heading
		} else if line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, parseSpoiled(t, rule, line))
		}
	}
	return list
}

func parseSpoiled(t testing.TB, rule, line string) spoiled {
	t.Helper()
	pointer, rest, _ := strings.Cut(line, " ")
	first, err := strconv.QuotedPrefix(rest)
	if err != nil {
		t.Fatalf("corpus line %q: %v", line, err)
	}
	old, _ := strconv.Unquote(first)
	with, err := strconv.Unquote(strings.TrimSpace(rest[len(first):]))
	if err != nil || !strings.Contains(goodBody, old) {
		t.Fatalf("corpus line %q: %v, or %q is not in the good body", line, err, old)
	}
	if pointer == "." {
		pointer = ""
	}
	return spoiled{rule, pointer, strings.Replace(goodBody, old, with, 1)}
}

// T13: every field with every kind of value that it does not take.
func ofWrongType() []spoiled {
	strs := []string{
		"/correlationId", "/tenantId", "/agentId", "/userUPN", "/userId", "/action", "/approvalId",
		"/resource/type", "/resource/id", "/resource/region", "/resource/classification", "/resource/tenantId",
	}
	objects := []string{"/resource", "/resource/attributes", "/parameters", "/context"}
	var list []spoiled
	for _, pointer := range strs {
		for _, value := range []string{`7`, `true`, `false`, `["x"]`, `[]`, `{"a":"x"}`, `{}`} {
			list = append(list, spoiled{"T13: " + pointer + " is a string", pointer, withMember(pointer, value)})
		}
	}
	for _, pointer := range objects {
		for _, value := range []string{`7`, `true`, `false`, `["x"]`, `[]`, `"x"`, `""`, `"{}"`} {
			list = append(list, spoiled{"T13: " + pointer + " is an object", pointer, withMember(pointer, value)})
		}
	}
	return list
}

// withMember is a small request with one member set.
func withMember(pointer, value string) string {
	members := map[string]string{"agentId": `"a"`, "action": `"b"`, "resource": `{}`}
	name := pointer[1:]
	if inner, ok := strings.CutPrefix(name, "resource/"); ok {
		members["resource"] = `{"` + inner + `":` + value + `}`
	} else {
		members[name] = value
	}
	var b strings.Builder
	for i, name := range []string{"agentId", "action", "resource", "correlationId", "tenantId", "userUPN", "userId", "approvalId", "parameters", "context"} {
		if value, ok := members[name]; ok {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + name + `":` + value)
		}
	}
	return "{" + b.String() + "}"
}

// T16: over the bounds.
func tooMuch() []spoiled {
	long := func(pointer string, n int, char string) spoiled {
		return spoiled{"T16: the longest " + pointer, pointer, withMember(pointer, `"`+strings.Repeat(char, n)+`"`)}
	}
	names := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`"k` + strconv.Itoa(i) + `":1,`)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	return []spoiled{
		long("/agentId", 129, "a"), long("/action", 129, "a"), long("/tenantId", 129, "1"), long("/correlationId", 129, "c"),
		long("/resource/type", 129, "t"), long("/resource/region", 129, "r"), long("/resource/classification", 129, "c"),
		long("/resource/tenantId", 129, "1"), long("/resource/id", 513, "x"), long("/resource/id", 513, "é"), long("/resource/id", 513, "中"),
		long("/userUPN", 257, "u"), long("/userId", 257, "u"), long("/approvalId", 257, "a"),
		{"T16: depth over 32", "/parameters/a" + strings.Repeat("/0", 30), withMember("/parameters", `{"a":`+deep(31)+`}`)},
		{"T16: depth over 32", "/parameters/a" + strings.Repeat("/0", 30), withMember("/parameters", `{"a":`+deep(100_000)+`}`)},
		{"T16: depth over 32", strings.Repeat("/0", 32), deep(33)},
		{"T16: depth over 32, objects", "/context" + strings.Repeat("/a", 31), withMember("/context", strings.Repeat(`{"a":`, 40)+`1`+strings.Repeat(`}`, 40))},
		{"T16: depth over 32, never closed", "/context" + strings.Repeat("/a", 31), `{"agentId":"a","context":` + strings.Repeat(`{"a":`, 40)},
		{"T16: over 2,000 names", "", withMember("/parameters", "{"+names(2000)+"}")},
		{"T16: over 2,000 names in lists", "", withMember("/parameters", `{"a":[`+strings.Repeat(`{"k":1},`, 2000)+`1]}`)},
		{"T16: over 2,000 unknown names", "", "{" + names(2001) + "}"},
		{"T16: a number of 400 digits", "/parameters/a", withMember("/parameters", `{"a":`+strings.Repeat("9", 400)+`}`)},
		{"T16: a number of 100,000 digits", "/parameters/a", withMember("/parameters", `{"a":0.`+strings.Repeat("3", 100_000)+`}`)},
		{"T16: a number of 100,000 zeros and a one", "/parameters/a", withMember("/parameters", `{"a":0.`+strings.Repeat("0", 100_000)+`1}`)},
		{"an unknown name of 1,000 characters points at its parent", "", withMember("/"+strings.Repeat("n", 1000), `1`)[:1] + `"` + strings.Repeat("n", 1000) + `":1,"agentId":"a","action":"b"}`},
		{"malformed: nothing", "", ""},
		{"malformed: blanks", "", " \n\t"},
		{"malformed: null", "", "null"},
		{"malformed: a string", "", `"CreatePO"`},
		{"malformed: a number", "", "7"},
		{"malformed: true", "", "true"},
		{"malformed: an empty list", "", "[]"},
		{"malformed: a form", "", "agentId=a&action=b"},
		{"malformed: XML", "", "<request/>"},
		{"malformed: UTF-16", "", "{\x00}\x00"},
		{"malformed: gzip", "", "\x1f\x8b\x08\x00"},
		{"malformed: an empty object", "/agentId", "{}"},
		{"malformed: an empty object", "/action", "{}"},
	}
}

// Strict JSON, T09 to T16: each body gets 400 with its pointer, denies, and
// never reaches the decider.
func TestMalformedBodies(t *testing.T) {
	decider := &ledger{}
	server := newTestServer(t, decider, EdgeOptions{Rate: 1e6, Burst: 1e6})
	bodies := corpus(t)
	if len(bodies) < 400 {
		t.Errorf("the corpus holds %d bodies, want at least 400", len(bodies))
	}
	for _, c := range bodies {
		response := server.post(t, c.body)
		p := response.problem(t)
		if response.status != http.StatusBadRequest || p.Type != "urn:authorization-fabric:problem:malformed" {
			t.Errorf("%s: %.300q: status %d, %s, want 400", c.rule, c.body, response.status, p.Type)
			continue
		}
		if !slices.ContainsFunc(p.Errors, func(e problemError) bool { return e.Pointer == c.pointer && e.Detail != "" }) {
			t.Errorf("%s: %.300q: errors %.300v, want one at %q", c.rule, c.body, p.Errors, c.pointer)
		}
	}
	if n := len(decider.calls); n > 0 {
		t.Errorf("the decider was asked %d times", n)
	}
}

// The corpus spoils what is fine otherwise.
func TestTheGoodBodyIsGood(t *testing.T) {
	for _, body := range []string{goodBody, withMember("/parameters", `{}`)} {
		if _, err := DecodeRequest([]byte(body)); err != nil {
			t.Errorf("DecodeRequest(%s) = %v", body, err)
		}
	}
}

// A maker who made several mistakes is told of all of them, with the id of
// the request where it can be read.
func TestAllMistakesAreTold(t *testing.T) {
	_, err := DecodeRequest([]byte(`{"correlationId":"c-9","AgentId":"a","action":7,"resource":{"Region":"EU","id":"\u202e"},"context":{"Risk":1}}`))
	var p *Problem
	if !errors.As(err, &p) {
		t.Fatalf("DecodeRequest() = %v, want a Problem", err)
	}
	var pointers []string
	for _, e := range p.Errors {
		pointers = append(pointers, e.Pointer)
	}
	want := []string{"/AgentId", "/action", "/resource/Region", "/resource/id", "/context/Risk", "/agentId"}
	if !slices.Equal(pointers, want) || p.CorrelationID != "c-9" {
		t.Errorf("DecodeRequest() = %q, %q, want %q, c-9", pointers, p.CorrelationID, want)
	}
}

// An error never quotes a value, and what it quotes of names is bounded.
func TestErrorsHoldNoValues(t *testing.T) {
	for _, c := range corpus(t) {
		_, err := DecodeRequest([]byte(strings.ReplaceAll(c.body, "free text", "s3cret")))
		var p *Problem
		if !errors.As(err, &p) {
			t.Fatalf("DecodeRequest(%.200q) = %v, want a Problem", c.body, err)
		}
		text := problemBody(p)
		if strings.Contains(string(text), "s3cret") || strings.Contains(string(text), "ana@") || len(text) > 8<<10 || !json.Valid(text) {
			t.Errorf("%s: the answer to %.200q is %.500s", c.rule, c.body, text)
		}
	}
}
