package audit

import (
	"strconv"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// The canonical writer. A line is one JSON object whose members stand in the
// order in which the functions below are called: fixed for each kind, every
// member always there but a decision's rollout. Text is escaped as RFC 8785 says, values are in its
// canonical form. Equal records give equal bytes, and different ones different
// bytes, but for what the form cannot hold: text that is not UTF-8 reads as
// U+FFFD, times have milliseconds, ages whole seconds.
//
// Each function appends `,"name":value`: the head of the line comes first.

// timeLayout is RFC 3339 in UTC with milliseconds, as the contract's evaluatedAt.
const timeLayout = "2006-01-02T15:04:05.000Z"

func appendName(dst []byte, name string) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	return append(dst, '"', ':')
}

func appendText(dst []byte, name, value string) []byte {
	return strictjson.AppendString(appendName(dst, name), value)
}

func appendInt(dst []byte, name string, value int64) []byte {
	return strconv.AppendInt(appendName(dst, name), value, 10)
}

func appendBool(dst []byte, name string, value bool) []byte {
	return strconv.AppendBool(appendName(dst, name), value)
}

// appendTime writes "" for the zero time.
func appendTime(dst []byte, name string, t time.Time) []byte {
	dst = append(appendName(dst, name), '"')
	if !t.IsZero() {
		dst = t.UTC().AppendFormat(dst, timeLayout)
	}
	return append(dst, '"')
}

// appendValue writes {} for a value that is missing.
func appendValue(dst []byte, name string, v strictjson.Value) []byte {
	dst = appendName(dst, name)
	if v.Missing() {
		return append(dst, '{', '}')
	}
	return strictjson.AppendCanonical(dst, v)
}

func appendTexts(dst []byte, name string, values []string) []byte {
	dst = append(appendName(dst, name), '[')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strictjson.AppendString(dst, v)
	}
	return append(dst, ']')
}

// closeObject makes an object of the members that were appended from start on:
// the comma in front of the first becomes the opening brace.
func closeObject(dst []byte, start int) []byte {
	dst[start] = '{'
	return append(dst, '}')
}

// appendList writes items as objects, whose members the function appends.
func appendList[T any](dst []byte, name string, items []T, member func([]byte, T) []byte) []byte {
	dst = append(appendName(dst, name), '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = closeObject(member(dst, item), len(dst))
	}
	return append(dst, ']')
}

func appendPack(dst []byte, p policy.PackRef) []byte {
	dst = appendText(dst, "pack", p.Pack)
	dst = appendInt(dst, "version", int64(p.Version))
	dst = appendText(dst, "hash", p.Hash)
	return appendText(dst, "rulesHash", p.RulesHash)
}

func appendCohort(dst []byte, c Cohort) []byte {
	dst = appendText(dst, "pack", c.Pack)
	dst = appendInt(dst, "version", int64(c.Version))
	dst = appendInt(dst, "bucket", int64(c.Bucket))
	return appendBool(dst, "in", c.In)
}

func appendObligation(dst []byte, o policy.Obligation) []byte {
	dst = appendText(dst, "type", o.Type)
	dst = appendText(dst, "path", o.Path)
	return appendText(dst, "method", o.Method)
}

// appendRoles writes the roles held and, beside them, the membership through
// which each is held.
func appendRoles(dst []byte, grants []policy.RoleGrant) []byte {
	dst = append(appendName(dst, "roles"), '[')
	for i, g := range grants {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strictjson.AppendString(dst, g.Pack+"/"+g.Role)
	}
	dst = append(appendName(append(dst, ']'), "rolesVia"), '[')
	for i, g := range grants {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strictjson.AppendString(dst, g.Via)
	}
	return append(dst, ']')
}

func appendResource(dst []byte, r Resource) []byte {
	dst = appendName(dst, "resource")
	start := len(dst)
	dst = appendText(dst, "type", r.Type)
	dst = appendText(dst, "id", r.ID)
	dst = appendText(dst, "region", r.Region)
	dst = appendText(dst, "classification", r.Classification)
	return closeObject(dst, start)
}
