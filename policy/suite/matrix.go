package suite

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Matrix is the table of roles x boundary amounts x labels of every action
// that an agent of the documents exposes, decided at an instant: a test file
// for people to review, which passes until a pack changes. Amounts are the
// figures of limits and thresholds and one unit above each; for an action with
// a command they are the commands of guardrails. Labels vary where a rule
// looks at them. The test file names the documents as they are named here.
func Matrix(docs []policy.Document, now time.Time) ([]byte, error) {
	set, findings := policy.Load(docs, policy.LoadOptions{})
	if set == nil {
		return nil, fmt.Errorf("the packs do not load: %v", findings[0])
	}
	m := matrix{set: set, file: &File{Now: now, Principals: map[string]Principal{}}}
	for _, d := range docs {
		m.file.Packs = append(m.file.Packs, d.Name)
		v, err := strictjson.Parse(d.Text, strictjson.Limits{Names: maxNames})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.Name, err)
		}
		m.docs = append(m.docs, v)
	}
	for _, v := range m.docs {
		if v.Get("version").Kind() == strictjson.Number {
			if err := m.pack(v); err != nil {
				return nil, err
			}
		}
	}
	return m.render(now), nil
}

type matrix struct {
	set        *policy.Set
	docs       []strictjson.Value
	file       *File
	principals []strictjson.Member
	cases      []strictjson.Value
}

// boundPack is a pack with what its bindings say.
type boundPack struct{ pack, bindings strictjson.Value }

func (m *matrix) pack(v strictjson.Value) error {
	p := boundPack{v, v}
	for _, b := range m.docs {
		if b.Get("version").Missing() && b.Get("pack").Text() == v.Get("pack").Text() {
			p.bindings = b
		}
	}
	for _, agent := range v.Get("agents").Items() {
		for _, id := range texts(agent.Get("actions")) {
			if action := byID(v.Get("actions"), id); !action.Missing() {
				if err := m.table(p, agent, action); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func byID(list strictjson.Value, id string) strictjson.Value {
	for _, v := range list.Items() {
		if v.Get("id").Text() == id {
			return v
		}
	}
	return strictjson.Value{}
}

// table adds the cases of one action through one agent.
func (m *matrix) table(p boundPack, agent, action strictjson.Value) error {
	s := sampler{pack: p.pack, action: action}
	points, labels := s.points(), s.labels()
	for _, holder := range m.holders(p, agent) {
		for _, at := range points {
			for _, label := range labels {
				name := action.Get("id").Text() + " as " + holder + caseSuffix(at, label, len(labels) > 1)
				if err := m.add(name, holder, s.request(agent.Get("id").Text(), m.tenant(p), at, label)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func caseSuffix(at point, label string, labelled bool) string {
	suffix := ""
	if at.name != "" {
		suffix += ", " + at.name
	}
	switch {
	case labelled && label == "":
		suffix += ", no label"
	case labelled:
		suffix += ", " + label
	}
	return suffix
}

func (m *matrix) tenant(p boundPack) string {
	if tenants := texts(p.bindings.Get("tenants")); len(tenants) > 0 {
		return tenants[0]
	}
	return ""
}

// add decides a case and keeps it with what it got.
func (m *matrix) add(name, as string, request strictjson.Value) error {
	in, err := input(m.set, m.file, Case{As: as}, request)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d := m.set.Decide(in, false)
	var want []strictjson.Member
	for _, key := range []string{"decision", "reasonCode", "policyIds"} {
		v, _ := Field(&d, key)
		want = append(want, strictjson.Member{Name: key, Value: v})
	}
	m.cases = append(m.cases, strictjson.ObjectOf(
		strictjson.Member{Name: "name", Value: strictjson.StringOf(name)},
		strictjson.Member{Name: "want", Value: strictjson.ObjectOf(want...)},
		strictjson.Member{Name: "as", Value: strictjson.StringOf(as)},
		strictjson.Member{Name: "request", Value: request}))
	return nil
}

// holders are the principals of an agent: for each role of the pack that can
// be held through it somebody who holds it, and somebody without any.
func (m *matrix) holders(p boundPack, agent strictjson.Value) []string {
	id, users := agent.Get("id").Text(), texts(agent.Get("users"))
	caller := m.caller(p, agent)
	var names []string
	for _, role := range p.pack.Get("roles").Items() {
		members := texts(role.Get("members"))
		if bound := p.bindings.Get("roles").Get(role.Get("id").Text()); !bound.Missing() {
			members = texts(bound)
		}
		if holder, ok := holderOf(members, id, users); ok {
			names = append(names, m.principal(role.Get("id").Text()+" through "+id, holder, caller))
		}
	}
	if slices.Equal(users, []string{"none"}) {
		return append(names, m.principal("no user through "+id, []strictjson.Member{withoutUser}, caller))
	}
	nobody := strictjson.Member{Name: "upn", Value: strictjson.StringOf("nobody@example.com")}
	return append(names, m.principal("nobody through "+id, []strictjson.Member{nobody}, caller))
}

func (m *matrix) caller(p boundPack, agent strictjson.Value) string {
	callers := texts(agent.Get("callers"))
	if bound := p.bindings.Get("agents").Get(agent.Get("id").Text()); !bound.Missing() {
		callers = texts(bound.Get("callers"))
	}
	if len(callers) == 0 {
		return ""
	}
	return strings.TrimPrefix(callers[0], "app:")
}

// withoutUser makes a principal of an application on its own.
var withoutUser = strictjson.Member{Name: "identity", Value: strictjson.StringOf("none")}

// holderOf is a principal who holds a role by the first membership that the
// agent admits.
func holderOf(members []string, agent string, users []string) ([]strictjson.Member, bool) {
	for _, member := range members {
		form, id, _ := strings.Cut(member, ":")
		text, list := strictjson.StringOf(id), strictjson.ArrayOf(strictjson.StringOf(id))
		somebody := strictjson.Member{Name: "upn", Value: strictjson.StringOf("somebody@example.com")}
		switch {
		case form == "agent" && id == agent && slices.Contains(users, "none"):
			return []strictjson.Member{withoutUser}, true
		case form == "agent" || slices.Equal(users, []string{"none"}):
		case form == "user":
			return []strictjson.Member{{Name: "upn", Value: text}}, true
		case form == "oid":
			return []strictjson.Member{{Name: "oid", Value: text}}, true
		case form == "group":
			return []strictjson.Member{somebody, {Name: "groups", Value: list}}, true
		case form == "appRole":
			return []strictjson.Member{somebody, {Name: "appRoles", Value: list}}, true
		}
	}
	return nil, false
}

func (m *matrix) principal(name string, members []strictjson.Member, caller string) string {
	if _, there := m.file.Principals[name]; there {
		return name
	}
	if caller != "" {
		members = append(members, strictjson.Member{Name: "caller", Value: strictjson.StringOf(caller)})
	}
	v := strictjson.ObjectOf(members...)
	p, err := principal("/principals/"+name, v)
	if err != nil {
		panic("suite: a principal of the matrix is none: " + err.Error()) // made above, of known keys
	}
	m.file.Principals[name] = p
	m.principals = append(m.principals, strictjson.Member{Name: name, Value: v})
	return name
}
