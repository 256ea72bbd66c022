package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/packs"
	"github.com/authorization-fabric/fabric/policy/suite"
)

// packFlags name the packs of a command.
type packFlags struct {
	Packs       string `help:"Folder of packs; the built-in samples if left out." type:"path" placeholder:"DIR"`
	Environment string `name:"env" help:"Environment of the packs; the only one they name if left out." placeholder:"NAME"`
}

func (f *packFlags) documents() ([]policy.Document, error) {
	if f.Packs == "" {
		return embedded.ReadDocuments(packs.FS)
	}
	return documentsAt(f.Packs)
}

func (f *packFlags) load(e *environment) (*policy.Set, error) {
	docs, err := f.documents()
	if err != nil {
		return nil, err
	}
	set, findings := policy.Load(docs, policy.LoadOptions{Environment: f.Environment})
	if set == nil {
		printFindings(e.err, findings)
		return nil, usageError(fmt.Errorf("the packs do not load"))
	}
	return set, nil
}

// documentsAt reads a file, or a folder as serve would.
func documentsAt(path string) ([]policy.Document, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, pathError(path, err)
	}
	if info.IsDir() {
		docs, err := embedded.ReadDocuments(os.DirFS(path))
		for i := range docs {
			docs[i].Name = filepath.Join(path, docs[i].Name)
		}
		return docs, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, pathError(path, err)
	}
	return []policy.Document{{Name: path, Text: text}}, nil
}

func printFindings(w io.Writer, findings []policy.Finding) {
	for _, f := range findings {
		fmt.Fprintln(w, policy.Visible(f.String()))
	}
}

type initCommand struct {
	Name string `arg:"" help:"Name of the pack: a-z, 0-9 and dashes."`
	Dir  string `help:"Folder to write to." default:"." type:"path"`
}

func (initCommand) Help() string { return "Example: handler policy init travel --dir packs" }

func (c *initCommand) Run(e *environment) error {
	files, err := suite.Scaffold(c.Name)
	if err != nil {
		return usageError(err)
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return pathError(c.Dir, err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(c.Dir, name)
		if err := writeNew(path, files[name]); err != nil {
			return err
		}
		fmt.Fprintln(e.out, path)
	}
	fmt.Fprintf(e.out, "\nTry it: handler policy test %s\n", c.Dir)
	return nil
}

// writeNew writes a file that must not be there yet.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		if os.IsExist(err) {
			return usageError(fmt.Errorf("%s: is there already", path))
		}
		return pathError(path, err)
	}
	if _, err := f.Write(text); err != nil {
		f.Close() //nolint:errcheck // the write error says more
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}

type lintCommand struct {
	Paths       []string `arg:"" optional:"" help:"Packs and bindings, or folders of them; the built-in samples if left out."`
	Environment string   `name:"env" help:"Environment of the packs." placeholder:"NAME"`
	JSON        bool     `help:"Print JSON."`
	Strict      bool     `help:"Exit with 1 for warnings too."`
}

func (lintCommand) Help() string {
	return "Example: handler policy lint packs/finance.json packs/finance.bindings.dev.json"
}

func (c *lintCommand) Run(e *environment) error {
	docs, err := c.documents()
	if err != nil {
		return err
	}
	findings := policy.Lint(docs, policy.LoadOptions{Environment: c.Environment}, time.Now())
	err = e.write(c.JSON, map[string]any{"findings": notNil(findings)}, func(w io.Writer) error {
		printFindings(w, findings)
		_, err := fmt.Fprintf(w, "%d documents, %d findings\n", len(docs), len(findings))
		return err
	})
	if err != nil {
		return err
	}
	warned := slices.ContainsFunc(findings, func(f policy.Finding) bool { return f.Severity == policy.Warning })
	if policy.Refused(findings) || c.Strict && warned {
		return errFindings
	}
	return nil
}

func (c *lintCommand) documents() ([]policy.Document, error) {
	if len(c.Paths) == 0 {
		return embedded.ReadDocuments(packs.FS)
	}
	var docs []policy.Document
	for _, path := range c.Paths {
		more, err := documentsAt(path)
		if err != nil {
			return nil, err
		}
		docs = append(docs, more...)
	}
	return docs, nil
}

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

type testCommand struct {
	Dirs    []string `arg:"" optional:"" help:"Folders or test files; the built-in samples if left out." type:"path"`
	JSON    bool     `help:"Print JSON."`
	JUnit   string   `name:"junit" help:"Write a JUnit XML report to FILE." type:"path" placeholder:"FILE"`
	Cover   bool     `help:"Name the rules that no case exercised, and exit with 1 if there are any."`
	Verbose bool     `short:"v" help:"Name every case."`
}

func (testCommand) Help() string { return "Example: handler policy test packs --cover" }

func (c *testCommand) Run(e *environment) error {
	report, err := c.run(e)
	if err != nil {
		return err
	}
	if c.JUnit != "" {
		if err := writeJUnit(c.JUnit, report); err != nil {
			return err
		}
	}
	if err := e.write(c.JSON, report, func(w io.Writer) error { return c.print(w, report) }); err != nil {
		return err
	}
	if report.Failed > 0 || report.Passed == 0 || c.Cover && len(report.Unexercised) > 0 {
		return errFindings
	}
	return nil
}

func (c *testCommand) run(e *environment) (suite.Report, error) {
	total := suite.Report{Results: []suite.Result{}, Unexercised: []string{}}
	if len(c.Dirs) == 0 {
		files, err := suite.Find(packs.FS, ".")
		if err != nil {
			return total, err
		}
		return suite.Run(packs.FS, files, nil), nil
	}
	for _, dir := range c.Dirs {
		fsys, files, err := testFiles(dir)
		if err != nil {
			return total, err
		}
		p := e.progress()
		r := suite.Run(fsys, files, func(done, of int) { p.step("tested", int64(done), int64(of)) })
		p.done()
		total.Results = append(total.Results, r.Results...)
		total.Unexercised = append(total.Unexercised, r.Unexercised...)
		total.Passed, total.Failed = total.Passed+r.Passed, total.Failed+r.Failed
	}
	return total, nil
}

func testFiles(path string) (fs.FS, []string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, pathError(path, err)
	}
	if !info.IsDir() {
		return os.DirFS(filepath.Dir(path)), []string{filepath.Base(path)}, nil
	}
	fsys := os.DirFS(path)
	files, err := suite.Find(fsys, ".")
	if err != nil {
		return nil, nil, pathError(path, err)
	}
	if len(files) == 0 {
		return nil, nil, usageError(fmt.Errorf("%s: there is no *.test.json below it", path))
	}
	return fsys, files, nil
}

func (c *testCommand) print(w io.Writer, r suite.Report) error {
	if err := r.WriteText(w, c.Verbose); err != nil {
		return err
	}
	if c.Cover {
		return r.WriteCover(w)
	}
	return nil
}

func writeJUnit(path string, r suite.Report) error {
	f, err := os.Create(path)
	if err != nil {
		return pathError(path, err)
	}
	if err := r.WriteJUnit(f); err != nil {
		f.Close() //nolint:errcheck // the write error says more
		return err
	}
	return f.Close()
}

type matrixCommand struct {
	packFlags
	Out string `help:"File to write to; standard output if left out." type:"path" placeholder:"FILE"`
	Now string `help:"The instant to decide at." placeholder:"RFC3339" default:"2026-06-01T09:00:00Z"`
}

func (matrixCommand) Help() string {
	return "Example: handler policy matrix --packs packs --out packs/matrix.test.json"
}

func (c *matrixCommand) Run(e *environment) error {
	docs, err := c.documents()
	if err != nil {
		return err
	}
	now, err := time.Parse(time.RFC3339Nano, c.Now)
	if err != nil {
		return usageError(fmt.Errorf("--now: write an instant like 2026-06-01T09:00:00Z"))
	}
	text, err := suite.Matrix(docs, now)
	if err != nil {
		return usageError(err)
	}
	if c.Out == "" {
		_, err := e.out.Write(text)
		return err
	}
	return writeNew(c.Out, text)
}

type schemaCommand struct {
	Name string `arg:"" enum:"pack,bindings,test" help:"pack, bindings or test."`
}

func (c *schemaCommand) Run(e *environment) error {
	text, err := policy.Schema(c.Name)
	if err != nil {
		return err
	}
	if !json.Valid(text) {
		return fmt.Errorf("the schema is no JSON")
	}
	_, err = e.out.Write(text)
	return err
}
