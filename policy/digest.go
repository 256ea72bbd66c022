package policy

import (
	"encoding/hex"
	"sync"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

var buffers = sync.Pool{New: func() any { return new([2048]byte) }}

// digest is the request digest of 2.9: equal for equal calls, however they
// were written, and different for different ones.
func (e *evaluation) digest() string {
	room := buffers.Get().(*[2048]byte)
	defer buffers.Put(room)
	text := append(room[:0], "fabric-call-v1\n"...)
	sum := e.in.Key.Sum(e.appendCall(text))
	const prefix = "hmac-sha256:"
	var out [len(prefix) + 2*len(sum)]byte
	copy(out[:], prefix)
	hex.Encode(out[len(prefix):], sum[:])
	return string(out[:])
}

// Digest is the request digest of a call under in.Key, or "" where stage 0
// denies it. Decide gives the same; during the rotation of the environment's
// key this finds what was opened under the previous one.
func (s *Set) Digest(in *Input) string {
	e := s.begin(in, false)
	defer e.end()
	if e.admit() != "" {
		return ""
	}
	return e.digest()
}

// appendCall writes the canonical call: RFC 8785, members in order by hand.
func (e *evaluation) appendCall(b []byte) []byte {
	b = append(b, `{"action":`...)
	b = strictjson.AppendString(b, e.act.src.ID)
	b = append(b, `,"agent":`...)
	b = strictjson.AppendString(b, e.agent.src.ID)
	b = append(b, `,"parameters":{`...)
	b = e.appendArgs(b)
	b = append(b, `},"resource":{`...)
	b = e.appendResource(b)
	b = append(b, `},"tenant":`...)
	b = strictjson.AppendString(b, asciiLower(e.in.Subject.Tenant))
	if e.who.known() {
		b = append(b, `,"user":{`...)
		b = e.appendUser(b)
		b = append(b, '}')
	}
	return append(b, '}')
}

func (e *evaluation) appendArgs(b []byte) []byte {
	first := true
	for i, p := range e.act.params {
		a := &e.args[i]
		if !a.set {
			continue
		}
		b = appendName(b, &first, p.name)
		switch {
		case p.typ.isNumber():
			b = append(b, '"')
			b = a.dec.Append(b)
			b = append(b, '"')
		default:
			b = strictjson.AppendCanonical(b, a.value)
		}
	}
	return b
}

func (e *evaluation) appendResource(b []byte) []byte {
	r, first := &e.in.Request.Resource, true
	tenant := r.Tenant
	if tenant == "" {
		tenant = e.in.Subject.Tenant
	}
	if len(r.Attributes.Members()) > 0 {
		b = appendName(b, &first, "attributes")
		b = strictjson.AppendCanonical(b, r.Attributes)
	}
	b = appendText(b, &first, "classification", e.label.value)
	b = appendText(b, &first, "id", r.ID)
	b = appendText(b, &first, "region", e.region.value)
	b = appendText(b, &first, "tenantId", asciiLower(tenant))
	return appendText(b, &first, "type", e.act.src.Resource)
}

// appendUser names a verified user by the object id alone, since a UPN may
// change, and an asserted one by what was asserted.
func (e *evaluation) appendUser(b []byte) []byte {
	first := true
	b = appendText(b, &first, "oid", e.who.id)
	if e.in.Subject.Identity == Verified && e.who.id != "" {
		return b
	}
	return appendText(b, &first, "upn", e.who.upn)
}

func appendText(b []byte, first *bool, name, value string) []byte {
	if value == "" {
		return b
	}
	return strictjson.AppendString(appendName(b, first, name), value)
}

func appendName(b []byte, first *bool, name string) []byte {
	if !*first {
		b = append(b, ',')
	}
	*first = false
	return append(strictjson.AppendString(b, name), ':')
}
