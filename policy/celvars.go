package policy

import (
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// celVars gives a condition its variables, each made when it is asked for.
type celVars struct {
	e    *evaluation
	pack *pack

	parameters, context, resource ref.Val // the same for every pack
	user                          ref.Val // of the pack at hand
}

func (v *celVars) prepare(e *evaluation, p *pack) {
	if v.pack != p {
		v.user = nil
	}
	v.e, v.pack = e, p
}

// Parent implements interpreter.Activation.
func (v *celVars) Parent() interpreter.Activation { return nil }

// ResolveName implements interpreter.Activation.
func (v *celVars) ResolveName(name string) (any, bool) {
	switch name {
	case "tenant":
		return types.String(asciiLower(v.e.in.Subject.Tenant)), true
	case "action":
		return types.String(v.e.act.src.ID), true
	case "now":
		return types.Timestamp{Time: v.e.in.Now.UTC()}, true
	case "agent":
		return textMap("id", v.e.agent.src.ID, "owner", v.e.agent.src.Owner), true
	case "user":
		return once(&v.user, v.userMap), true
	case "resource":
		return once(&v.resource, v.resourceMap), true
	case "parameters":
		return once(&v.parameters, v.parameterMap), true
	case "context":
		return once(&v.context, func() ref.Val { return objectOf(v.e.in.Request.Context) }), true
	case "lists":
		return types.DefaultTypeAdapter.NativeToValue(v.pack.lists), true
	}
	return nil, false
}

func once(slot *ref.Val, build func() ref.Val) ref.Val {
	if *slot == nil {
		*slot = build()
	}
	return *slot
}

func objectOf(v strictjson.Value) ref.Val {
	if v.Kind() != strictjson.Object {
		v = strictjson.ObjectOf()
	}
	return celOf(v)
}

// textMap is a map of the pairs whose value is not empty: absent facts are
// missing keys.
func textMap(pairs ...string) ref.Val {
	m := map[ref.Val]ref.Val{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			m[types.String(pairs[i])] = types.String(pairs[i+1])
		}
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, m)
}

func (v *celVars) userMap() ref.Val {
	sub := &v.e.in.Subject
	m := map[ref.Val]ref.Val{}
	if !v.e.who.known() {
		return types.NewRefValMap(types.DefaultTypeAdapter, m)
	}
	for key, value := range map[string]string{"id": sub.User.ID, "upn": sub.User.UPN} {
		if value != "" {
			m[types.String(key)] = types.String(asciiLower(value))
		}
	}
	m[types.String("verified")] = types.Bool(sub.Identity == Verified)
	held := v.e.held(v.pack)
	if unknown := v.pack.roles.unknown(v.e.who, held); unknown != "" {
		m[types.String("roles")] = types.NewErr("no such key: roles (nobody told whether the user holds %s)", unknown)
		return unknownRoles{types.NewRefValMap(types.DefaultTypeAdapter, m)}
	}
	roles := []string{}
	for i, name := range v.pack.roles.names {
		if held.has(i) {
			roles = append(roles, name)
		}
	}
	m[types.String("roles")] = types.NewStringList(types.DefaultTypeAdapter, roles)
	return types.NewRefValMap(types.DefaultTypeAdapter, m)
}

// unknownRoles is a user whose roles are not known: reading them is an error,
// and so is asking whether they are there.
type unknownRoles struct{ traits.Mapper }

// Contains implements traits.Container.
func (u unknownRoles) Contains(key ref.Val) ref.Val {
	if key == types.String("roles") {
		return u.Get(key)
	}
	return u.Mapper.Contains(key)
}

func (v *celVars) resourceMap() ref.Val {
	r := &v.e.in.Request.Resource
	tenant := r.Tenant
	if tenant == "" {
		tenant = v.e.in.Subject.Tenant
	}
	m := textMap("type", v.e.act.src.Resource, "id", r.ID, "region", v.e.region.value,
		"classification", v.e.label.value, "tenantId", asciiLower(tenant)).Value().(map[ref.Val]ref.Val)
	m[types.String("attributes")] = objectOf(r.Attributes)
	return types.NewRefValMap(types.DefaultTypeAdapter, m)
}

func (v *celVars) parameterMap() ref.Val {
	m := make(map[ref.Val]ref.Val, len(v.e.args))
	for i := range v.e.args {
		if a := &v.e.args[i]; a.set {
			m[types.String(v.e.act.params[i].name)] = a.cel(v.e.act.params[i].typ)
		}
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, m)
}

// cel is a typed parameter inside CEL: numbers are decimals, datetimes
// timestamps, the rest what was sent in canonical form.
func (a *arg) cel(t paramType) ref.Val {
	switch {
	case t.isNumber():
		return decimalValue{a.dec}
	case t == typeDatetime:
		return types.Timestamp{Time: a.instant}
	}
	return celOf(a.value)
}

// celProblem is an error of CEL without anything a caller may have sent: the
// names of keys that the expression itself spells, and no more.
func celProblem(w *condition, err error) string {
	text := err.Error()
	if key, ok := strings.CutPrefix(text, "no such key: "); ok && strings.Contains(w.text, key) {
		return text
	}
	for _, kind := range []string{"no such overload", "cost limit exceeded", "not bool", "never with a double", "no such key", "nobody told"} {
		if strings.Contains(text, kind) {
			return kind
		}
	}
	return "could not be evaluated"
}
