package suite

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The elements of JUnit XML that its readers agree on.
type junitReport struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report as JUnit XML: a test suite for each file, a
// failure where a decision differs and an error where the file or the case is
// wrong. It holds no times, so that equal runs are equal. The error is that
// of w.
func (r Report) WriteJUnit(w io.Writer) error {
	out := junitReport{Name: "policy"}
	for _, res := range r.Results {
		if n := len(out.Suites); n == 0 || out.Suites[n-1].Name != res.File {
			out.Suites = append(out.Suites, junitSuite{Name: res.File})
		}
		out.Suites[len(out.Suites)-1].add(res)
	}
	for _, s := range out.Suites {
		out.Tests, out.Failures, out.Errors = out.Tests+s.Tests, out.Failures+s.Failures, out.Errors+s.Errors
	}
	text, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("write the report as JUnit XML: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}

func (s *junitSuite) add(res Result) {
	c := junitCase{Class: res.File, Name: res.title()}
	switch {
	case res.Passed:
	case res.Problem != "":
		message, _, _ := strings.Cut(res.Problem, "\n")
		c.Error = &junitProblem{Message: message, Text: res.Problem}
		s.Errors++
	default:
		c.Failure = res.failure()
		s.Failures++
	}
	s.Tests++
	s.Cases = append(s.Cases, c)
}

func (res Result) failure() *junitProblem {
	var keys, lines []string
	for _, d := range res.Diffs {
		keys = append(keys, d.Key)
		lines = append(lines, d.lines()...)
	}
	return &junitProblem{Message: "differs: " + strings.Join(keys, ", "), Text: strings.Join(lines, "\n")}
}
