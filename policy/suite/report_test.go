package suite

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func exampleReport() Report {
	return Report{
		Passed: 1, Failed: 3, Unexercised: []string{".: finance/eu-only"},
		Results: []Result{
			{File: "a.test.json", Case: "fifty <thousand> & more", Passed: true},
			{File: "a.test.json", Case: "seventy thousand", Diffs: []Diff{
				{Key: "decision", Want: `"ALLOW"`, Got: `"DENY"`},
				{Key: "policyIds", Want: `["f/a","f/b","f/b"]`, Got: `["f/b","f/c"]`},
				{Key: "advice", Want: `["x","y"]`, Got: `["y","x"]`},
				{Key: "effectiveParameters", Want: `{"amount":1,"iban":"x"}`, Got: `{"amount":2,"ledger":"GL"}`},
			}},
			{File: "a.test.json", Case: "no such principal", Problem: "as: there is no principal \"bob\""},
			{File: "b.test.json", Problem: "lint refuses the packs:\nb.json: error\nb.json: another"},
		},
	}
}

const exampleFailures = `a.test.json
  FAIL seventy thousand
         decision: want "ALLOW", got "DENY"
         policyIds:
           - "f/a"
           - "f/b"
           + "f/c"
         advice: want the order ["x","y"], got ["y","x"]
         effectiveParameters.amount: want 1, got 2
         effectiveParameters.iban: want "x", got nothing
         effectiveParameters.ledger: want nothing, got "GL"
  FAIL no such principal
         as: there is no principal "bob"
b.test.json
  FAIL (the file)
         lint refuses the packs:
         b.json: error
         b.json: another
1 passed, 3 failed
`

func TestWriteTextShowsWhatDiffers(t *testing.T) {
	var b bytes.Buffer
	if err := exampleReport().WriteText(&b, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(exampleFailures, b.String()); diff != "" {
		t.Errorf("WriteText (-want +got):\n%s", diff)
	}
	b.Reset()
	if err := exampleReport().WriteText(&b, true); err != nil || !strings.Contains(b.String(), "  ok   fifty <thousand> & more\n") {
		t.Errorf("WriteText(verbose) = %v, %s, want the passed case too", err, b.String())
	}
}

func TestWriteCover(t *testing.T) {
	for want, r := range map[string]Report{
		"not exercised: .: finance/eu-only\n": exampleReport(),
		"every rule is exercised\n":           {},
	} {
		var b bytes.Buffer
		if err := r.WriteCover(&b); err != nil || b.String() != want {
			t.Errorf("WriteCover = %q, %v, want %q", b.String(), err, want)
		}
	}
}

const exampleJUnit = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="policy" tests="4" failures="1" errors="2">
  <testsuite name="a.test.json" tests="3" failures="1" errors="1">
    <testcase classname="a.test.json" name="fifty &lt;thousand&gt; &amp; more"></testcase>
    <testcase classname="a.test.json" name="seventy thousand">
      <failure message="differs: decision, policyIds, advice, effectiveParameters">decision: want &#34;ALLOW&#34;, got &#34;DENY&#34;&#xA;`

func TestWriteJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := exampleReport().WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), exampleJUnit) {
		t.Errorf("WriteJUnit = %s, want it to start with %s", b.String(), exampleJUnit)
	}
	var back junitReport
	if err := xml.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatalf("WriteJUnit is no XML: %v", err)
	}
	if got := back.Suites[1].Cases[0]; got.Error == nil || got.Error.Message != "lint refuses the packs:" || got.Name != "(the file)" {
		t.Errorf("WriteJUnit: the second file = %+v, want its error", got)
	}
}

// TestWriteJUnitOfHostileNames: a case may be named anything, and what is
// written is XML all the same.
func TestWriteJUnitOfHostileNames(t *testing.T) {
	r := Report{Results: []Result{{File: "\"]]>", Case: "\x00\x1b[31m</testcase>\u202e", Problem: "]]><x>"}}}
	var b bytes.Buffer
	if err := r.WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	var back junitReport
	if err := xml.Unmarshal(b.Bytes(), &back); err != nil || len(back.Suites) != 1 || len(back.Suites[0].Cases) != 1 {
		t.Errorf("WriteJUnit = %s: %v, want one case", b.String(), err)
	}
}

func TestReportIsStableJSON(t *testing.T) {
	const want = `{"results":[{"file":"a","case":"b","passed":false,"diffs":[{"key":"k","want":"1","got":"2"}]},` +
		`{"file":"a","case":"","passed":false,"problem":"p"}],"passed":0,"failed":2,"unexercised":[]}`
	r := Report{Failed: 2, Unexercised: []string{}, Results: []Result{
		{File: "a", Case: "b", Diffs: []Diff{{"k", "1", "2"}}}, {File: "a", Problem: "p"},
	}}
	if got, err := json.Marshal(r); err != nil || string(got) != want {
		t.Errorf("Marshal(report) = %s, %v, want %s", got, err, want)
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWritersReturnTheErrorOfTheirDisk(t *testing.T) {
	r := exampleReport()
	for name, err := range map[string]error{
		"WriteText": r.WriteText(fullDisk{}, true), "WriteCover": r.WriteCover(fullDisk{}), "WriteJUnit": r.WriteJUnit(fullDisk{}),
	} {
		if !errors.Is(err, errFull) {
			t.Errorf("%s(full disk) = %v, want %v", name, err, errFull)
		}
	}
}
