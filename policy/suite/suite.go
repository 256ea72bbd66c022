// Package suite runs policy tests: files that name packs, requests and what
// each must get (policy-pack §13). It reads through an fs.FS and has no other
// I/O. A [Report] is what people, JSON and JUnit readers see.
package suite

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Limits of a test file.
const maxNames = 1_000_000

// File is one *.test.json.
type File struct {
	Packs      []string
	Now        time.Time
	Principals map[string]Principal
	Request    strictjson.Value // the base request
	Refused    *bool            // whether lint must refuse the packs
	Cases      []Case
}

// Principal is somebody a case asks as, or who votes in it.
type Principal struct {
	User     policy.User
	Identity policy.Identity
	Caller   string
}

// Case is one request and what it must get.
type Case struct {
	Name    string
	As      string
	Now     time.Time        // of its own; zero: the file's
	Request strictjson.Value // of its own; Absent: the base request
	Set     []strictjson.Member
	Remove  []string
	Votes   map[string][]string
	Want    strictjson.Value
}

// at is the instant of a case.
func (c Case) at(f *File) time.Time {
	if c.Now.IsZero() {
		return f.Now
	}
	return c.Now
}

// Result is what became of one case, or of one file as a whole (Case "").
type Result struct {
	File    string        `json:"file"`
	Case    string        `json:"case"`
	Passed  bool          `json:"passed"`
	Diffs   []Diff        `json:"diffs,omitempty"`
	Problem string        `json:"problem,omitempty"` // the file or the case itself is wrong
	Elapsed time.Duration `json:"-"`
}

// Diff is one key that is not what the case wants; both sides are JSON.
type Diff struct {
	Key  string `json:"key"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

// Report is what became of a run.
type Report struct {
	Results []Result `json:"results"`
	Passed  int      `json:"passed"`
	Failed  int      `json:"failed"`
	// Unexercised are the rules of packs under test that no case had in its
	// policyIds, by file of the suite.
	Unexercised []string `json:"unexercised"`
}

// Find lists the test files below dir, sorted.
func Find(fsys fs.FS, dir string) ([]string, error) {
	var files []string
	err := fs.WalkDir(fsys, dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(name, ".test.json") {
			files = append(files, name)
		}
		return err
	})
	slices.Sort(files)
	return files, err
}

// Run runs the files one after the other. Progress, if not nil, is called
// after each with how many are done.
func Run(fsys fs.FS, files []string, progress func(done, of int)) Report {
	r := Report{Results: []Result{}, Unexercised: []string{}}
	c := coverage{seen: map[string]bool{}}
	for i, name := range files {
		for _, res := range runFile(fsys, name, &c) {
			if res.Passed {
				r.Passed++
			} else {
				r.Failed++
			}
			r.Results = append(r.Results, res)
		}
		if progress != nil {
			progress(i+1, len(files))
		}
	}
	r.Unexercised = c.missed()
	return r
}

// coverage notes which rules some case had in its policyIds.
type coverage struct {
	all  []string // "<dir>: <public id>"
	seen map[string]bool
}

func (c *coverage) missed() []string {
	slices.Sort(c.all)
	return slices.DeleteFunc(slices.Compact(c.all), func(id string) bool { return c.seen[id] })
}

func runFile(fsys fs.FS, name string, c *coverage) []Result {
	f, err := Read(fsys, name)
	if err != nil {
		return []Result{{File: name, Problem: err.Error()}}
	}
	docs, err := documents(fsys, path.Dir(name), f.Packs)
	if err != nil {
		return []Result{{File: name, Problem: err.Error()}}
	}
	set, findings := policy.Load(docs, policy.LoadOptions{})
	results := lintResult(name, f, findings)
	if set == nil {
		return results
	}
	for _, id := range set.RuleIDs() {
		c.all = append(c.all, path.Dir(name)+": "+id)
	}
	for _, cs := range f.Cases {
		res, ids := runCase(set, f, cs)
		res.File = name
		results = append(results, res)
		for _, id := range ids {
			c.seen[path.Dir(name)+": "+id] = true
		}
	}
	return results
}

// lintResult is the result of a file that says whether its packs are refused,
// or of one whose packs are and must not be.
func lintResult(name string, f *File, findings []policy.Finding) []Result {
	refused := policy.Refused(findings)
	switch {
	case f.Refused == nil && !refused:
		return nil
	case f.Refused != nil && *f.Refused == refused:
		return []Result{{File: name, Case: "refused: " + fmt.Sprint(refused), Passed: true}}
	case refused:
		var lines []string
		for _, x := range findings {
			if x.Severity == policy.Error {
				lines = append(lines, x.String())
			}
		}
		return []Result{{File: name, Case: "packs load", Problem: "lint refuses the packs:\n" + strings.Join(lines, "\n")}}
	}
	return []Result{{File: name, Case: "refused: true", Problem: "lint does not refuse the packs"}}
}

func documents(fsys fs.FS, dir string, names []string) ([]policy.Document, error) {
	var docs []policy.Document
	for _, name := range names {
		text, err := fs.ReadFile(fsys, path.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("packs: %w", err)
		}
		docs = append(docs, policy.Document{Name: path.Join(dir, name), Text: text})
	}
	return docs, nil
}

// runCase decides one case; ids are the rules that decided it.
func runCase(set *policy.Set, f *File, c Case) (Result, []string) {
	res := Result{Case: c.Name}
	request := c.Request
	if request.Kind() == strictjson.Absent {
		request = f.Request
	}
	request, err := edit(request, c.Set, c.Remove)
	if err != nil {
		res.Problem = err.Error()
		return res, nil
	}
	in, err := input(set, f, c, request)
	if err != nil {
		res.Problem = err.Error()
		return res, nil
	}
	d := set.Decide(in, false)
	res.Diffs, err = compare(c.Want, &d)
	if err != nil {
		res.Problem = err.Error()
	}
	res.Passed = err == nil && len(res.Diffs) == 0
	return res, d.PolicyIDs
}
