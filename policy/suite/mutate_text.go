package suite

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// choices are the words of the keys that have a fixed set.
var choices = map[string][][]string{
	"effect":     {{"deny", "ask", "allow"}, {"DENY", "MASK"}},
	"method":     {{"redact", "last4", "hash", "remove"}},
	"type":       {{"string", "integer", "decimal", "boolean", "datetime", "strings", "url", "command", "json"}},
	"absent":     {{"deny", "ask"}},
	"disclosure": {{"full", "codes"}},
}

// texts are the changed forms of a string, by the key it stands under.
func (m *mutator) texts(key, s string) []string {
	for _, set := range choices[key] {
		if slices.Contains(set, s) {
			return without(set, s)
		}
	}
	switch key {
	case "min", "max", "askAbove", "denyAbove":
		return oneUnit(s)
	case "approveWithin", "executeWithin", "after":
		return movedDurations(s)
	case "effectiveFrom", "effectiveTo", "from", "until":
		return movedInstants(s)
	case "classificationAtLeast", "defaultClassification", "classification":
		return without(texts(m.doc.Get("classifications")), s)
	case "region":
		return without(texts(m.doc.Get("regions")), s)
	case "when":
		return changedConditions(s)
	case "pattern":
		return changedQuantifiers(s)
	case "path":
		return changedPaths(s)
	case "tools":
		return changedTools(s)
	case "lists":
		return changedListMembers(s)
	case "allowedHosts":
		return changedHosts(s)
	case "value", "parameter", "by", "resource", "audience", "mail", "owner", "pin", "advice":
		return []string{s + "x"}
	}
	return nil // names and people, which the lists they stand in gain and lose
}

func without(list []string, s string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(x string) bool { return x == s })
}

// oneUnit is a plain number one unit of its last digit up and down.
func oneUnit(s string) []string {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil {
		return nil
	}
	var out []string
	for _, moved := range []int64{n + 1, n - 1} {
		digits := strconv.FormatInt(moved, 10)
		if moved < 0 {
			continue
		}
		if pad := len(fraction) + 1 - len(digits); pad > 0 {
			digits = strings.Repeat("0", pad) + digits
		}
		cut := len(digits) - len(fraction)
		if fraction == "" {
			out = append(out, digits)
		} else {
			out = append(out, digits[:cut]+"."+digits[cut:])
		}
	}
	return out
}

var lastDurationPart = regexp.MustCompile(`\d+([DHMS])$`)

// movedDurations are an ISO duration one of its smallest unit longer and shorter.
func movedDurations(s string) []string {
	at := lastDurationPart.FindStringIndex(s)
	if at == nil {
		return nil
	}
	var out []string
	for _, n := range oneUnit(s[at[0] : at[1]-1]) {
		out = append(out, s[:at[0]]+n+s[at[1]-1:])
	}
	return out
}

func movedInstants(s string) []string {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return nil
	}
	return []string{t.Add(time.Second).Format(time.RFC3339Nano), t.Add(-time.Second).Format(time.RFC3339Nano)}
}

var quantifier = regexp.MustCompile(`\{(\d+)(?:,(\d+))?\}`)

// changedQuantifiers are a regular expression with each bound of each {n,m}
// moved by one.
func changedQuantifiers(s string) []string {
	var out []string
	for _, at := range quantifier.FindAllStringSubmatchIndex(s, -1) {
		for i := 2; i < len(at); i += 2 {
			if at[i] < 0 {
				continue
			}
			for _, n := range oneUnit(s[at[i]:at[i+1]]) {
				out = append(out, s[:at[i]]+n+s[at[i+1]:])
			}
		}
	}
	return out
}

// changedPaths are a mask's path with each part changed.
func changedPaths(s string) []string {
	parts := strings.Split(s, ".")
	other := map[string]string{"parameters": "output", "output": "parameters", "**": "*", "*": "other"}
	var out []string
	for i, part := range parts {
		to, ok := other[part]
		if !ok || i > 0 && !strings.HasPrefix(part, "*") {
			to = part + "x"
		}
		changed := slices.Clone(parts)
		changed[i] = to
		out = append(out, strings.Join(changed, "."))
	}
	return out
}

// changedTools are a tool pattern with its command changed word by word.
func changedTools(s string) []string {
	name, rest, ok := strings.Cut(s, "(")
	inner, closed := strings.CutSuffix(rest, ")")
	if !ok || !closed || strings.HasPrefix(inner, "@") {
		return nil
	}
	var out []string
	for _, line := range changedCommands(inner) {
		out = append(out, name+"("+line+")")
	}
	return out
}

// changedListMembers are the changed forms of a member of lists: of a command
// pattern or of a host; another member is only taken out.
func changedListMembers(s string) []string {
	switch {
	case strings.ContainsAny(s, " *") && !strings.HasPrefix(s, "*."):
		return changedCommands(s)
	case strings.Contains(s, "."):
		return changedHosts(s)
	}
	return nil
}

// changedHosts narrows *.name to the name, and widens a name to what is below.
func changedHosts(s string) []string {
	if apex, ok := strings.CutPrefix(s, "*."); ok {
		return []string{apex}
	}
	return []string{"*." + s}
}

// changedCommands widens and narrows a command pattern: each word once as *,
// each * once gone.
func changedCommands(s string) []string {
	words := strings.Split(s, " ")
	var out []string
	add := func(i int, to ...string) {
		line := strings.Join(slices.Concat(words[:i], to, words[i+1:]), " ")
		if line != "" && line != s && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	for i, w := range words {
		if w == "*" {
			add(i)
			continue
		}
		add(i, "*")
		if strings.Contains(w, "*") {
			add(i, strings.ReplaceAll(w, "*", ""))
		}
	}
	return out
}

var celToken = regexp.MustCompile(`'[^']*'|"[^"]*"|&&|\|\||[=!<>]=|[<>]|\b\d+\b|\.lowerAscii\(\)|!`)

// changedConditions are a CEL condition negated, and with each comparison,
// connective, number and literal changed.
func changedConditions(s string) []string {
	out := []string{"!(" + s + ")"}
	for _, at := range celToken.FindAllStringIndex(s, -1) {
		for _, to := range changedToken(s[at[0]:at[1]]) {
			out = append(out, s[:at[0]]+to+s[at[1]:])
		}
	}
	return out
}

var celOpposite = map[string][]string{
	"==": {"!="}, "!=": {"=="}, "<": {"<=", ">"}, "<=": {"<", ">="}, ">": {">=", "<"}, ">=": {">", "<="},
	"&&": {"||"}, "||": {"&&"}, "!": {""}, ".lowerAscii()": {""},
}

func changedToken(token string) []string {
	if to, ok := celOpposite[token]; ok {
		return to
	}
	quote, inner := "", token
	if token[0] == '\'' || token[0] == '"' {
		quote, inner = token[:1], token[1:len(token)-1]
	}
	changed := oneUnit(inner)
	switch {
	case len(changed) > 0:
	case strings.Contains(inner, "/"):
		changed = []string{"UTC"} // a time zone
	default:
		changed = []string{inner + "x"}
	}
	for i, c := range changed {
		changed[i] = quote + c + quote
	}
	return changed
}
