package embedded

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// escapePointer writes a name as RFC 6901 has it in a pointer.
var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// manifestReader reads a local manifest.json and collects what is wrong in it.
type manifestReader struct {
	manifest catalog.Manifest
	findings []policy.Finding
}

// parseManifest reads a local manifest.json. The error is a
// [*catalog.RefusedError]: a text that cannot be read, an empty one included,
// must not lift a suspension.
func parseManifest(text []byte) (catalog.Manifest, error) {
	r := &manifestReader{}
	v, err := strictjson.Parse(text, strictjson.Limits{})
	var fault *strictjson.Error
	switch {
	case errors.As(err, &fault):
		r.report(fault.Pointer, fault.Detail, "Correct the JSON.")
	case err != nil:
		r.report("", err.Error(), "Correct the JSON.")
	case v.Kind() != strictjson.Object:
		r.report("", "not an object", `Write {"suspended": []}.`)
	default:
		r.top(v)
	}
	if len(r.findings) > 0 {
		return catalog.Manifest{}, &catalog.RefusedError{Findings: r.findings}
	}
	return r.manifest, nil
}

func (r *manifestReader) report(pointer, message, fix string) {
	r.findings = append(r.findings, policy.Finding{
		Check: "manifest", File: manifestFile, Pointer: pointer, Message: message, Fix: fix,
	})
}

func (r *manifestReader) top(v strictjson.Value) {
	for _, m := range v.Members() {
		pointer := "/" + escapePointer.Replace(m.Name)
		switch m.Name {
		case "$schema":
		case "schema":
			if m.Value.Text() != strconv.Itoa(catalog.Schema) {
				r.report(pointer, "not schema "+strconv.Itoa(catalog.Schema), "Write 1, or leave it out.")
			}
		case "approvalsValidFrom":
			r.manifest.ApprovalsValidFrom = r.instant(pointer, m.Value)
		case "suspended":
			r.suspended(pointer, m.Value)
		case "change":
			r.change(pointer, m.Value)
		default:
			r.report(pointer, "an unknown key", "A local manifest has suspended, approvalsValidFrom and change.")
		}
	}
}

// change is who changed the manifest last, as the command line notes it.
func (r *manifestReader) change(pointer string, v strictjson.Value) {
	if v.Kind() != strictjson.Object {
		r.report(pointer, "not an object", `Leave it to the command line: it writes {"kind", "by", "at", "detail"}.`)
		return
	}
	c := &r.manifest.Change
	for _, m := range v.Members() {
		at := pointer + "/" + escapePointer.Replace(m.Name)
		switch m.Name {
		case "kind":
			c.Kind = r.text(at, m.Value)
		case "by":
			c.By = r.text(at, m.Value)
		case "detail":
			c.Detail = r.text(at, m.Value)
		case "at":
			c.At = r.instant(at, m.Value)
		default:
			r.report(at, "an unknown key", "A change has kind, by, at and detail.")
		}
	}
}

func (r *manifestReader) suspended(pointer string, list strictjson.Value) {
	if list.Kind() != strictjson.Array {
		r.report(pointer, "not a list", `Write [{"kind": "agent", "id": "…"}].`)
		return
	}
	for i, item := range list.Items() {
		r.suspension(pointer+"/"+strconv.Itoa(i), item)
	}
}

func (r *manifestReader) suspension(pointer string, v strictjson.Value) {
	s := catalog.Suspension{}
	if v.Kind() != strictjson.Object {
		r.report(pointer, "not an object", `Write {"kind": "agent", "id": "…"}.`)
		return
	}
	for _, m := range v.Members() {
		at := pointer + "/" + escapePointer.Replace(m.Name)
		switch m.Name {
		case "kind":
			s.Kind = catalog.SuspendedKind(r.text(at, m.Value))
		case "id":
			s.ID = r.text(at, m.Value)
		case "by":
			s.By = r.text(at, m.Value)
		case "reason":
			s.Reason = r.text(at, m.Value)
		case "since":
			s.Since = r.instant(at, m.Value)
		default:
			r.report(at, "an unknown key", "A suspension has kind, id, since, by and reason.")
		}
	}
	r.manifest.Suspended = append(r.manifest.Suspended, s)
}

func (r *manifestReader) text(pointer string, v strictjson.Value) string {
	if v.Kind() != strictjson.String {
		r.report(pointer, "not a text", "Write a text.")
	}
	return v.Text()
}

func (r *manifestReader) instant(pointer string, v strictjson.Value) time.Time {
	t, err := time.Parse(time.RFC3339, r.text(pointer, v))
	if err != nil {
		r.report(pointer, "not an instant", "Write RFC 3339, such as 2026-01-01T00:00:00Z.")
	}
	return t.UTC()
}
