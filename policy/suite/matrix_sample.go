package suite

import (
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// sampler makes requests for one action of a pack.
type sampler struct{ pack, action strictjson.Value }

// labels are the labels a case is asked with: all and none where a rule looks
// at them, else the lowest.
func (s sampler) labels() []string {
	declared := texts(s.pack.Get("classifications"))
	for _, section := range []string{"isolation", "classification", "entitlements", "thresholds", "approvals"} {
		for _, r := range s.reaching(section) {
			m := r.Get("match")
			if !m.Get("classifications").Missing() || !m.Get("classificationAtLeast").Missing() || strings.Contains(r.Get("when").Text(), "classification") {
				return append(declared, "")
			}
		}
	}
	return declared[:min(1, len(declared))]
}

// reaching are the rules of a section that may be about the action.
func (s sampler) reaching(section string) []strictjson.Value {
	var out []strictjson.Value
	for _, r := range s.pack.Get(section).Items() {
		actions := s.spliced(r.Get("match").Get("actions"))
		if r.Get("match").Get("actions").Missing() || slices.ContainsFunc(actions, func(a string) bool { return matchesGlob(a, s.action.Get("id").Text()) }) {
			out = append(out, r)
		}
	}
	return out
}

// matchesGlob is whether a text matches a pattern in which * is any run.
func matchesGlob(pattern, text string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	tail, ok := strings.CutPrefix(text, first)
	for i := 0; ok && i <= len(tail); i++ {
		if matchesGlob(rest, tail[i:]) {
			return true
		}
	}
	return false
}

func (s sampler) parameter(name string) strictjson.Value { return s.action.Get("parameters").Get(name) }

// request is one that the declaration admits, at a point and with a label.
func (s sampler) request(agent, tenant string, at point, label string) strictjson.Value {
	text := func(name, value string) strictjson.Member {
		return strictjson.Member{Name: name, Value: strictjson.StringOf(value)}
	}
	resource := []strictjson.Member{text("type", s.action.Get("resource").Text()), text("id", "X-1")}
	for _, m := range []strictjson.Member{text("region", s.region()), text("classification", label)} {
		if m.Value.Text() != "" {
			resource = append(resource, m)
		}
	}
	request := strictjson.ObjectOf(text("tenantId", tenant), text("agentId", agent), text("action", s.action.Get("id").Text()),
		strictjson.Member{Name: "resource", Value: strictjson.ObjectOf(resource...)},
		strictjson.Member{Name: "parameters", Value: s.required()},
		strictjson.Member{Name: "context", Value: s.context()})
	for _, m := range at.changes {
		if changed, err := edit(request, []strictjson.Member{m}, nil); err == nil {
			request = changed
		}
	}
	return request
}

// region is one that residency rules allow, or the first declared.
func (s sampler) region() string {
	for _, r := range s.reaching("isolation") {
		if allowed := s.spliced(r.Get("allowedRegions")); len(allowed) > 0 {
			return allowed[0]
		}
	}
	if declared := texts(s.pack.Get("regions")); len(declared) > 0 {
		return declared[0]
	}
	return ""
}

// context holds what entitlements demand of it.
func (s sampler) context() strictjson.Value {
	var members []strictjson.Member
	for key, name := range map[string]string{"channels": "channel", "risk": "risk"} {
		for _, r := range s.reaching("entitlements") {
			if allowed := s.spliced(r.Get("match").Get(key)); len(allowed) > 0 {
				members = append(members, strictjson.Member{Name: name, Value: strictjson.StringOf(allowed[0])})
				break
			}
		}
	}
	return strictjson.ObjectOf(strictjson.ObjectOf(members...).SortedMembers()...)
}

// required are the parameters that must be sent.
func (s sampler) required() strictjson.Value {
	var members []strictjson.Member
	for _, m := range s.action.Get("parameters").Members() {
		if m.Value.Get("required").Bool() && s.action.Get("pin").Get(m.Name).Missing() {
			members = append(members, strictjson.Member{Name: m.Name, Value: s.sample(m.Name, m.Value)})
		}
	}
	return strictjson.ObjectOf(members...)
}

// sample is a value that a parameter may have.
func (s sampler) sample(name string, p strictjson.Value) strictjson.Value {
	switch p.Get("type").Text() {
	case "integer", "decimal":
		if least := p.Get("min").Text(); least != "" {
			return strictjson.StringOf(least)
		}
		return strictjson.StringOf("1")
	case "boolean":
		return strictjson.BoolOf(false)
	case "datetime":
		return strictjson.StringOf("2026-06-01T09:00:00Z")
	case "strings":
		return strictjson.ArrayOf(strictjson.StringOf(s.sampleText(p)))
	case "url":
		return strictjson.StringOf("https://" + s.host(name) + "/")
	case "json":
		return strictjson.ObjectOf()
	}
	return strictjson.StringOf(s.sampleText(p))
}

func (s sampler) sampleText(p strictjson.Value) string {
	if words := s.spliced(p.Get("enum")); len(words) > 0 {
		return words[0]
	}
	if re, err := syntax.Parse(p.Get("pattern").Text(), syntax.Perl); err == nil {
		if text := shortest(re); text != "" {
			return text
		}
	}
	return "x"
}

// host is one that egress rules allow.
func (s sampler) host(parameter string) string {
	for _, r := range s.reaching("isolation") {
		if allowed := s.spliced(r.Get("allowedHosts")); r.Get("parameter").Text() == parameter && len(allowed) > 0 {
			return strings.ReplaceAll(allowed[0], "*", "www")
		}
	}
	return "example.com"
}

// shortest is a short text that a regular expression matches.
func shortest(re *syntax.Regexp) string {
	var b strings.Builder
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		if len(re.Rune) > 0 {
			return string(re.Rune[0])
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "x"
	case syntax.OpCapture, syntax.OpPlus, syntax.OpAlternate:
		return shortest(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			b.WriteString(shortest(sub))
		}
	case syntax.OpRepeat:
		b.WriteString(strings.Repeat(shortest(re.Sub[0]), re.Min))
	case syntax.OpStar, syntax.OpQuest, syntax.OpEmptyMatch, syntax.OpNoMatch, syntax.OpBeginLine, syntax.OpEndLine,
		syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary: // the empty text
	}
	return b.String()
}
