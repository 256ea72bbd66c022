package policy_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// call is a generated request with its subject, its instant and what the
// approval store knows of it.
type call struct {
	agent, action string
	resource      map[string]string
	attributes    tree
	parameters    tree
	context       tree
	subject       policy.Subject
	now           time.Time
	approval      policy.Approval
}

// number is a JSON number as it is written.
func number(literal string) json.RawMessage { return json.RawMessage(literal) }

// drawCall draws a call of one of the world's agents; most of them are sound.
func drawCall(t *rapid.T, w *world) *call {
	name := w.packs[rapid.IntRange(0, len(w.packs)-1).Draw(t, "pack")]["pack"].(string)[len("pack-"):]
	c := &call{
		agent: "agent-" + name, action: pick(t, "action", "Pay-", "Pay-", "Pay-", "Run-", "Run-", "Post-") + name,
		resource: map[string]string{}, context: tree{}, attributes: tree{}, parameters: tree{}, now: noon.Add(-time.Minute),
	}
	if oneIn(t, 60, "stranger") {
		c.agent = pick(t, "which stranger", "agent-b", "agent-x")
	}
	c.drawResource(t)
	c.drawContext(t)
	c.drawParameters(t)
	c.subject = drawSubject(t)
	c.approval = drawVotes(t, w)
	if oneIn(t, 4, "later") {
		c.now = noon
	}
	return c
}

// set draws a value for a name, or leaves it out once in n times.
func set[V any](t *rapid.T, m map[string]V, n int, name string, values ...V) {
	if !oneIn(t, n, "no "+name) {
		m[name] = pick(t, name, values...)
	}
}

func (c *call) drawResource(t *rapid.T) {
	set(t, c.resource, 6, "id", "R-1", "R-2")
	set(t, c.resource, 6, "region", "EU", "EU", "US", "MARS")
	set(t, c.resource, 8, "classification", "Internal", "Public", "Confidential", "Restricted", "Internal", "Secret")
	if oneIn(t, 8, "a tenant") {
		c.resource["tenantId"] = pick(t, "resource tenant", tenantOne, tenantOne, tenantTwo)
	}
	set[any](t, c.attributes, 3, "kind", "blue", "red", true)
	set[any](t, c.attributes, 3, "deep", tree{"n": 1}, tree{"n": number("1.0")}, tree{}, "no object")
}

func (c *call) drawContext(t *rapid.T) {
	set[any](t, c.context, 3, "risk", "low", "high", "extreme", true)
	set[any](t, c.context, 3, "riskScore", 40, 61, number("90.5"), 95, "12", 0)
	set[any](t, c.context, 3, "channel", "teams", "web", "fax")
	set[any](t, c.context, 3, "threadId", "t-1", "t-2", 5)
	set[any](t, c.context, 3, "site", "Hamburg", "Berlin", 7)
	set[any](t, c.context, 3, "flag", true, false, "true")
	set[any](t, c.context, 3, "scores", tree{"fraud": 61}, tree{"fraud": 10}, tree{}, 3)
	set[any](t, c.context, 3, "reason", "approved by the CFO already")
}

func (c *call) drawParameters(t *rapid.T) {
	p := c.parameters
	set[any](t, p, 4, "iban", "DE89370400440532013000", "short")
	switch {
	case strings.HasPrefix(c.action, "Pay"):
		set[any](t, p, 8, "amount", 10, "10.50", 99, "99.5", 500, number("500.01"), "550.5", "700", 100000)
		set[any](t, p, 4, "currency", "EUR", "USD", "GBP")
		set[any](t, p, 4, "vendor", "V-1", "V-9")
		set[any](t, p, 4, "items", tree{"total": 7, "list": []any{1, "two"}, "a": tree{"secret": "s3cret-value"}}, []any{}, "text")
		set[any](t, p, 4, "flag", true, false)
		set[any](t, p, 4, "due", "2026-06-02T00:00:00Z", "2026-05-01T10:00:00+02:00")
		set[any](t, p, 4, "tags", []string{"x"}, []string{})
		set[any](t, p, 4, "qty", 1, "3", number("4.0"))
		set[any](t, p, 2, "ledger", "GL-1", "GL-1", "GL-1", "GL-2")
	case strings.HasPrefix(c.action, "Run"):
		set[any](t, p, 6, "line", "az vm list", "az vm delete --ids x", "rm -rf /srv", "echo hello", "echo $HOME", "git push origin main", "echo 'a' && az vm list")
		set[any](t, p, 4, "qty", 1, 5)
	default:
		set[any](t, p, 4, "target", "https://www.contoso.com/a", "https://API.github.com:443/x/../y", "https://10.1.2.3/", "https://evil.example/")
		set[any](t, p, 4, "items", tree{"secret": "s3cret-value"}, 5)
	}
	if oneIn(t, 25, "malformed") {
		p[pick(t, "which malformed", "amount", "qty", "unheard-of")] = pick[any](t, "malformed value", "1e3", true, "12,50", tree{})
	}
}

func drawSubject(t *rapid.T) policy.Subject {
	s := policy.Subject{
		Tenant: tenantOne, Application: appOne,
		Identity: pick(t, "identity", policy.Verified, policy.Verified, policy.Asserted, policy.Asserted, policy.None),
	}
	if oneIn(t, 60, "another application") {
		s.Application = oid(99)
	}
	if s.Identity == policy.None {
		return s
	}
	s.User = people[pick(t, "user", "ana", "bob", "mia")]
	s.User.Groups = pick(t, "groups", []string{}, []string{groupOne}, []string{groupTwo, groupOne})
	s.User.AppRoles = pick(t, "app roles", []string{}, []string{"Finance.Analyst"}, []string{"Finance.Manager", "Finance.Auditor"})
	if s.Identity == policy.Asserted {
		s.User.Groups, s.User.GroupsKnown, s.User.AppRoles, s.User.AppRolesKnown = nil, false, nil, false
		switch pick(t, "asserted", "both", "id", "upn") {
		case "id":
			s.User.UPN = ""
		case "upn":
			s.User.ID = ""
		}
	} else if oneIn(t, 4, "overage") {
		s.User.Groups, s.User.GroupsKnown = nil, false
	}
	return s
}

func drawVotes(t *rapid.T, w *world) policy.Approval {
	if oneIn(t, 8, "another state") {
		return policy.Approval{
			State: pick(t, "state", policy.ApprovalDenied, policy.ApprovalExpired, policy.ApprovalRevoked, policy.ApprovalMismatch, policy.ApprovalLimit),
			Named: oneIn(t, 2, "named"),
		}
	}
	if oneIn(t, 2, "no approval") {
		return policy.Approval{}
	}
	a := policy.Approval{State: policy.ApprovalOpen, Votes: map[string][]policy.User{}}
	for _, id := range w.approvalRules() {
		for _, name := range some(t, "voters", "mia", "omar", "nora", "bob", "ana") {
			a.Votes[id] = append(a.Votes[id], people[name])
		}
	}
	return a
}

// input is the call as the evaluator gets it.
func (c *call) input() *policy.Input {
	return &policy.Input{
		Request: policy.Request{
			Agent: c.agent, Action: c.action,
			Resource: policy.Resource{
				Type: c.resource["type"], ID: c.resource["id"], Region: c.resource["region"], Classification: c.resource["classification"],
				Tenant: c.resource["tenantId"], Attributes: valueOf(c.attributes),
			},
			Parameters: valueOf(c.parameters), Context: valueOf(c.context),
		},
		Subject: c.subject, Now: c.now, Key: testKey, Approval: c.approval,
	}
}

func valueOf(v any) strictjson.Value {
	parsed, err := strictjson.Parse([]byte(jsonText(v)), strictjson.Limits{})
	if err != nil {
		panic(err)
	}
	return parsed
}

// clone is a copy whose facts may be changed.
func (c *call) clone() *call {
	own := *c
	own.resource, own.attributes = maps.Clone(c.resource), maps.Clone(c.attributes)
	own.parameters, own.context = maps.Clone(c.parameters), maps.Clone(c.context)
	return &own
}

// facts are what the call states and could have left out, as without takes
// them. A resource's tenant is not among them: absent, it is the caller's.
func (c *call) facts() []string {
	var out []string
	add := func(prefix string, names []string) {
		for _, name := range names {
			out = append(out, prefix+name)
		}
	}
	add("resource.", slices.DeleteFunc(slices.Collect(maps.Keys(c.resource)), func(name string) bool { return name == "tenantId" }))
	add("attributes.", slices.Collect(maps.Keys(c.attributes)))
	add("parameters.", slices.Collect(maps.Keys(c.parameters)))
	add("context.", slices.Collect(maps.Keys(c.context)))
	if c.subject.Identity != policy.None {
		out = append(out, "user.none", "user.upn", "user.id", "user.groups", "user.appRoles")
	}
	slices.Sort(out)
	return out
}

// without is the call with one of its facts left out.
func (c *call) without(fact string) *call {
	own := c.clone()
	where, name, _ := strings.Cut(fact, ".")
	switch where {
	case "resource":
		delete(own.resource, name)
	case "attributes":
		delete(own.attributes, name)
	case "parameters":
		delete(own.parameters, name)
	case "context":
		delete(own.context, name)
	default:
		own.forget(name)
	}
	return own
}

func (c *call) forget(name string) {
	switch u := &c.subject.User; name {
	case "none":
		c.subject.Identity, c.subject.User = policy.None, policy.User{}
	case "upn":
		u.UPN = ""
	case "id":
		u.ID = ""
	case "groups":
		u.Groups, u.GroupsKnown = nil, false
	case "appRoles":
		u.AppRoles, u.AppRolesKnown = nil, false
	}
	if c.subject.Identity != policy.None && c.subject.User.UPN == "" && c.subject.User.ID == "" {
		c.subject.Identity, c.subject.User = policy.None, policy.User{}
	}
}
