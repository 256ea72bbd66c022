package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity of a [Finding]. The zero Severity refuses the pack.
type Severity uint8

// An Error refuses the documents; a Warning and a Notice do not.
const (
	Error   Severity = iota
	Warning          // something that the author will want to know
	Notice           // something that was left out, and why
)

// String is error, warning or notice.
func (s Severity) String() string { return [...]string{"error", "warning", "notice"}[s] }

// MarshalText makes the word of String the JSON form.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one thing that lint says about a document.
type Finding struct {
	Severity Severity `json:"severity"`
	Check    string   `json:"check"`   // stable id, such as "key.unknown"
	File     string   `json:"file"`    // name of the document
	Pointer  string   `json:"pointer"` // RFC 6901, into the document
	Rule     string   `json:"rule"`    // public id of the rule, or ""
	Message  string   `json:"message"`
	Fix      string   `json:"fix"`
}

// String is the finding in one line.
func (f Finding) String() string {
	where := f.File
	if f.Pointer != "" {
		where += "#" + f.Pointer
	}
	rule := ""
	if f.Rule != "" {
		rule = " " + f.Rule + ":"
	}
	return fmt.Sprintf("%s: %s:%s %s (%s). %s", where, f.Severity, rule, f.Message, f.Check, f.Fix)
}

// Refused reports whether any of the findings is an error.
func Refused(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Error })
}

// sortFindings puts findings in the order of files and places, so that the
// same documents always read the same.
func sortFindings(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.File, b.File),
			comparePointers(a.Pointer, b.Pointer), cmp.Compare(a.Check, b.Check), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
}

// comparePointers orders /a/9 before /a/10.
func comparePointers(a, b string) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	for i := 0; i < len(as) && i < len(bs); i++ {
		c := cmp.Or(cmp.Compare(numberRank(as[i]), numberRank(bs[i])), cmp.Compare(as[i], bs[i]))
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(as), len(bs))
}

func numberRank(token string) int {
	n := 0
	for _, c := range token {
		if c < '0' || c > '9' || n > 1e9 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}
