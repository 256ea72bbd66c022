package suite

import (
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Mutation is what became of the mutants of the documents that test files
// name: how many the tests notice. A mutant is killed where, in any of the
// files that name its document, lint refuses it or a case fails.
type Mutation struct {
	Total     int        `json:"total"`
	Killed    int        `json:"killed"`
	Refused   int        `json:"refused"` // of the killed ones, by lint
	Survivors []Survivor `json:"survivors"`
}

// Survivor is a mutant that no case notices.
type Survivor struct {
	Document string `json:"document"`
	Pointer  string `json:"pointer"`
	Change   string `json:"change"`
}

// String is the survivor in one line.
func (s Survivor) String() string { return s.Document + "#" + s.Pointer + ": " + s.Change }

// MutateOptions say how much is done. The zero options try every mutant.
type MutateOptions struct {
	Every    int                // try one mutant in so many; 0 and 1: all
	Progress func(done, of int) // called after each mutant; nil: nobody is told
}

// Mutate runs test files against the mutants of every document they name. It
// is an error if a file does not pass as it is.
func Mutate(fsys fs.FS, files []string, opts MutateOptions) (Mutation, error) {
	m := Mutation{Survivors: []Survivor{}}
	runners, err := runnersOf(fsys, files)
	if err != nil {
		return m, err
	}
	subjects, err := subjectsOf(runners)
	if err != nil {
		return m, err
	}
	thin(subjects, opts.Every)
	for _, s := range subjects {
		m.Total += len(s.mutants)
	}
	done := 0
	for _, s := range subjects {
		for _, mutant := range s.mutants {
			m.count(s, mutant)
			if done++; opts.Progress != nil {
				opts.Progress(done, m.Total)
			}
		}
	}
	return m, nil
}

func (m *Mutation) count(s subject, mutant Mutant) {
	text := strictjson.AppendCanonical(nil, mutant.Value)
	for _, r := range s.runners {
		if noticed, refused := r.notices(s.name, text); noticed {
			m.Killed++
			if refused {
				m.Refused++
			}
			return
		}
	}
	m.Survivors = append(m.Survivors, Survivor{s.name, mutant.Pointer, mutant.Change})
}

// subject is a document with its mutants and the test files that name it.
type subject struct {
	name    string
	mutants []Mutant
	runners []*runner
}

func subjectsOf(runners []*runner) ([]subject, error) {
	var out []subject
	for _, r := range runners {
		for _, d := range r.docs {
			if slices.ContainsFunc(out, func(s subject) bool { return s.name == d.Name }) {
				continue
			}
			v, err := strictjson.Parse(d.Text, strictjson.Limits{Names: maxNames})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", d.Name, err)
			}
			unconcerned := func(r *runner) bool { return !r.names(d.Name) }
			out = append(out, subject{d.Name, Mutants(v), slices.DeleteFunc(slices.Clone(runners), unconcerned)})
		}
	}
	return out, nil
}

// thin keeps one mutant in so many.
func thin(subjects []subject, every int) {
	n := 0
	for i := range subjects {
		subjects[i].mutants = slices.DeleteFunc(subjects[i].mutants, func(Mutant) bool {
			n++
			return every > 1 && n%every != 0
		})
	}
}

// runner runs the cases of one file again and again, those first that noticed
// something before.
type runner struct {
	file  *File
	docs  []policy.Document
	order []Case
}

func runnersOf(fsys fs.FS, files []string) ([]*runner, error) {
	var out []*runner
	for _, name := range files {
		f, err := Read(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		docs, err := documents(fsys, path.Dir(name), f.Packs)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		r := &runner{file: f, docs: docs, order: slices.Clone(f.Cases)}
		if noticed, _ := r.notices("", nil); noticed {
			return nil, fmt.Errorf("%s: it must pass before mutants can tell anything", name)
		}
		out = append(out, r)
	}
	return out, nil
}

func (r *runner) names(document string) bool {
	return slices.ContainsFunc(r.docs, func(d policy.Document) bool { return d.Name == document })
}

// notices reports whether the file fails with another text for one document.
func (r *runner) notices(document string, text []byte) (noticed, refused bool) {
	docs := slices.Clone(r.docs)
	for i := range docs {
		if docs[i].Name == document {
			docs[i].Text = text
		}
	}
	set, findings := policy.Load(docs, policy.LoadOptions{})
	refused = policy.Refused(findings)
	if wanted := r.file.Refused; wanted != nil && *wanted != refused || wanted == nil && refused {
		return true, refused
	}
	if set == nil {
		return false, refused
	}
	for i, c := range r.order {
		if res, _ := runCase(set, r.file, c); !res.Passed {
			r.order = slices.Insert(slices.Delete(r.order, i, i+1), 0, c)
			return true, false
		}
	}
	return false, false
}
