package audit

import (
	"bytes"
	"slices"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// criterion is one thing that a wanted record has: one of several members is
// the value. Its bytes are looked for before anything is parsed.
type criterion struct {
	members []string // of the record; "resource" stands for the id in it
	value   string
	fold    bool     // ASCII letters count without their case
	needles [][]byte // the members as they are written; without value if fold
	quoted  []byte   // the value as it is written
}

func newCriterion(value string, fold bool, members ...string) criterion {
	c := criterion{members: members, value: value, fold: fold, quoted: strictjson.AppendString(nil, value)}
	for _, name := range members {
		if name == "resource" {
			name = "id"
		}
		needle := append(strictjson.AppendString(nil, name), ':')
		if !fold {
			needle = append(needle, c.quoted...)
		}
		c.needles = append(c.needles, needle)
	}
	return c
}

// criteria are those of a search that are not empty.
func (s *Search) criteria() []criterion {
	const fold = true
	all := []criterion{
		newCriterion(s.Text, !fold, "decisionId", "approvalId", "correlationId", "resource"),
		newCriterion(s.Approval, !fold, "approvalId"),
		newCriterion(s.Correlation, !fold, "correlationId"),
		newCriterion(s.Resource, !fold, "resource"),
		newCriterion(s.Agent, !fold, "agentId"),
		newCriterion(s.Outcome, !fold, "decision"),
		newCriterion(s.User, fold, "userUPN", "userId"),
		newCriterion(s.Application, fold, "callerApp"),
		newCriterion(s.Tenant, fold, "tenantId"),
	}
	return slices.DeleteFunc(all, func(c criterion) bool { return c.value == "" })
}

// mayHold reports whether bytes, of one line or of many, hold what a record
// that meets c holds. That they do proves nothing: callers choose most texts.
func (c *criterion) mayHold(text []byte) bool {
	for _, needle := range c.needles {
		if !c.fold && bytes.Contains(text, needle) || c.fold && c.followed(text, needle) {
			return true
		}
	}
	return false
}

// followed reports whether the value stands behind needle somewhere.
func (c *criterion) followed(text, needle []byte) bool {
	for {
		i := bytes.Index(text, needle)
		if i < 0 {
			return false
		}
		text = text[i+len(needle):]
		if len(text) >= len(c.quoted) && equalFold(text[:len(c.quoted)], c.quoted) {
			return true
		}
	}
}

// meets reports whether the record is wanted.
func (c *criterion) meets(e *Entry) bool {
	return slices.ContainsFunc(c.members, func(name string) bool {
		text := e.text(name)
		if name == "resource" {
			text = e.value.Get("resource").Get("id").Text()
		}
		return text == c.value || c.fold && equalFold(text, c.value)
	})
}

// equalFold compares without regard to the case of ASCII letters, and of no
// others: no person is found by a letter that only looks like one.
func equalFold[T []byte | string](a, b T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lowerOf(a[i]) != lowerOf(b[i]) {
			return false
		}
	}
	return true
}

func lowerOf(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}
