package policy

import (
	"slices"
	"strconv"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// locate moves a finding about what bindings added to a pack into the document
// that holds it: its pointer is into the published form, which is in no file.
func (p *Pack) locate(f Finding) Finding {
	if p.bindings == "" || f.File != p.file {
		return f
	}
	segs := strings.Split(f.Pointer, "/") // "", "roles", "0", "members", …
	switch {
	case len(segs) > 1 && slices.Contains(bindingKeys, segs[1]):
		f.File = p.bindings
	case len(segs) > 3 && segs[1] == "roles" && segs[3] == "members":
		f.File, f.Pointer = p.bindings, boundPointer("roles", p.Roles[index(segs[2])].ID, segs[4:])
	case len(segs) > 3 && segs[1] == "agents" && (segs[3] == "callers" || segs[3] == "owner"):
		f.File, f.Pointer = p.bindings, boundPointer("agents", p.Agents[index(segs[2])].ID, segs[3:])
	}
	return f
}

func boundPointer(section, id string, rest []string) string {
	return "/" + strings.Join(append([]string{section, escapePointer(id)}, rest...), "/")
}

// index reads an index that this program wrote.
func index(segment string) int {
	i, _ := strconv.Atoi(segment)
	return i
}

// ruleAt is the public id of the rule of a pack that a pointer leads into, or
// "" where it leads elsewhere or the rule has no id.
func ruleAt(pack strictjson.Value, pointer string) string {
	segs := strings.Split(pointer, "/")
	if len(segs) < 3 || !slices.Contains(sectionNames[:], segs[1]) {
		return ""
	}
	rules := pack.Get(segs[1]).Items()
	i, err := strconv.Atoi(segs[2])
	if err != nil || i >= len(rules) || rules[i].Get("id").Text() == "" {
		return ""
	}
	return pack.Get("pack").Text() + "/" + rules[i].Get("id").Text()
}
