package suite

import (
	"slices"
	"strconv"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// point is one row of the table: values that lie at a boundary.
type point struct {
	name    string
	changes []strictjson.Member // by pointer into the request
}

// points are the boundary amounts, or commands, of the action; one without
// anything where it has none.
func (s sampler) points() []point {
	rows := s.commands()
	if len(rows) == 0 {
		rows = s.limits()
	}
	return crossed(rows, s.thresholds())
}

// maxPoints is how many rows of an action are still read.
const maxPoints = 200

// crossed is every row of one list with every row of another, or one after the
// other where that would be too many.
func crossed(rows, others []point) []point {
	switch {
	case len(others) == 0 && len(rows) == 0:
		return []point{{}}
	case len(others) == 0:
		return rows
	case len(rows) == 0:
		return others
	case len(rows)*len(others) > maxPoints:
		return slices.Concat(rows, others)
	}
	var out []point
	for _, a := range rows {
		for _, b := range others {
			name := strings.Trim(a.name+", "+b.name, ", ")
			out = append(out, point{name, slices.Concat(a.changes, b.changes)})
		}
	}
	return out
}

// limits are the figures of entitlements, by each value of what picks them.
func (s sampler) limits() []point {
	var out []point
	for _, r := range s.reaching("entitlements") {
		limit := r.Get("limit")
		name := limit.Get("parameter").Text()
		if limit.Missing() || s.parameter(name).Missing() {
			continue
		}
		if by := limit.Get("by").Text(); by != "" {
			for _, m := range limit.Get("max").Members() {
				picked := strictjson.Member{Name: "/parameters/" + by, Value: strictjson.StringOf(m.Name)}
				out = append(out, s.around(name, m.Value.Text(), " "+m.Name, picked)...)
			}
			continue
		}
		out = append(out, s.around(name, limit.Get("max").Text(), "")...)
	}
	return distinct(out)
}

// around is a figure and one unit above it.
func (s sampler) around(parameter, figure, unit string, more ...strictjson.Member) []point {
	var out []point
	for _, amount := range []string{figure, s.above(parameter, figure)} {
		set := strictjson.Member{Name: "/parameters/" + parameter, Value: strictjson.StringOf(amount)}
		out = append(out, point{parameter + " " + amount + unit, append(slices.Clone(more), set)})
	}
	return out
}

// above is a figure one unit of the parameter larger.
func (s sampler) above(parameter, figure string) string {
	p, scale := s.parameter(parameter), 2
	if n, err := strconv.Atoi(p.Get("scale").Text()); err == nil {
		scale = n
	}
	if p.Get("type").Text() == "integer" {
		scale = 0
	}
	return unitAbove(figure, scale)
}

// unitAbove is a figure one unit of so many fraction digits larger; a figure
// with more digits counts in its own.
func unitAbove(figure string, scale int) string {
	whole, fraction, _ := strings.Cut(figure, ".")
	if missing := scale - len(fraction); missing > 0 {
		fraction += strings.Repeat("0", missing)
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if up := oneUnit(whole); len(up) > 0 {
		return up[0]
	}
	return figure
}

// thresholds are the bounds of thresholds, and for a value in context its
// absence.
func (s sampler) thresholds() []point {
	var rows []point
	for _, r := range s.reaching("thresholds") {
		var own []point
		where, name, _ := strings.Cut(r.Get("value").Text(), ".")
		for _, key := range []string{"askAbove", "denyAbove"} {
			bound := r.Get(key).Text()
			switch {
			case bound == "":
			case where == "context":
				own = append(own, contextPoint(name, bound), contextPoint(name, unitAbove(bound, 0)))
			case !s.parameter(name).Missing():
				own = append(own, s.around(name, bound, "")...)
			}
		}
		if where == "context" {
			own = append(own, point{name: "no " + name})
		}
		if len(own) > 0 {
			rows = crossed(rows, own)
		}
	}
	return distinct(rows)
}

func contextPoint(path, number string) point {
	pointer := "/context/" + strings.ReplaceAll(path, ".", "/")
	return point{path + " " + number, []strictjson.Member{{Name: pointer, Value: strictjson.NumberOf(number)}}}
}

// commands are what the patterns of guardrails look like, each * as a word.
func (s sampler) commands() []point {
	name := ""
	for _, m := range s.action.Get("parameters").Members() {
		if m.Value.Get("type").Text() == "command" {
			name = m.Name
		}
	}
	if name == "" {
		return nil
	}
	var out []point
	for _, r := range s.pack.Get("guardrails").Items() {
		for _, line := range s.lines(r) {
			line = strings.ReplaceAll(line, "*", "x")
			set := strictjson.Member{Name: "/parameters/" + name, Value: strictjson.StringOf(line)}
			out = append(out, point{line, []strictjson.Member{set}})
		}
	}
	return distinct(out)
}

func (s sampler) lines(guardrail strictjson.Value) []string {
	var out []string
	for _, t := range s.spliced(guardrail.Get("tools")) {
		name, rest, ok := strings.Cut(t, "(")
		inner, closed := strings.CutSuffix(rest, ")")
		if ok && closed && matchesGlob(name, s.action.Get("id").Text()) {
			out = append(out, s.spliced(strictjson.ArrayOf(strictjson.StringOf(inner)))...)
		}
	}
	return out
}

// spliced is a list of strings with named lists in their places.
func (s sampler) spliced(list strictjson.Value) []string {
	var out []string
	for _, text := range texts(list) {
		if name, ok := strings.CutPrefix(text, "@"); ok {
			out = append(out, texts(s.pack.Get("lists").Get(name))...)
		} else {
			out = append(out, text)
		}
	}
	return out
}

func distinct(points []point) []point {
	var out []point
	for _, p := range points {
		if !slices.ContainsFunc(out, func(q point) bool { return q.name == p.name }) {
			out = append(out, p)
		}
	}
	return out
}
