package policy

import (
	"cmp"
	"slices"

	"github.com/authorization-fabric/fabric/policy/command"
)

// allowed is a pattern under which a command line may run.
type allowed struct {
	rule    *rule
	text    string
	pattern command.Pattern
}

// allowedAt is where allowed patterns are looked up: those for one program of
// an action, those that leave the program open (""), and all of them.
type allowedAt struct {
	action  *action
	program string
}

const everyProgram = "\x00"

// spellings reports deny and ask patterns that spell an option, beside an
// allow that is open to the same command with the option spelled otherwise.
func (v *survey) spellings(p *pack) {
	allows := v.allowedLines(p)
	if len(allows) == 0 {
		return
	}
	for _, r := range p.rules {
		if _, dead := v.dead[r]; r.guard == nil || r.permitting() || dead {
			continue
		}
		for i, t := range v.tools(r) {
			v.spelling(r, t, r.guard.tools[i], allows)
		}
	}
}

func (v *survey) spelling(r *rule, at spelled, t tool, allows map[allowedAt][]allowed) {
	if t.line == nil {
		return
	}
	option, program, ok := t.line.SpelledOption()
	if !ok {
		return
	}
	for _, a := range v.reach[r] {
		if !t.action.matches(a.src.ID) {
			continue
		}
		if x, ok := evading(t.line, allows, a, program); ok {
			v.about(r, at.pointer, spelling, "the pattern spells the option %s, and %s allows the same command with it spelled otherwise (%q)", option, x.rule.public, x.text)
			return
		}
	}
}

// evading finds the allow. It looks at no more than so many of each kind, the
// shortest first, which are the widest.
func evading(line *command.Pattern, allows map[allowedAt][]allowed, a *action, program string) (allowed, bool) {
	places := []string{program, ""}
	if program == "" {
		places = []string{everyProgram}
	}
	for _, place := range places {
		list := allows[allowedAt{a, place}]
		for _, x := range list[:min(compared, len(list))] {
			if line.Evades(x.pattern) {
				return x, true
			}
		}
	}
	return allowed{}, false
}

// allowedLines are the patterns of allow guardrails, each once at a place.
func (v *survey) allowedLines(p *pack) map[allowedAt][]allowed {
	allows := map[allowedAt][]allowed{}
	for _, q := range v.near[p] {
		for _, r := range q.rules {
			if _, dead := v.dead[r]; r.guard != nil && r.permitting() && !dead {
				v.fileAllows(allows, r)
			}
		}
	}
	for place, list := range allows {
		slices.SortStableFunc(list, func(a, b allowed) int {
			return cmp.Or(cmp.Compare(len(a.text), len(b.text)), cmp.Compare(a.text, b.text))
		})
		allows[place] = slices.CompactFunc(list, func(a, b allowed) bool { return a.text == b.text })
	}
	return allows
}

func (v *survey) fileAllows(allows map[allowedAt][]allowed, r *rule) {
	for i, t := range v.tools(r) {
		compiled := r.guard.tools[i]
		pattern := r.guard.anything
		if compiled.line != nil {
			pattern = *compiled.line
		}
		for _, a := range v.reach[r] {
			if !compiled.action.matches(a.src.ID) {
				continue
			}
			for _, program := range []string{pattern.Program(), everyProgram} {
				place := allowedAt{a, program}
				allows[place] = append(allows[place], allowed{r, t.text, pattern})
			}
		}
	}
}
