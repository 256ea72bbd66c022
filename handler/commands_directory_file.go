package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// bindingsFile is a document that groups are written into.
type bindingsFile struct {
	path              string
	text              []byte
	doc               strictjson.Value
	pack, environment string
	wanted            []string // the groups it is to hold, by object id in lower case, sorted
}

// readBindings reads files: those that name an environment are bindings, or
// packs in their published form; the others are packs, looked at for the
// groups that they name.
func readBindings(paths []string, environment string) ([]*bindingsFile, error) {
	var out, packs []*bindingsFile
	for _, path := range paths {
		f, err := readPolicyFile(path)
		switch {
		case err != nil:
			return nil, err
		case f.environment == "":
			packs = append(packs, f)
		case environment == "" || f.environment == environment:
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return nil, usageError(errors.New("none of the files is the bindings of that environment"))
	}
	for _, f := range out {
		names := map[string]bool{}
		f.namesGroups(names)
		for _, p := range append(packs, f.packBeside()...) {
			if p.pack == f.pack {
				p.namesGroups(names)
			}
		}
		f.wanted = slices.Sorted(maps.Keys(names))
	}
	return out, nil
}

func readPolicyFile(path string) (*bindingsFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, pathError(path, err)
	}
	doc, err := strictjson.Parse(text, strictjson.Limits{})
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", path, err))
	}
	f := &bindingsFile{path: path, text: text, doc: doc, pack: doc.Get("pack").Text(), environment: doc.Get("environment").Text()}
	if f.pack == "" {
		return nil, usageError(fmt.Errorf("%s: it is no pack and no bindings: it names no \"pack\"", path))
	}
	return f, nil
}

// packBeside is the pack in its usual file beside its bindings, if it is there.
func (f *bindingsFile) packBeside() []*bindingsFile {
	p, err := readPolicyFile(filepath.Join(filepath.Dir(f.path), filepath.Base(f.pack)+".json"))
	if err != nil {
		return nil
	}
	return []*bindingsFile{p}
}

var groupForm = regexp.MustCompile(`^group:([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$`)

// namesGroups adds the groups that roles and approval rules name.
func (f *bindingsFile) namesGroups(names map[string]bool) {
	var look func(v strictjson.Value)
	look = func(v strictjson.Value) {
		if parts := groupForm.FindStringSubmatch(v.Text()); v.Kind() == strictjson.String && parts != nil {
			names[strings.ToLower(parts[1])] = true
		}
		for _, item := range v.Items() {
			look(item)
		}
		for _, m := range v.Members() {
			look(m.Value)
		}
	}
	look(f.doc.Get("roles"))
	look(f.doc.Get("approvals"))
}

// snapshot is what the file holds of a group.
func (f *bindingsFile) snapshot(id string) strictjson.Value {
	for _, m := range f.doc.Get("groups").Members() {
		if strings.EqualFold(m.Name, id) {
			return m.Value
		}
	}
	return strictjson.Value{}
}

// with is the text of the file with other snapshots. All but "groups" stays as
// it stands, byte for byte; in it, groups that are not among the changes stay.
func (f *bindingsFile) with(changes []groupChange) ([]byte, error) {
	if len(changes) == 0 {
		return f.text, nil
	}
	groups, err := f.groupsText(changes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	start, end, found, err := spanOf(f.text, "groups")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	if !found {
		groups = slices.Concat([]byte(",\n  \"groups\": "), groups)
	}
	if bytes.Contains(f.text, []byte("\r\n")) {
		groups = bytes.ReplaceAll(groups, []byte("\n"), []byte("\r\n"))
	}
	text := slices.Concat(f.text[:start], groups, f.text[end:])
	return text, f.differsInGroups(text)
}

// groupsText is the object of all snapshots, those that are there in their
// place.
func (f *bindingsFile) groupsText(changes []groupChange) ([]byte, error) {
	var parts []string
	left := slices.Clone(changes)
	for _, m := range f.doc.Get("groups").Members() {
		value := string(strictjson.AppendAsSent(nil, m.Value))
		i := slices.IndexFunc(left, func(c groupChange) bool { return strings.EqualFold(c.Group, m.Name) })
		if i >= 0 {
			value = left[i].snapshot()
			left = slices.Delete(left, i, i+1)
		}
		parts = append(parts, quote(m.Name)+":"+value)
	}
	for _, c := range left {
		parts = append(parts, quote(c.Group)+":"+c.snapshot())
	}
	var out bytes.Buffer
	err := json.Indent(&out, []byte("{"+strings.Join(parts, ",")+"}"), "  ", "  ")
	return out.Bytes(), err
}

// snapshot is the JSON of a group.
func (c *groupChange) snapshot() string {
	var b strings.Builder
	b.WriteString(`{"name":` + quote(c.Name))
	if c.Mail != "" {
		b.WriteString(`,"mail":` + quote(c.Mail))
	}
	b.WriteString(`,"members":[`)
	for i, m := range c.Members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote(m))
	}
	b.WriteString(`],"syncedAt":` + quote(c.SyncedAt) + "}")
	return b.String()
}

func quote(s string) string { return string(strictjson.AppendString(nil, s)) }

// spanOf is where the value of a top-level member stands; one that is not
// there would stand, empty, behind the last.
func spanOf(text []byte, name string) (start, end int, found bool, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return 0, 0, false, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return 0, 0, false, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return 0, 0, false, err
		}
		end = int(d.InputOffset())
		if key == name {
			return end - len(value), end, true, nil
		}
	}
	return end, end, false, nil
}

// differsInGroups makes sure that a text is the file's but for the groups.
func (f *bindingsFile) differsInGroups(text []byte) error {
	doc, err := strictjson.Parse(text, strictjson.Limits{})
	if err != nil {
		return fmt.Errorf("%s: what was to be written cannot be read: %w", f.path, err)
	}
	rest := func(v strictjson.Value) string {
		var members []strictjson.Member
		for _, m := range v.Members() {
			if m.Name != "groups" {
				members = append(members, m)
			}
		}
		return string(strictjson.AppendAsSent(nil, strictjson.ObjectOf(members...)))
	}
	if rest(doc) != rest(f.doc) {
		return fmt.Errorf("%s: more than the groups would change", f.path)
	}
	return nil
}

// replace writes the file whole or not at all, with the mode it has. A file
// that was changed since it was read is left alone.
func (f *bindingsFile) replace(text []byte) (err error) {
	path, err := filepath.EvalSymlinks(f.path)
	if err != nil {
		return pathError(f.path, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return pathError(f.path, err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, f.text) {
		return fmt.Errorf("%s: it was changed meanwhile: run the command again", f.path)
	}
	t, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return pathError(f.path, err)
	}
	defer func() {
		if gone := os.Remove(t.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	_, err = t.Write(text)
	if err = errors.Join(err, t.Chmod(info.Mode().Perm()), t.Sync(), t.Close()); err == nil {
		err = os.Rename(t.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}
