package policy

import (
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Pack is the published form of a policy pack (policy-pack §1.4): the rules,
// which travel unchanged between environments, and what its bindings add. A
// pack file without bindings has the same shape with the added keys empty.
//
// The tags are the source of the JSON Schemas: doc, required, enum, pattern,
// min and max mean there what they mean in JSON Schema; form and keys name a
// form of schema.go. A key tagged bind is only allowed in the published form.
type Pack struct {
	Schema      int    `json:"schema" required:"true" min:"1" max:"1" doc:"The version of this language. Always 1."`
	Pack        string `json:"pack" required:"true" pattern:"^[a-z][a-z0-9-]{0,62}$" doc:"The pack's name, the first half of every rule's public id." example:"finance"`
	Version     int    `json:"version" required:"true" min:"1" doc:"Rises with every change; a published version never changes." example:"12"`
	Description string `json:"description" doc:"What the pack is for, in one line."`
	Priority    *int   `json:"priority" min:"0" max:"1000" doc:"Higher is listed first; it never overrides another pack. Default 100."`

	EffectiveFrom Instant `json:"effectiveFrom" doc:"The pack takes part from this instant on (RFC 3339, UTC, inclusive). Default: always." example:"2026-01-01T00:00:00Z"`
	EffectiveTo   Instant `json:"effectiveTo" doc:"The pack takes part until this instant (RFC 3339, UTC, exclusive). Default: never ends."`
	Disclosure    string  `json:"disclosure" enum:"full,codes" doc:"codes: reasons and alternatives show no limits to callers. Default full."`

	Classifications       []string            `json:"classifications" doc:"The labels of resources, low to high. Required where the pack declares actions." example:"Public,Internal,Confidential,Restricted"`
	DefaultClassification string              `json:"defaultClassification" doc:"The label of a resource that has none. Absent: such a resource is denied."`
	Regions               []string            `json:"regions" doc:"The regions that rules may name."`
	Risks                 []string            `json:"risks" doc:"The values of context.risk that rules may name, low to high."`
	Channels              []string            `json:"channels" doc:"The values of context.channel that rules may name."`
	Lists                 map[string][]string `json:"lists" doc:"Named lists: \"@name\" as a member of a list of strings splices one in; in CEL it is lists.name."`

	Roles   []Role   `json:"roles" doc:"The roles that entitlements and approvers name."`
	Agents  []Agent  `json:"agents" doc:"The agents that may call, each with the actions it exposes."`
	Actions []Action `json:"actions" doc:"The actions this pack declares: the only ones its permitting rules reach."`

	Guardrails     []Guardrail          `json:"guardrails" doc:"Stage 1: patterns over actions and command lines that deny, ask or allow."`
	Isolation      []IsolationRule      `json:"isolation" doc:"Stage 1: what may not leave a region, a host list or a condition."`
	Classification []ClassificationRule `json:"classification" doc:"Stage 2: what a label denies or masks."`
	Entitlements   []Entitlement        `json:"entitlements" doc:"Stage 3: who may do what, up to which limit."`
	Thresholds     []Threshold          `json:"thresholds" doc:"Stage 4: numbers above which to ask or to deny."`
	Approvals      []ApprovalRule       `json:"approvals" doc:"Stage 5: who must approve what was raised."`

	Environment string           `json:"environment" bind:"true" pattern:"^[A-Za-z0-9._-]{1,64}$" doc:"The environment of the published form." example:"dev"`
	TimeZone    string           `json:"timeZone" bind:"true" doc:"The IANA time zone in which people read deadlines. Default UTC." example:"Europe/Berlin"`
	Tenants     []string         `json:"tenants" form:"guid" bind:"true" doc:"The tenants (GUID) that the pack takes part for."`
	Groups      map[string]Group `json:"groups" keys:"guid" bind:"true" doc:"A snapshot of the members of groups, by object id."`

	sealing  chan seal // gives the seal once
	file     string
	bindings string // name of the document that was joined in, "" without
}

// Role is a set of people that rules name.
type Role struct {
	ID      string   `json:"id" required:"true" doc:"The name rules use."`
	Title   string   `json:"title" doc:"What people read."`
	Members []string `json:"members" form:"member" bind:"true" doc:"user:UPN, oid:GUID, group:GUID, appRole:NAME or agent:ID." example:"user:ana@contoso.com"`
}

// Agent is an AI agent that may ask for decisions.
type Agent struct {
	ID      string   `json:"id" required:"true" doc:"The agentId of requests."`
	Title   string   `json:"title" doc:"What people read."`
	Actions []string `json:"actions" doc:"The actions the agent exposes."`
	Users   []string `json:"users" enum:"verified,asserted,none" doc:"The users it accepts: verified by a token, asserted by its application, or none at all. Default [verified]."`
	Tools   []Tool   `json:"tools" doc:"For the Copilot Studio webhook: its tools and the actions they are."`
	Callers []string `json:"callers" form:"application" bind:"true" doc:"app:CLIENT-ID of each application that may call for this agent."`
	Owner   string   `json:"owner" form:"owner" bind:"true" doc:"user:UPN or oid:GUID of the person who answers for the agent."`
}

// Tool maps a Copilot Studio tool definition to an action (policy-pack 1.7).
type Tool struct {
	ID         string            `json:"id" required:"true" doc:"The toolDefinition.id of the platform."`
	Action     string            `json:"action" required:"true" doc:"The action it is."`
	ResourceID string            `json:"resourceId" doc:"The input that holds the resource's id."`
	Inputs     map[string]string `json:"inputs" doc:"Names of inputs that differ from the parameter's."`
}

// Action is something an agent can do.
type Action struct {
	ID             string                      `json:"id" required:"true" doc:"The action of requests."`
	Title          string                      `json:"title" doc:"What people read."`
	Resource       string                      `json:"resource" required:"true" doc:"The type of resource it acts on."`
	Creates        bool                        `json:"creates" doc:"True if the resource need not exist: requests may leave its id out."`
	Audience       string                      `json:"audience" doc:"Who checks grants for this action; given, every ALLOW carries one."`
	Parameters     map[string]Parameter        `json:"parameters" doc:"What a request may send; anything else is refused."`
	Pin            map[string]strictjson.Value `json:"pin" doc:"Values that parameters always have; another one sent is refused."`
	Classification string                      `json:"classification" doc:"A floor for the label of the resource."`
	Attested       *Attested                   `json:"attested" doc:"Facts the author vouches for where the request lacks them."`
}

// Attested holds facts that fill what a request lacks.
type Attested struct {
	Region string `json:"region" doc:"The region of the resource."`
}

// Parameter declares what one parameter of an action may be.
type Parameter struct {
	Type      string   `json:"type" required:"true" enum:"string,integer,decimal,boolean,datetime,strings,url,command,json" doc:"The type of the value."`
	Required  bool     `json:"required" doc:"True if a request must send it."`
	Label     string   `json:"label" doc:"What approvers read."`
	MaxLength *int     `json:"maxLength" min:"0" doc:"The longest string, in code points."`
	Enum      []string `json:"enum" doc:"The strings it may be."`
	Pattern   string   `json:"pattern" doc:"An RE2 expression that the whole string must match."`
	Min       *string  `json:"min" form:"decimal" doc:"The smallest number, in plain notation."`
	Max       *string  `json:"max" form:"decimal" doc:"The largest number, in plain notation."`
	Scale     *int     `json:"scale" min:"0" max:"6" doc:"How many fraction digits a decimal may have."`
	Schemes   []string `json:"schemes" doc:"The schemes of a url. Default [https]."`
}

// RuleHead is what every rule has.
type RuleHead struct {
	ID          string  `json:"id" required:"true" doc:"Unique in the pack; the rule's public id is <pack>/<id>."`
	Description string  `json:"description" doc:"What the rule is for."`
	From        Instant `json:"from" doc:"Before this instant it is as if absent (inclusive)."`
	Until       Instant `json:"until" doc:"From this instant on it is as if absent (exclusive)."`
	When        *string `json:"when" doc:"A CEL condition that must be true."`
	Advice      string  `json:"advice" maxlen:"280" doc:"What to tell the agent and its user when the rule denies or asks. No parameter values."`
}

// Match narrows a rule: every key given must hold, each list is an OR.
type Match struct {
	Actions               []string `json:"actions" doc:"Actions; * stands for any characters."`
	Resources             []string `json:"resources" doc:"Types of resource; * stands for any characters."`
	Agents                []string `json:"agents" doc:"Agents; * stands for any characters."`
	Regions               []string `json:"regions" doc:"Effective regions."`
	Classifications       []string `json:"classifications" doc:"Effective labels."`
	ClassificationAtLeast string   `json:"classificationAtLeast" doc:"This label or a higher one."`
	Risk                  []string `json:"risk" doc:"Values of context.risk."`
	Channels              []string `json:"channels" doc:"Values of context.channel."`
}

// Guardrail is a rule over tools (policy-pack 4.1).
type Guardrail struct {
	RuleHead
	Effect  string   `json:"effect" required:"true" enum:"deny,ask,allow" doc:"What a matching call gets; deny beats ask beats allow."`
	Tools   []string `json:"tools" required:"true" doc:"ACTION or ACTION(COMMAND), both with *." example:"bash(az * delete *)"`
	Agents  []string `json:"agents" doc:"Only for these agents (with *)."`
	Threads []string `json:"threads" doc:"Only in these threads (context.threadId, exact)."`
	Roles   []string `json:"roles" doc:"Who an allow entitles; [\"*\"] for everybody."`
}

// IsolationRule keeps calls inside boundaries (policy-pack 4.2).
type IsolationRule struct {
	RuleHead
	Match          *Match   `json:"match" doc:"Which calls the rule is about."`
	AllowedRegions []string `json:"allowedRegions" doc:"Deny unless the resource's region is one of these."`
	Parameter      string   `json:"parameter" doc:"The url parameter that allowedHosts is about."`
	AllowedHosts   []string `json:"allowedHosts" doc:"Deny unless the host is one of these: a name, *.name, an address or a CIDR, with :port for another port." example:"*.contoso.com"`
}

// ClassificationRule denies or masks by label (policy-pack 4.3).
type ClassificationRule struct {
	RuleHead
	Match  *Match     `json:"match" doc:"Which calls the rule is about."`
	Effect string     `json:"effect" required:"true" enum:"DENY,MASK" doc:"What a matching call gets."`
	Mask   []MaskRule `json:"mask" doc:"What is masked, for MASK."`
}

// MaskRule covers one place.
type MaskRule struct {
	Path   string `json:"path" form:"path" required:"true" doc:"parameters.… or output.…; * is any key or index, ** any depth." example:"output.**.iban"`
	Method string `json:"method" required:"true" enum:"redact,last4,hash,remove" doc:"What is left of the value."`
}

// Entitlement permits calls to roles (policy-pack 4.4).
type Entitlement struct {
	RuleHead
	Roles []string `json:"roles" required:"true" doc:"Who holds it; [\"*\"] for every request."`
	Match *Match   `json:"match" doc:"Which calls it permits."`
	Limit *Limit   `json:"limit" doc:"Up to which amount; above it approval is needed."`
}

// Limit bounds an amount, one figure or one a value of another parameter.
type Limit struct {
	Parameter string   `json:"parameter" required:"true" doc:"The decimal or integer parameter that is bounded."`
	By        string   `json:"by" doc:"The parameter that picks the figure, such as currency."`
	Max       LimitMax `json:"max" required:"true" doc:"The largest amount, or one for each value of by."`
}

// LimitMax is one figure, or one for each value of Limit.By.
type LimitMax struct {
	One  string
	Each map[string]string
}

// Threshold asks or denies above a number (policy-pack 4.5).
type Threshold struct {
	RuleHead
	Match     *Match  `json:"match" doc:"Which calls the rule is about."`
	Value     string  `json:"value" form:"value" required:"true" doc:"parameters.NAME or context.PATH." example:"context.riskScore"`
	AskAbove  *string `json:"askAbove" form:"decimal" doc:"Above this an approval is needed."`
	DenyAbove *string `json:"denyAbove" form:"decimal" doc:"Above this the call is denied."`
	Absent    string  `json:"absent" enum:"deny,ask" doc:"What a value that was not sent means. Default: the strictest bound given."`
}

// ApprovalRule says who must approve what (policy-pack 4.6).
type ApprovalRule struct {
	RuleHead
	Match         *Match    `json:"match" doc:"Which calls the rule is about."`
	On            []string  `json:"on" form:"trigger" required:"true" doc:"overLimit, ask, ask:<rule id> or always."`
	Approvers     []string  `json:"approvers" form:"approver" required:"true" doc:"role:ID, user:UPN, oid:GUID, group:GUID or entitled."`
	Exclude       []string  `json:"exclude" form:"excluded" doc:"Who may not vote: the forms of approvers, and owner."`
	Quorum        *int      `json:"quorum" min:"1" doc:"How many must approve. Default 1."`
	ApproveWithin Duration  `json:"approveWithin" doc:"How long people have. Default PT8H." example:"PT8H"`
	ExecuteWithin Duration  `json:"executeWithin" doc:"How long the approved call may run. Default PT24H." example:"PT24H"`
	Notify        []string  `json:"notify" form:"mail" doc:"mailto: addresses to tell."`
	Escalate      *Escalate `json:"escalate" doc:"Who else is told, and may vote, after a while."`
	Relay         bool      `json:"relay" doc:"True if a vote relayed from a mail counts."`
}

// Escalate widens the circle of approvers after a while.
type Escalate struct {
	After     Duration `json:"after" required:"true" doc:"How long after opening." example:"PT2H"`
	Approvers []string `json:"approvers" form:"approver" required:"true" doc:"Who may vote then, too."`
	Notify    []string `json:"notify" form:"mail" doc:"mailto: addresses to tell then."`
}

// Group is a snapshot of a directory group.
type Group struct {
	Name     string   `json:"name" doc:"What people read."`
	Mail     string   `json:"mail" doc:"The group's mail address."`
	Members  []string `json:"members" form:"person" doc:"user:UPN or oid:GUID of each member."`
	SyncedAt Instant  `json:"syncedAt" doc:"When the members were read from the directory (RFC 3339, UTC). Default: not told." example:"2026-06-01T09:00:00Z"`
}

// Bindings hold what differs between environments (policy-pack §1.2).
type Bindings struct {
	Schema      int                      `json:"schema" required:"true" min:"1" max:"1" doc:"The version of this language. Always 1."`
	Pack        string                   `json:"pack" required:"true" doc:"The pack these bindings are for."`
	Environment string                   `json:"environment" required:"true" pattern:"^[A-Za-z0-9._-]{1,64}$" doc:"The environment they are for." example:"dev"`
	TimeZone    string                   `json:"timeZone" doc:"The IANA time zone in which people read deadlines. Default UTC." example:"Europe/Berlin"`
	Tenants     []string                 `json:"tenants" form:"guid" required:"true" doc:"The tenants (GUID) that the pack takes part for."`
	Roles       map[string][]string      `json:"roles" form:"member" doc:"The members of each role: user:UPN, oid:GUID, group:GUID, appRole:NAME or agent:ID."`
	Agents      map[string]AgentBindings `json:"agents" doc:"The callers and the owner of each agent."`
	Groups      map[string]Group         `json:"groups" keys:"guid" doc:"A snapshot of the members of groups, by object id."`
}

// AgentBindings bind an agent to applications and a person.
type AgentBindings struct {
	Callers []string `json:"callers" form:"application" doc:"app:CLIENT-ID of each application that may call for this agent."`
	Owner   string   `json:"owner" form:"owner" doc:"user:UPN or oid:GUID of the person who answers for the agent."`
}

// Instant is a point in time; the zero Instant was not given.
type Instant struct{ time.Time }

// Duration is an ISO 8601 duration of hours, minutes and seconds (and days of
// 24 hours); the zero Duration was not given.
type Duration struct{ time.Duration }
