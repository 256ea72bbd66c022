package suite

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// WriteText writes the report as a person reads it: each case that failed with
// what differs, and how many passed. Verbose names the cases that passed, too.
// The error is that of w.
func (r Report) WriteText(w io.Writer, verbose bool) error {
	var b bytes.Buffer
	file := ""
	for _, res := range r.Results {
		if res.Passed && !verbose {
			continue
		}
		if res.File != file {
			file = res.File
			fmt.Fprintln(&b, file)
		}
		res.writeText(&b)
	}
	fmt.Fprintf(&b, "%d passed, %d failed\n", r.Passed, r.Failed)
	_, err := w.Write(b.Bytes())
	return err
}

// WriteCover writes the rules that no case exercised, one a line, or that
// there are none. The error is that of w.
func (r Report) WriteCover(w io.Writer) error {
	var b bytes.Buffer
	for _, rule := range r.Unexercised {
		fmt.Fprintln(&b, "not exercised:", rule)
	}
	if len(r.Unexercised) == 0 {
		fmt.Fprintln(&b, "every rule is exercised")
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (res Result) writeText(b *bytes.Buffer) {
	word := "FAIL"
	if res.Passed {
		word = "ok  "
	}
	fmt.Fprintln(b, " ", word, res.title())
	if res.Problem != "" {
		fmt.Fprintln(b, indent(res.Problem, "         "))
	}
	for _, d := range res.Diffs {
		for _, line := range d.lines() {
			fmt.Fprintln(b, "        ", line)
		}
	}
}

// title is the case, or what a result without one is about.
func (res Result) title() string {
	if res.Case == "" {
		return "(the file)"
	}
	return res.Case
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(text, "\n", "\n"+by)
}

// lines are a difference as a person reads it: of lists what is missing (-)
// and what should not be there (+), of objects the keys that differ.
func (d Diff) lines() []string {
	want, errWant := strictjson.Parse([]byte(d.Want), strictjson.Limits{Names: maxNames})
	got, errGot := strictjson.Parse([]byte(d.Got), strictjson.Limits{Names: maxNames})
	if errWant != nil || errGot != nil {
		return []string{d.Key + ": want " + d.Want + ", got " + d.Got}
	}
	return differences(d.Key, want, got)
}

func differences(key string, want, got strictjson.Value) []string {
	switch {
	case canonical(want) == canonical(got):
		return nil
	case want.Kind() == strictjson.Array && got.Kind() == strictjson.Array:
		return listDifferences(key, want.Items(), got.Items())
	case want.Kind() == strictjson.Object && got.Kind() == strictjson.Object:
		return memberDifferences(key, want, got)
	}
	return []string{key + ": want " + shown(want) + ", got " + shown(got)}
}

func shown(v strictjson.Value) string {
	if v.Kind() == strictjson.Absent {
		return "nothing"
	}
	return canonical(v)
}

func listDifferences(key string, want, got []strictjson.Value) []string {
	lines := []string{key + ":"}
	for _, v := range lacking(want, got) {
		lines = append(lines, "  - "+canonical(v))
	}
	for _, v := range lacking(got, want) {
		lines = append(lines, "  + "+canonical(v))
	}
	if len(lines) == 1 {
		return []string{key + ": want the order " + canonical(strictjson.ArrayOf(want...)) + ", got " + canonical(strictjson.ArrayOf(got...))}
	}
	return lines
}

// lacking are the members of a list that another one has not, each as often
// as it is missing.
func lacking(list, other []strictjson.Value) []strictjson.Value {
	rest := make([]string, len(other))
	for i, v := range other {
		rest[i] = canonical(v)
	}
	var out []strictjson.Value
	for _, v := range list {
		if i := slices.Index(rest, canonical(v)); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		} else {
			out = append(out, v)
		}
	}
	return out
}

func memberDifferences(key string, want, got strictjson.Value) []string {
	var lines []string
	for _, m := range want.SortedMembers() {
		lines = append(lines, differences(key+"."+m.Name, m.Value, got.Get(m.Name))...)
	}
	for _, m := range got.SortedMembers() {
		if want.Get(m.Name).Kind() == strictjson.Absent {
			lines = append(lines, differences(key+"."+m.Name, strictjson.Value{}, m.Value)...)
		}
	}
	return lines
}
