package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"reflect"
	"slices"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Document is one file or stored document: a pack, its bindings, or a pack in
// the published form.
type Document struct {
	Name string // for findings; usually a file name
	Text []byte
}

// LoadOptions say what of the documents is wanted.
type LoadOptions struct {
	// Environment is the one served: bindings and published packs for another
	// are skipped. Empty: the only one that the documents name.
	Environment string
}

// Size of documents: far beyond 10,000 rules, and still a bound.
const (
	packNames = 2_000_000
	packDepth = strictjson.MaxDepth
)

// bindingKeys are what publishing adds (policy-pack §1.4).
var bindingKeys = []string{"environment", "timeZone", "tenants", "groups"}

// loader gathers documents into published packs.
type loader struct {
	environment string
	findings    []Finding
	packs       []*document
	bindings    []*document
}

type document struct {
	name     string
	value    strictjson.Value
	bindings Bindings
	used     bool
}

func (l *loader) report(f Finding) { l.findings = append(l.findings, f) }

// read sorts the documents into packs and bindings.
func (l *loader) read(docs []Document) {
	for _, doc := range docs {
		v, err := strictjson.Parse(doc.Text, strictjson.Limits{Depth: packDepth, Names: packNames})
		if err != nil {
			l.reportJSON(doc.Name, err)
			continue
		}
		d := &document{name: doc.Name, value: v}
		if isBindings(v) {
			l.readBindings(d)
		} else {
			l.packs = append(l.packs, d)
		}
	}
	l.chooseEnvironment()
}

func (l *loader) reportJSON(name string, err error) {
	f := Finding{Check: "json", File: name, Message: err.Error(), Fix: "Packs are strict JSON: no comments, no duplicate keys, UTF-8."}
	if e, ok := err.(*strictjson.Error); ok { //nolint:errorlint // Parse documents that its error is an *Error
		f.Pointer, f.Message = e.Pointer, e.Detail
	}
	l.report(f)
}

// isBindings tells a bindings document by its shape: no version, and roles or
// agents by name.
func isBindings(v strictjson.Value) bool {
	if v.Get("version").Kind() != strictjson.Absent {
		return false
	}
	return v.Get("roles").Kind() == strictjson.Object || v.Get("agents").Kind() == strictjson.Object ||
		v.Get("environment").Kind() != strictjson.Absent && v.Get("actions").Kind() == strictjson.Absent
}

func (l *loader) readBindings(d *document) {
	dec := decoder{file: d.name}
	dec.decode("", d.value, reflect.ValueOf(&d.bindings).Elem())
	l.findings = append(l.findings, dec.findings...)
	l.bindings = append(l.bindings, d)
}

// chooseEnvironment takes the only one the documents name, where none is asked for.
func (l *loader) chooseEnvironment() {
	if l.environment != "" {
		return
	}
	for _, d := range slices.Concat(l.bindings, l.packs) {
		env := d.value.Get("environment").Text()
		if env != "" && l.environment != "" && env != l.environment {
			l.report(Finding{
				Check: "environment", File: d.name, Pointer: "/environment",
				Message: "the documents name two environments, " + l.environment + " and " + env,
				Fix:     "Say which one is served; one environment is served at a time.",
			})
			return
		}
		if env != "" {
			l.environment = env
		}
	}
}

// publish joins each pack with its bindings and decodes the published form.
func (l *loader) publish() []*Pack {
	var packs []*Pack
	for _, d := range l.packs {
		if p := l.publishOne(d); p != nil {
			packs = append(packs, p)
		}
	}
	for _, b := range l.bindings {
		if !b.used && b.bindings.Environment == l.environment && b.bindings.Pack != "" {
			l.report(Finding{
				Check: "bindings.pack", File: b.name, Pointer: "/pack",
				Message: "there is no pack " + quote(b.bindings.Pack) + " among the documents",
				Fix:     "Put the pack beside its bindings, or remove them.",
			})
		}
	}
	return packs
}

func (l *loader) publishOne(d *document) *Pack {
	b, elsewhere := l.bindingsFor(d)
	value, bound := d.value, hasBindingKeys(d.value)
	switch {
	case b != nil:
		value = bindTo(d.value, b.value)
		l.checkBindings(d, b)
	case !bound && elsewhere != "":
		l.report(Finding{
			Check: "bindings.none", File: d.name, Pointer: "",
			Message: "the pack has bindings for " + elsewhere + " but none for " + l.environment,
			Fix:     "Add bindings with \"environment\": " + quote(l.environment) + ".",
		})
		return nil
	case bound && d.value.Get("environment").Text() != "" && d.value.Get("environment").Text() != l.environment:
		l.report(Finding{
			Severity: Notice, Check: "environment", File: d.name, Pointer: "/environment",
			Message: "skipped: it is for " + d.value.Get("environment").Text() + ", served is " + l.environment,
		})
		return nil
	}
	if b != nil {
		l.unboundKeys(d)
	}
	sealing := make(chan seal, 1)
	go func() { sealing <- sealOf(value) }() // while it is decoded: both take long for many rules
	p, findings := decodePack(d.name, value)
	p.file, p.sealing = d.name, sealing
	if b != nil {
		p.bindings = b.name
	}
	for _, f := range findings {
		f.Rule = ruleAt(value, f.Pointer)
		l.report(p.locate(f))
	}
	return p
}

// decodePack decodes a pack. Only one with a fault is decoded a second time,
// to tell where the faults are.
func decodePack(file string, v strictjson.Value) (*Pack, []Finding) {
	p, dec := &Pack{}, decoder{file: file, blind: true}
	dec.decode("", v, reflect.ValueOf(p).Elem())
	if len(dec.findings) > 0 {
		*p, dec = Pack{}, decoder{file: file}
		dec.decode("", v, reflect.ValueOf(p).Elem())
	}
	return p, dec.findings
}

// unboundKeys reports keys in a pack that its bindings must bring.
func (l *loader) unboundKeys(doc *document) {
	d, pack := decoder{file: doc.name}, doc.value
	const fix = "Move it to the bindings document; a pack holds no environment's facts."
	for _, key := range bindingKeys {
		if pack.Has(key) {
			d.report("/"+key, "key.unknown", fix, "the key %q is not known in a pack that has bindings", key)
		}
	}
	for section, keys := range map[string][]string{"roles": {"members"}, "agents": {"callers", "owner"}} {
		for i, item := range pack.Get(section).Items() {
			for _, key := range keys {
				if item.Has(key) {
					d.report(at("/"+section, i)+"/"+key, "key.unknown", fix, "the key %q is not known in a pack that has bindings", key)
				}
			}
		}
	}
	l.findings = append(l.findings, d.findings...)
}

// bindingsFor finds the bindings of a pack for the environment served;
// elsewhere names another environment that has some.
func (l *loader) bindingsFor(d *document) (found *document, elsewhere string) {
	name := d.value.Get("pack").Text()
	for _, b := range l.bindings {
		switch {
		case b.bindings.Pack != name || name == "":
		case b.bindings.Environment != l.environment:
			elsewhere = b.bindings.Environment
		case found != nil && found != b:
			l.report(Finding{
				Check: "bindings.twice", File: b.name, Pointer: "/pack",
				Message: "a second document binds " + quote(name) + " for " + l.environment, Fix: "Keep one of them.",
			})
			b.used = true
		default:
			found, b.used = b, true
		}
	}
	return found, elsewhere
}

// checkBindings reports bindings of things that the pack does not declare.
func (l *loader) checkBindings(d, b *document) {
	for _, section := range []string{"roles", "agents"} {
		for _, m := range b.value.Get(section).Members() {
			if !hasID(d.value.Get(section), m.Name) {
				l.report(Finding{
					Check: "bindings." + section, File: b.name, Pointer: "/" + section + "/" + escapePointer(m.Name),
					Message: "the pack declares no " + strings.TrimSuffix(section, "s") + " " + quote(m.Name),
					Fix:     "Declare it in the pack, or remove it here.",
				})
			}
		}
	}
}

func hasID(list strictjson.Value, id string) bool {
	return slices.ContainsFunc(list.Items(), func(v strictjson.Value) bool { return v.Get("id").Text() == id })
}

func hasBindingKeys(v strictjson.Value) bool {
	return slices.ContainsFunc(bindingKeys, func(k string) bool { return v.Get(k).Kind() != strictjson.Absent })
}

// bindTo is the published form: pack with what bindings add to it. It adds a
// key only where the bindings have it.
func bindTo(pack, bindings strictjson.Value) strictjson.Value {
	members := make([]strictjson.Member, 0, len(pack.Members())+len(bindingKeys))
	for _, m := range pack.Members() {
		switch m.Name {
		case "roles":
			m.Value = bindEach(m.Value, func(id string) []strictjson.Member {
				return present(strictjson.Member{Name: "members", Value: bindings.Get("roles").Get(id)})
			})
		case "agents":
			m.Value = bindEach(m.Value, func(id string) []strictjson.Member {
				bound := bindings.Get("agents").Get(id)
				return present(
					strictjson.Member{Name: "callers", Value: bound.Get("callers")},
					strictjson.Member{Name: "owner", Value: bound.Get("owner")})
			})
		}
		members = append(members, m)
	}
	for _, key := range bindingKeys {
		members = append(members, present(strictjson.Member{Name: key, Value: bindings.Get(key)})...)
	}
	return strictjson.ObjectOf(members...)
}

func present(members ...strictjson.Member) []strictjson.Member {
	return slices.DeleteFunc(members, func(m strictjson.Member) bool { return m.Value.Kind() == strictjson.Absent })
}

func bindEach(list strictjson.Value, added func(id string) []strictjson.Member) strictjson.Value {
	items := make([]strictjson.Value, 0, len(list.Items()))
	for _, item := range list.Items() {
		more := added(item.Get("id").Text())
		items = append(items, strictjson.ObjectOf(slices.Concat(item.Members(), more)...))
	}
	return strictjson.ArrayOf(items...)
}

// seal is a published pack in canonical form, with its hashes.
type seal struct {
	document        []byte
	hash, rulesHash string
}

// sealOf takes the hashes of a published pack (policy-pack §1.4). Each section
// is put into canonical form once for both.
func sealOf(published strictjson.Value) seal {
	rules, document := sha256.New(), []byte(nil)
	rules.Write([]byte{'{'})
	document = append(document, '{')
	firstRule := true
	for _, m := range published.SortedMembers() {
		if m.Name == "$schema" {
			continue
		}
		name := append(strictjson.AppendString(nil, m.Name), ':')
		whole := strictjson.AppendCanonical(nil, m.Value)
		if len(document) > 1 {
			document = append(document, ',')
		}
		document = append(append(document, name...), whole...)
		if slices.Contains(bindingKeys, m.Name) {
			continue
		}
		if !firstRule {
			rules.Write([]byte{','})
		}
		firstRule = false
		rules.Write(name)
		rules.Write(unbound(m, whole))
	}
	rules.Write([]byte{'}'})
	document = append(document, '}')
	hash := sha256.New()
	hash.Write(document)
	return seal{document, hexSum(hash), hexSum(rules)}
}

// unbound is the canonical form of a section without what bindings add to it.
func unbound(m strictjson.Member, whole []byte) []byte {
	switch m.Name {
	case "roles":
		return strictjson.AppendCanonical(nil, stripEach(m.Value, "members"))
	case "agents":
		return strictjson.AppendCanonical(nil, stripEach(m.Value, "callers", "owner"))
	}
	return whole
}

func hexSum(h hash.Hash) string { return "sha256:" + hex.EncodeToString(h.Sum(nil)) }

func stripEach(list strictjson.Value, keys ...string) strictjson.Value {
	items := make([]strictjson.Value, 0, len(list.Items()))
	for _, item := range list.Items() {
		items = append(items, strictjson.ObjectOf(slices.DeleteFunc(slices.Clone(item.Members()), func(m strictjson.Member) bool {
			return slices.Contains(keys, m.Name)
		})...))
	}
	return strictjson.ArrayOf(items...)
}

func quote(s string) string { return "\"" + s + "\"" }
