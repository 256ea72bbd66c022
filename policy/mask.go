package policy

import (
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// method is what is left of a masked value; the larger is the stricter.
type method uint8

const (
	unmasked method = iota
	last4
	hashed
	redact
	remove
)

var methods = map[string]method{"last4": last4, "hash": hashed, "redact": redact, "remove": remove}

// mask is one compiled place of a MASK rule.
type mask struct {
	path   string // as written
	output bool
	segs   []string
	method method
	name   string
}

const (
	anyKey   = "*"
	anyDepth = "**"
)

func compileMask(m MaskRule) (compiled mask, problem string) {
	root, rest, found := strings.Cut(m.Path, ".")
	if root != "parameters" && root != "output" {
		return mask{}, "it starts with neither parameters. nor output."
	}
	segs := strings.Split(rest, ".")
	if !found || slices.Contains(segs, "") {
		return mask{}, "a part of it is empty"
	}
	return mask{path: m.Path, output: root == "output", segs: segs, method: methods[m.Method], name: m.Method}, ""
}

// obligationsOf lists what masking rules demand, each place and method once,
// in the order of the rules.
func obligationsOf(rules []*rule) []Obligation {
	var out []Obligation
	for _, r := range rules {
		for _, m := range r.mask {
			o := Obligation{Type: "mask", Path: m.path, Method: m.name}
			if !slices.Contains(out, o) {
				out = append(out, o)
			}
		}
	}
	return out
}

// masker applies masks to one value.
type masker struct {
	key    *Key
	tenant string
}

// pending is a mask on its way down: what is left of its path. A path with **
// may be at several places at once.
type pending struct {
	mask *mask
	segs []string
}

// parameters are the masks of rules that are about parameters.
func parameterMasks(rules []*rule) []pending { return pendingMasks(rules, false) }

func pendingMasks(rules []*rule, output bool) []pending {
	var out []pending
	for _, r := range rules {
		for i := range r.mask {
			if m := &r.mask[i]; m.output == output {
				out = append(out, pending{m, m.segs})
			}
		}
	}
	return out
}

// MaskOutput applies the output. obligations of a decision to a tool's output
// (policy-pack 11.3). An obligation that is not of this form is ignored: it
// cannot have come from a decision.
func MaskOutput(output strictjson.Value, obligations []Obligation, tenant string, key *Key) strictjson.Value {
	r := &rule{}
	for _, o := range obligations {
		if m, problem := compileMask(MaskRule{Path: o.Path, Method: o.Method}); problem == "" && m.output {
			r.mask = append(r.mask, m)
		}
	}
	m := masker{key, asciiLower(tenant)}
	masked, kept := m.apply(output, pendingMasks([]*rule{r}, true), nil)
	if !kept {
		return strictjson.NullValue()
	}
	return masked
}

// apply masks v. Inherited is the mask of a list around v. The value is gone
// where kept is false.
func (m masker) apply(v strictjson.Value, down []pending, inherited *mask) (masked strictjson.Value, kept bool) {
	here := strictest(down, inherited)
	switch {
	case here == nil && len(down) == 0:
		return v, true
	case here != nil && here.method == remove:
		return strictjson.Value{}, false
	case v.Kind() == strictjson.Array:
		return m.array(v, down, here), true
	case here != nil:
		return m.cover(v, here), true
	case v.Kind() == strictjson.Object:
		return m.object(v, down), true
	}
	return v, true
}

func strictest(down []pending, inherited *mask) *mask {
	best := inherited
	for _, p := range down {
		if p.arrived() && (best == nil || p.mask.method > best.method) {
			best = p.mask
		}
	}
	return best
}

// arrived is whether the path ends here: ** may stand for nothing.
func (p pending) arrived() bool {
	return !slices.ContainsFunc(p.segs, func(s string) bool { return s != anyDepth })
}

func (m masker) array(v strictjson.Value, down []pending, inherited *mask) strictjson.Value {
	items := make([]strictjson.Value, 0, len(v.Items()))
	for i, item := range v.Items() {
		if masked, kept := m.apply(item, step(down, itoa(i)), inherited); kept {
			items = append(items, masked)
		}
	}
	return strictjson.ArrayOf(items...)
}

func (m masker) object(v strictjson.Value, down []pending) strictjson.Value {
	members := make([]strictjson.Member, 0, len(v.Members()))
	for _, member := range v.Members() {
		if masked, kept := m.apply(member.Value, step(down, member.Name), nil); kept {
			members = append(members, strictjson.Member{Name: member.Name, Value: masked})
		}
	}
	return strictjson.ObjectOf(members...)
}

// step moves every path below one key or index.
func step(down []pending, key string) []pending {
	var out []pending
	for _, p := range down {
		for len(p.segs) > 0 {
			head := p.segs[0]
			if head == anyDepth {
				out = addPending(out, p) // ** takes this key and stays
				p.segs = p.segs[1:]      // or stands for nothing
				continue
			}
			if head == anyKey || head == key {
				out = addPending(out, pending{p.mask, p.segs[1:]})
			}
			break
		}
	}
	return out
}

// addPending keeps one of pendings that are alike: with several ** a mask gets to
// one place in many ways, and their number would grow with every key.
func addPending(list []pending, p pending) []pending {
	for _, q := range list {
		if q.mask == p.mask && len(q.segs) == len(p.segs) {
			return list
		}
	}
	return append(list, p)
}

// cover replaces a value that is no list.
func (m masker) cover(v strictjson.Value, by *mask) strictjson.Value {
	text := maskText(v)
	switch by.method {
	case last4:
		return strictjson.StringOf(lastFour(text))
	case hashed:
		message := "fabric-mask-v1\n" + m.tenant + "\n" + by.path + "\n" + text
		sum := m.key.Sum([]byte(message))
		return strictjson.StringOf("hmac-sha256:" + hex.EncodeToString(sum[:16]))
	default:
		return strictjson.StringOf("***")
	}
}

// maskText is the text of a value: a string's content, a number as it is
// written, anything else in canonical form.
func maskText(v strictjson.Value) string {
	if v.Kind() == strictjson.String || v.Kind() == strictjson.Number {
		return v.Text()
	}
	return string(strictjson.AppendCanonical(nil, v))
}

// lastFour keeps four characters of more than eight.
func lastFour(s string) string {
	if utf8.RuneCountInString(s) <= 8 {
		return "****"
	}
	end := len(s)
	for range 4 {
		_, size := utf8.DecodeLastRuneInString(s[:end])
		end -= size
	}
	return "****" + s[end:]
}

// covers is whether any of the masks touches a parameter or something in it.
func covers(masks []pending, parameter string) bool {
	return len(step(masks, parameter)) > 0
}
