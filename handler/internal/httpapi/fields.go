package httpapi

import (
	"errors"
	"slices"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const maxErrors = 20 // listed in one answer

// rightsNames are names under which bodies try to bring rights; nobody changes
// them.
var rightsNames = []string{"role", "roles", "group", "groups", "appRoles", "userRoles", "identity", "user", "scp"}

// parseObject reads a body that is one object in the profile of the contract.
// The error is a [*Problem].
func parseObject(body []byte) ([]strictjson.Member, error) {
	v, err := strictjson.Parse(body, strictjson.Limits{})
	if err != nil {
		return nil, notStrict(err)
	}
	if v.Kind() != strictjson.Object {
		return nil, malformed("", FieldError{"", "must be an object, not " + article(v.Kind())})
	}
	return v.Members(), nil
}

func notStrict(err error) error {
	var strict *strictjson.Error
	if !errors.As(err, &strict) {
		return malformed("", FieldError{"", "is not JSON"})
	}
	return malformed("", FieldError{strict.Pointer, strict.Detail})
}

func malformed(correlationID string, list ...FieldError) *Problem {
	p := &Problem{Kind: Malformed, Errors: list[:min(len(list), maxErrors)], CorrelationID: correlationID}
	if first := list[0]; first.Pointer == "" {
		p.Detail = "The body " + first.Detail + "."
	} else {
		p.Detail = shortPointer(first.Pointer) + " " + first.Detail + "."
	}
	return p
}

// fields reads the members of a body and remembers what is wrong with them.
type fields struct{ errors []FieldError }

func (f *fields) fail(pointer, detail string) {
	f.errors = append(f.errors, FieldError{pointer, detail})
}

// err is what was wrong, as a [*Problem], or nil.
func (f *fields) err() error {
	if len(f.errors) == 0 {
		return nil
	}
	return malformed("", f.errors...)
}

// text is a string field: null and the empty string are an absent one.
func (f *fields) text(pointer string, v strictjson.Value, wrong check) string {
	if v.Missing() {
		return ""
	}
	if v.Kind() != strictjson.String {
		f.fail(pointer, "must be a string, not "+article(v.Kind()))
		return ""
	}
	if detail := wrong(v.Text()); detail != "" {
		f.fail(pointer, detail)
		return ""
	}
	return v.Text()
}

// object is a field that holds an object; null is an absent one.
func (f *fields) object(pointer string, v strictjson.Value) strictjson.Value {
	if v.Missing() {
		return strictjson.Value{}
	}
	if v.Kind() != strictjson.Object {
		f.fail(pointer, "must be an object, not "+article(v.Kind()))
		return strictjson.Value{}
	}
	return v
}

func (f *fields) unknown(parent, name string, known []string) {
	detail := "is not a field of the contract"
	if other := otherCase(name, known); other != "" {
		detail = "differs from " + other + " in case only"
	} else if slices.ContainsFunc(rightsNames, func(s string) bool { return strings.EqualFold(s, name) }) {
		detail = "is not a field of the contract: rights come from tokens and bindings, never from a request"
	}
	f.fail(child(parent, name), detail)
}

// otherCase is the known name that name is in another case, "" if there is
// none. It folds as the most lenient parsers do, so that K may be U+212A.
func otherCase(name string, known []string) string {
	for _, k := range known {
		if name != k && strings.EqualFold(name, k) {
			return k
		}
	}
	return ""
}

// child is the pointer of a member.
func child(parent, name string) string {
	return parent + "/" + pointerEscapes.Replace(name)
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

func (f *fields) failed(pointer string) bool {
	return slices.ContainsFunc(f.errors, func(e FieldError) bool { return e.Pointer == pointer })
}

// need is a text field that must be there.
func (f *fields) need(pointer, value string) {
	if value == "" && !f.failed(pointer) {
		f.fail(pointer, "is required")
	}
}

func article(k strictjson.Kind) string {
	switch k {
	case strictjson.Array, strictjson.Object:
		return "an " + k.String()
	case strictjson.Absent, strictjson.Null, strictjson.Bool, strictjson.Number, strictjson.String:
	}
	return "a " + k.String()
}
