package policy_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/policy"
)

// tree is a JSON object of a pack that is still being written.
type tree = map[string]any

// world is a set of valid packs for the first tenant. Tests change the trees
// before they compile them.
type world struct{ packs []tree }

// taste bounds what packs are drawn for the properties that name exceptions.
type taste struct {
	// noExceptions leaves out what policy-pack.md excepts from "omission never
	// loosens": default labels and floors, attested regions, agent: members and
	// thresholds that only ask where a value is absent.
	noExceptions bool
	// noWhen keeps conditions out of the rules.
	noWhen bool
}

func drawWorld(t *rapid.T, taste taste) *world {
	w := &world{}
	for _, name := range []string{"a", "b"}[:pick(t, "packs", 1, 1, 2)] {
		w.packs = append(w.packs, (&author{t, name, taste}).pack())
	}
	return w
}

func pick[T any](t *rapid.T, label string, from ...T) T {
	return rapid.SampledFrom(from).Draw(t, label)
}

// some is a subset, in the order of from, and never empty.
func some[T any](t *rapid.T, label string, from ...T) []T {
	bits := rapid.IntRange(1, 1<<len(from)-1).Draw(t, label)
	out := []T{}
	for i, v := range from {
		if bits&(1<<i) != 0 {
			out = append(out, v)
		}
	}
	return out
}

// oneIn is true once in n times.
func oneIn(t *rapid.T, n int, label string) bool { return rapid.IntRange(1, n).Draw(t, label) == n }

// author writes one pack; everything it writes is valid.
type author struct {
	t     *rapid.T
	name  string
	taste taste
}

var (
	labels   = []string{"Public", "Internal", "Confidential", "Restricted"}
	regions  = []string{"EU", "US"}
	risks    = []string{"low", "high"}
	channels = []string{"teams", "web"}
	roles    = []string{"Analyst", "Manager", "Auditor"}
)

func (a *author) pack() tree {
	p := tree{
		"schema": 1, "pack": "pack-" + a.name, "version": 1, "environment": "dev", "tenants": []string{tenantOne},
		"priority": pick(a.t, "priority", 50, 100, 100, 200), "disclosure": pick(a.t, "disclosure", "full", "full", "codes"),
		"classifications": labels, "regions": regions, "risks": risks, "channels": channels,
		"lists": tree{"vendors": []string{"V-1", "V-2"}, "empty": []string{}},
		"roles": a.roles(), "agents": a.agents(), "actions": a.actions(),
	}
	if !a.taste.noExceptions && oneIn(a.t, 2, "default label") {
		p["defaultClassification"] = pick(a.t, "the default", labels...)
	}
	if oneIn(a.t, 2, "snapshot") {
		p["groups"] = tree{groupOne: tree{"members": []string{"user:bob@contoso.com", "oid:" + oid(3)}}}
	}
	for i, section := range sections {
		rules := []any{}
		for j := range rapid.IntRange(0, []int{3, 1, 2, 3, 1, 3}[i]).Draw(a.t, section) {
			rules = append(rules, a.rule(section, j))
		}
		p[section] = rules
	}
	p["entitlements"] = append(p["entitlements"].([]any), a.entitlement("base"))
	return p
}

func (a *author) roles() []any {
	var out []any
	for i, id := range roles {
		members := []string{"user:ana@contoso.com", "oid:" + oid(2), "user:mia@contoso.com", "user:omar@contoso.com", "group:" + groupOne, "group:" + groupTwo, "appRole:Finance." + id, "agent:agent-" + a.name}
		if a.taste.noExceptions {
			members = members[:7]
		}
		own := some(a.t, "members of "+id, members...)
		if i < 2 {
			own = append(own, "oid:"+oid(4), "user:nora@contoso.com") // so that a quorum of two can be met
			own = slices.Compact(sortedCopy(own))
		}
		out = append(out, tree{"id": id, "members": own})
	}
	return out
}

func (a *author) agents() []any {
	return []any{tree{
		"id": "agent-" + a.name, "actions": a.actionNames(), "users": pick(a.t, "users", []string{"asserted", "none"}, []string{"asserted", "none"}, []string{"verified"}, []string{"asserted"}),
		"callers": []string{"app:" + appOne}, "owner": pick(a.t, "owner", "user:omar@contoso.com", "oid:"+oid(5)),
	}}
}

func (a *author) actionNames() []string {
	return []string{"Pay-" + a.name, "Run-" + a.name, "Post-" + a.name}
}

func (a *author) actions() []any {
	pay := a.action("Pay-"+a.name, "Order", tree{
		"amount": tree{"type": "decimal", "scale": 2, "max": "1000000"}, "currency": tree{"type": "string", "enum": []string{"EUR", "USD", "GBP"}},
		"vendor": tree{"type": "string", "maxLength": 20}, "iban": tree{"type": "string"}, "items": tree{"type": "json"}, "flag": tree{"type": "boolean"},
		"due": tree{"type": "datetime"}, "tags": tree{"type": "strings"}, "qty": tree{"type": "integer"}, "ledger": tree{"type": "string"},
	})
	if oneIn(a.t, 2, "pin") {
		pay["pin"] = tree{"ledger": "GL-1"}
	}
	run := a.action("Run-"+a.name, "Host", tree{"line": tree{"type": "command", "required": oneIn(a.t, 2, "line required")}, "qty": tree{"type": "integer"}, "iban": tree{"type": "string"}})
	post := a.action("Post-"+a.name, "Page", tree{"target": tree{"type": "url"}, "iban": tree{"type": "string"}, "items": tree{"type": "json"}})
	return []any{pay, run, post}
}

func (a *author) action(id, resource string, parameters tree) tree {
	x := tree{"id": id, "resource": resource, "creates": true, "parameters": parameters}
	if a.taste.noExceptions {
		return x
	}
	if oneIn(a.t, 3, "floor") {
		x["classification"] = pick(a.t, "the floor", labels...)
	}
	if oneIn(a.t, 3, "attested") {
		x["attested"] = tree{"region": pick(a.t, "the region", regions...)}
	}
	return x
}

// rule draws one valid rule of a section.
func (a *author) rule(section string, i int) tree {
	id := fmt.Sprintf("%s-%d", section, i)
	switch section {
	case "guardrails":
		return a.guardrail(id)
	case "isolation":
		return a.isolation(id)
	case "classification":
		return a.classification(id)
	case "entitlements":
		return a.entitlement(id)
	case "thresholds":
		return a.threshold(id)
	default:
		return a.approval(id)
	}
}

func (a *author) head(id, section string) tree {
	r := tree{"id": id}
	if oneIn(a.t, 4, "window") {
		r["from"], r["until"] = "2026-06-01T00:00:00Z", pick(a.t, "until", "2026-06-01T12:00:00Z", "2027-01-01T00:00:00Z")
	}
	if oneIn(a.t, 4, "advice") {
		r["advice"] = "Ask the team of " + id + "."
	}
	if !a.taste.noWhen && oneIn(a.t, 4, "when") {
		r["when"] = a.when(section)
	}
	return r
}

func (a *author) guardrail(id string) tree {
	r := a.head(id, "guardrails")
	r["effect"] = pick(a.t, "effect", "deny", "ask", "ask", "allow", "allow")
	r["tools"] = some(a.t, "tools", "Run-*(az * delete *)", "Run-a(rm *)", "*(git push *)", "Pay-b", "Run-"+a.name+"(az vm *)", "Run-"+a.name+"(echo *)")
	if r["effect"] == "allow" {
		r["tools"] = some(a.t, "tools", "Run-"+a.name+"(az vm *)", "Run-"+a.name+"(echo *)", "Run-"+a.name+"(git *)")
		r["roles"] = pick(a.t, "roles of the allow", []string{"*"}, []string{"Analyst"}, []string{"Manager", "Auditor"})
	}
	if oneIn(a.t, 4, "agents") {
		r["agents"] = pick(a.t, "the agents", []string{"agent-a"}, []string{"agent-*"}, []string{"other*"})
	}
	if oneIn(a.t, 4, "threads") {
		r["threads"] = []string{"t-1"}
	}
	return r
}

func (a *author) isolation(id string) tree {
	r := a.head(id, "isolation")
	switch pick(a.t, "kind of isolation", "plain", "regions", "hosts") {
	case "regions":
		r["match"] = without(a.match(2), "regions")
		r["allowedRegions"] = some(a.t, "allowed", regions...)
	case "hosts":
		r["parameter"], r["allowedHosts"] = "target", some(a.t, "hosts", "*.contoso.com", "api.github.com", "10.0.0.0/8")
		r["match"] = tree{"actions": []string{"Post-" + a.name}}
	default:
		r["match"] = a.match(1)
	}
	return r
}

func (a *author) classification(id string) tree {
	r := a.head(id, "classification")
	r["match"], r["effect"] = a.match(2), pick(a.t, "effect", "MASK", "MASK", "MASK", "DENY")
	if r["effect"] == "DENY" {
		return r
	}
	var masks []any
	for _, path := range some(a.t, "paths", "parameters.iban", "parameters.items.**.secret", "parameters.vendor", "parameters.*", "output.**.iban", "parameters.items.list.*") {
		masks = append(masks, tree{"path": path, "method": pick(a.t, "method", "redact", "last4", "hash", "remove")})
	}
	r["mask"] = masks
	return r
}

func (a *author) entitlement(id string) tree {
	r := a.head(id, "entitlements")
	r["roles"] = pick(a.t, "roles", []string{"*"}, []string{"Analyst"}, []string{"Manager", "Auditor"}, roles)
	if oneIn(a.t, 2, "limited") {
		r["match"] = tree{"actions": []string{"Pay-" + a.name}}
		r["limit"] = pick(a.t, "limit",
			tree{"parameter": "amount", "max": "500"}, tree{"parameter": "amount", "max": "99.50"}, tree{"parameter": "qty", "max": "3"},
			tree{"parameter": "amount", "by": "currency", "max": tree{"EUR": "500", "USD": "550.5"}})
		return r
	}
	if oneIn(a.t, 2, "matched") {
		r["match"] = a.match(1)
		r["match"].(tree)["actions"] = some(a.t, "own actions", a.actionNames()...)
	}
	return r
}

func (a *author) threshold(id string) tree {
	r := a.head(id, "thresholds")
	r["match"] = a.match(1)
	r["value"] = pick(a.t, "value", "context.riskScore", "context.scores.fraud", "parameters.amount", "parameters.qty")
	if strings.HasPrefix(r["value"].(string), "parameters.") {
		r["match"].(tree)["actions"] = []string{"Pay-" + a.name}
		delete(r["match"].(tree), "resources")
	}
	bounds := pick(a.t, "bounds", tree{"askAbove": "60"}, tree{"denyAbove": "90"}, tree{"askAbove": "60", "denyAbove": "90.5"})
	maps.Copy(r, bounds)
	if oneIn(a.t, 3, "absent") {
		r["absent"] = "deny"
		if !a.taste.noExceptions {
			r["absent"] = pick(a.t, "absent as", "deny", "ask")
		}
	}
	return r
}

func (a *author) approval(id string) tree {
	r := a.head(id, "approvals")
	r["match"] = a.match(3)
	r["on"] = some(a.t, "on", "overLimit", "ask", "always")
	r["approvers"] = some(a.t, "approvers", "role:Manager", "role:Analyst", "user:mia@contoso.com", "group:"+groupTwo, "entitled", "oid:"+oid(2))
	if slices.Contains(r["approvers"].([]string), "entitled") || r["approvers"].([]string)[0] == "role:Manager" {
		r["quorum"] = pick(a.t, "quorum", 1, 2)
	}
	if oneIn(a.t, 3, "exclude") {
		r["exclude"] = some(a.t, "excluded", "owner", "role:Auditor", "user:nora@contoso.com")
	}
	return r
}

// match draws one; the larger sparse, the fewer keys it has.
func (a *author) match(sparse int) tree {
	m := tree{}
	add := func(key string, values ...string) {
		if oneIn(a.t, 3+sparse, "match "+key) {
			m[key] = some(a.t, key, values...)
		}
	}
	add("actions", "Pay*", "Run-a", "Post-a", "*-b", "Pay-b")
	add("resources", "Order", "Host", "P*")
	add("agents", "agent-a", "agent-*")
	add("regions", regions...)
	add("classifications", labels...)
	add("risk", risks...)
	add("channels", channels...)
	if oneIn(a.t, 4+sparse, "at least") {
		m["classificationAtLeast"] = pick(a.t, "label", labels...)
	}
	return m
}

// atoms are conditions that are errors where what they read is absent; none
// asks whether something is there, which would be the author's own exception.
var atoms = []string{
	`context.site == "Hamburg"`, `context.riskScore > 50`, `context.riskScore <= decimal("12.5")`, `context.flag`,
	`resource.region == "EU"`, `resource.classification != "Public"`, `resource.attributes.kind == "blue"`, `resource.attributes.deep.n == 1`,
	`parameters.vendor in lists.vendors`, `parameters.currency == "EUR"`, `parameters.qty >= 3`, `parameters.flag`, `parameters.due > now`, `"x" in parameters.tags`,
	`user.verified`, `"Manager" in user.roles`, `user.upn == "ana@contoso.com"`, `user.id.startsWith("0bad")`,
	`agent.id == "agent-a"`, `now < timestamp("2026-06-01T12:00:00Z")`, `now.getHours("Europe/Vienna") < 18`, `tenant == "` + tenantOne + `"`,
	`parameters.items.total > 5`,
}

func (a *author) when(section string) string {
	from := atoms
	if section == "approvals" {
		from = atoms[:len(atoms)-1] // json parameters must not route approvals
	}
	x, y := pick(a.t, "atom", from...), pick(a.t, "atom", from...)
	form := pick(a.t, "form", "X", "!(X)", "X && Y", "X || Y", "!(X) || !(Y)", "X && !(Y)", "(X ? Y : true)")
	return strings.NewReplacer("X", x, "Y", y).Replace(form)
}

func without(m tree, keys ...string) tree {
	m = maps.Clone(m)
	for _, k := range keys {
		delete(m, k)
	}
	return m
}

// texts are the packs as JSON documents.
func (w *world) texts() []string {
	out := make([]string, len(w.packs))
	for i, p := range w.packs {
		out[i] = jsonText(p)
	}
	return out
}

// load compiles the packs, which must be valid.
func (w *world) load(t *rapid.T) *policy.Set {
	set, findings := policy.Load(documents(w.texts()...), policy.LoadOptions{})
	if set == nil {
		t.Fatalf("Load refuses a generated world: %v\n%s", findings, strings.Join(w.texts(), "\n"))
	}
	return set
}

// clone is a copy whose packs and sections may be changed.
func (w *world) clone() *world {
	c := &world{}
	for _, p := range w.packs {
		own := maps.Clone(p)
		for _, section := range sections {
			own[section] = slices.Clone(p[section].([]any))
		}
		c.packs = append(c.packs, own)
	}
	return c
}

var sections = []string{"guardrails", "isolation", "classification", "entitlements", "thresholds", "approvals"}

// approvalRules are the public ids of the approval rules.
func (w *world) approvalRules() []string {
	var ids []string
	for _, p := range w.packs {
		for _, r := range p["approvals"].([]any) {
			ids = append(ids, p["pack"].(string)+"/"+r.(tree)["id"].(string))
		}
	}
	return ids
}
