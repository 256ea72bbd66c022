package suite

import (
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Read reads one test file.
func Read(fsys fs.FS, name string) (*File, error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read the test file: %w", err)
	}
	v, err := strictjson.Parse(text, strictjson.Limits{Names: maxNames})
	if err != nil {
		return nil, err
	}
	if err := known(v, "", "$schema", "packs", "now", "principals", "request", "refused", "cases"); err != nil {
		return nil, err
	}
	f := &File{Request: v.Get("request"), Packs: texts(v.Get("packs")), Principals: map[string]Principal{}}
	if f.Now, err = instant("/now", v.Get("now")); err != nil {
		return nil, err
	}
	if r := v.Get("refused"); r.Kind() == strictjson.Bool {
		refused := r.Bool()
		f.Refused = &refused
	}
	for _, m := range v.Get("principals").Members() {
		if f.Principals[m.Name], err = principal("/principals/"+m.Name, m.Value); err != nil {
			return nil, err
		}
	}
	for i, item := range v.Get("cases").Items() {
		c, err := readCase(fmt.Sprintf("/cases/%d", i), item)
		if err != nil {
			return nil, err
		}
		f.Cases = append(f.Cases, c)
	}
	return f, nil
}

func instant(pointer string, v strictjson.Value) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, v.Text())
	if err != nil || v.Kind() != strictjson.String {
		return time.Time{}, fmt.Errorf("%s: write an instant like 2026-06-01T09:00:00Z", pointer)
	}
	return t, nil
}

func known(v strictjson.Value, pointer string, names ...string) error {
	if v.Kind() != strictjson.Object {
		return fmt.Errorf("%s: is no object", pointer)
	}
	for _, m := range v.Members() {
		if !slices.Contains(names, m.Name) {
			return fmt.Errorf("%s/%s: the key is not known here", pointer, m.Name)
		}
	}
	return nil
}

func texts(v strictjson.Value) []string {
	var out []string
	for _, item := range v.Items() {
		out = append(out, item.Text())
	}
	return out
}

func readCase(pointer string, v strictjson.Value) (Case, error) {
	if err := known(v, pointer, "name", "as", "now", "request", "set", "remove", "votes", "want"); err != nil {
		return Case{}, err
	}
	c := Case{
		Name: v.Get("name").Text(), As: v.Get("as").Text(), Request: v.Get("request"),
		Set: v.Get("set").Members(), Remove: texts(v.Get("remove")), Want: v.Get("want"), Votes: map[string][]string{},
	}
	if now := v.Get("now"); now.Kind() != strictjson.Absent {
		var err error
		if c.Now, err = instant(pointer+"/now", now); err != nil {
			return Case{}, err
		}
	}
	for _, m := range v.Get("votes").Members() {
		c.Votes[m.Name] = texts(m.Value)
	}
	if len(c.Want.Members()) == 0 {
		return Case{}, fmt.Errorf("%s/want: a case that wants nothing cannot fail", pointer)
	}
	return c, nil
}

var identities = map[string]policy.Identity{"verified": policy.Verified, "asserted": policy.Asserted, "none": policy.None}

// principal reads one of the principals. Groups and app roles are known where
// they are written, and for a verified identity.
func principal(pointer string, v strictjson.Value) (Principal, error) {
	if err := known(v, pointer, "upn", "oid", "identity", "groups", "appRoles", "caller"); err != nil {
		return Principal{}, err
	}
	p := Principal{Identity: policy.Verified, Caller: v.Get("caller").Text()}
	if word := v.Get("identity").Text(); word != "" {
		var ok bool
		if p.Identity, ok = identities[word]; !ok {
			return p, fmt.Errorf("%s/identity: write verified, asserted or none", pointer)
		}
	}
	verified := p.Identity == policy.Verified
	p.User = policy.User{
		ID: v.Get("oid").Text(), UPN: v.Get("upn").Text(),
		Groups: texts(v.Get("groups")), GroupsKnown: verified || v.Get("groups").Kind() == strictjson.Array,
		AppRoles: texts(v.Get("appRoles")), AppRolesKnown: verified || v.Get("appRoles").Kind() == strictjson.Array,
	}
	return p, nil
}
