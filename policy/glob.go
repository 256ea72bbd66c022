package policy

import "strings"

// glob is a pattern in which * stands for any run of characters, the empty one
// included, and nothing else is special.
type glob struct {
	text string
	kind globKind
	segs []string // for globMany: what stands between the stars
}

type globKind uint8

const (
	globExact  globKind = iota
	globAny             // "*"
	globPrefix          // "x*"
	globSuffix          // "*x"
	globMany
)

func compileGlob(s string) glob {
	switch n := strings.Count(s, "*"); {
	case n == 0:
		return glob{text: s}
	case s == "*":
		return glob{text: s, kind: globAny}
	case n == 1 && strings.HasSuffix(s, "*"):
		return glob{text: s[:len(s)-1], kind: globPrefix}
	case n == 1 && strings.HasPrefix(s, "*"):
		return glob{text: s[1:], kind: globSuffix}
	}
	return glob{text: s, kind: globMany, segs: strings.Split(s, "*")}
}

func (g glob) matches(s string) bool {
	switch g.kind {
	case globExact:
		return s == g.text
	case globAny:
		return true
	case globPrefix:
		return strings.HasPrefix(s, g.text)
	case globSuffix:
		return strings.HasSuffix(s, g.text)
	default:
		return matchSegments(g.segs, s)
	}
}

// matchSegments takes each inner segment at its leftmost place, which is right
// because a star takes any run.
func matchSegments(segs []string, s string) bool {
	last := len(segs) - 1
	if !strings.HasPrefix(s, segs[0]) {
		return false
	}
	s = s[len(segs[0]):]
	for _, seg := range segs[1:last] {
		i := strings.Index(s, seg)
		if i < 0 {
			return false
		}
		s = s[i+len(seg):]
	}
	return strings.HasSuffix(s, segs[last])
}

func anyGlob(globs []glob, s string) bool {
	for i := range globs {
		if globs[i].matches(s) {
			return true
		}
	}
	return false
}
