package policy

import (
	"slices"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// masks checks where the masks of a rule land among the parameters of the
// actions it reaches. What an action returns is declared nowhere, so that
// output. paths cannot be checked.
func (v *survey) masks(r *rule) {
	for i := range r.mask {
		m := &r.mask[i]
		if m.output {
			continue
		}
		pointer := at("/mask", i)
		landed, misfit := v.land(m, v.reach[r])
		switch {
		case misfit != "":
			v.about(r, pointer+"/method", maskMisfit, "%s", misfit)
		case !landed:
			v.about(r, pointer+"/path", maskNowhere, "no action that the rule reaches declares anything at %q", m.path)
		}
	}
}

// land looks for a parameter that the mask meets; misfit is the first one that
// would no longer be what its declaration says.
func (v *survey) land(m *mask, actions []*action) (landed bool, misfit string) {
	for _, a := range actions {
		for _, p := range candidates(a, m.segs[0]) {
			if !m.meets(p) {
				continue
			}
			landed = true
			if len(m.segs) == 1 || p.typ != typeJSON {
				if problem := m.spoils(p); problem != "" {
					return true, quote(p.name) + " of " + a.src.ID + " would not be what it is declared: " + problem
				}
			}
		}
	}
	return landed, ""
}

func candidates(a *action, segment string) []*param {
	if segment == anyKey || segment == anyDepth {
		return a.params
	}
	if p := a.param(segment); p != nil {
		return []*param{p}
	}
	return nil
}

// meets is whether the path leads to the parameter, or to something that its
// type can hold inside.
func (m *mask) meets(p *param) bool {
	down := step([]pending{{m, m.segs}}, p.name)
	switch {
	case len(down) == 0:
		return false
	case p.typ == typeJSON || slices.ContainsFunc(down, pending.arrived):
		return true
	case p.typ == typeStrings:
		return slices.ContainsFunc(step(down, "0"), pending.arrived)
	}
	return false
}

// spoils is what the declaration would say of the masked value, or "".
func (m *mask) spoils(p *param) string {
	switch {
	case m.method == remove && p.src.Required:
		return "it is required, and removed"
	case m.method == remove || p.typ == typeJSON:
		return ""
	case p.typ == typeCommand:
		return "a masked command is another command"
	}
	for _, left := range m.leftovers() {
		masked := strictjson.StringOf(left)
		if p.typ == typeStrings {
			masked = strictjson.ArrayOf(masked)
		}
		var a arg
		if problem := p.read(masked, &a); problem != "" {
			return problem
		}
	}
	return ""
}

// leftovers are what the method may leave of a value.
func (m *mask) leftovers() []string {
	switch m.method {
	case last4:
		return []string{"****", "****0000"}
	case hashed:
		return []string{"hmac-sha256:" + strings.Repeat("0", 32)}
	case unmasked, redact, remove:
	}
	return []string{"***"}
}
