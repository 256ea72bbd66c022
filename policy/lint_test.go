package policy

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// errorCase is a pack that is refused, with every finding as
// "pointer check rule", file first where it is not p.json.
type errorCase struct {
	name  string
	edits []edit
	want  string
}

func one(name, at, value, want string) errorCase {
	return errorCase{name, []edit{{at, value}}, want}
}

// The errors of policy-pack §12, in its order, and what else Load refuses.
var shapeErrors = []errorCase{
	one("an unknown key", "/efects", `1`, "/efects key.unknown "),
	one("an unknown key in a rule", "/entitlements/0/limits", `{}`, "/entitlements/0/limits key.unknown p/create"),
	one("an unknown key with a slash", "/roles/0/a~1b", `{}`, "/roles/0/a~1b key.unknown "),
	one("$schema below the top", "/roles/0/$schema", `"x"`, "/roles/0/$schema key.unknown "),
	one("a missing required key", "/version", ``, " key.missing "),
	one("a rule without an id", "/entitlements/0/id", ``, "/entitlements/0 key.missing "),
	one("an empty id", "/roles/0/id", `""`, "/roles/0/id key.missing "),
	one("an approval rule without on", "/approvals/0/on", ``, "/approvals/0 key.missing p/over"),
	one("a mask without a method", "/classification/-", `{"id": "c", "effect": "MASK", "mask": [{"path": "output.a"}]}`, "/classification/0/mask/0 key.missing p/c"),
	one("a value of another type", "/version", `"1"`, "/version type "),
	one("null", "/description", `null`, "/description type "),
	one("a list that is none", "/roles", `{}`, "/roles type "),
	one("a version of the language that is not known", "/schema", `2`, "/schema range "),
	one("a version below 1", "/version", `0`, "/version range "),
	one("a version that is no whole number", "/version", `1.5`, "/version type "),
	one("a priority above 1000", "/priority", `1001`, "/priority range "),
	one("a name that is none", "/pack", `"Finance"`, "/pack pattern "),
	one("an effect beside the choices", "/guardrails/-", `{"id": "g", "effect": "Deny", "tools": ["Read"]}`, "/guardrails/0/effect choice p/g"),
	one("an effect of classification in small letters", "/classification/-", `{"id": "c", "effect": "deny"}`, "/classification/0/effect choice p/c"),
	one("users beside the choices", "/agents/0/users", `["verified", "all"]`, "/agents/0/users/1 choice "),
	one("a type beside the choices", "/actions/0/parameters/amount/type", `"number"`, "/actions/0/parameters/amount/type choice "),
	one("an instant that is not in UTC", "/effectiveFrom", `"2026-01-01T00:00:00+01:00"`, "/effectiveFrom instant "),
	one("an instant that is no date", "/effectiveTo", `"2026-02-30T00:00:00Z"`, "/effectiveTo instant "),
	one("an instant with a comma", "/effectiveTo", `"2026-02-01T00:00:00,5Z"`, "/effectiveTo instant "),
	one("a snapshot of a day without a time", "/groups/"+group, `{"syncedAt": "2026-02-01"}`, "/groups/"+group+"/syncedAt instant "),
	one("a duration of months", "/approvals/0/approveWithin", `"P1M"`, "/approvals/0/approveWithin duration p/over"),
	one("a duration of nothing", "/approvals/0/executeWithin", `"PT0S"`, "/approvals/0/executeWithin duration p/over"),
	one("advice over length", "/entitlements/0/advice", `"`+strings.Repeat("ä", 281)+`"`, "/entitlements/0/advice length p/create"),
	one("an amount as a number", "/entitlements/0/limit/max", `50000`, "/entitlements/0/limit/max type p/create"),
	one("an amount with an exponent", "/entitlements/0/limit/max/EUR", `"5e4"`, "/entitlements/0/limit/max/EUR decimal p/create"),
	one("an amount of 19 digits", "/entitlements/0/limit/max/EUR", `"1000000000000000000"`, "/entitlements/0/limit/max/EUR decimal p/create"),
	one("an amount of 7 fraction digits", "/entitlements/0/limit/max/EUR", `"0.0000001"`, "/entitlements/0/limit/max/EUR decimal p/create"),
	one("a negative quorum", "/approvals/0/quorum", `-1`, "/approvals/0/quorum range p/over"),
	one("a quorum of nobody", "/approvals/0/quorum", `0`, "/approvals/0/quorum range p/over"),
	one("a scale above 6", "/actions/0/parameters/amount/scale", `7`, "/actions/0/parameters/amount/scale range "),
}

var declarationErrors = []errorCase{
	one("a role twice", "/roles/-", `{"id": "Analyst"}`, "/roles/2/id duplicate "),
	one("an agent twice", "/agents/-", `{"id": "bot"}`, "/agents/1/id duplicate "),
	one("an action twice", "/actions/-", `{"id": "Read", "resource": "Vendor"}`, "/actions/4/id duplicate "),
	one("a tool twice", "/agents/0/tools", `[{"id": "t", "action": "Read"}, {"id": "t", "action": "Read"}]`, "/agents/0/tools/1/id duplicate "),
	one("a label twice", "/classifications/-", `"Public"`, "/classifications/4 duplicate "),
	one("a region twice", "/regions/-", `"EU"`, "/regions/2 duplicate "),
	one("a rule id twice in two sections", "/isolation/-", `{"id": "over"}`, "/approvals/0/id duplicate p/over"),
	one("a rule id with a slash", "/entitlements/0/id", `"q/create"`, "/entitlements/0/id pattern p/q/create"),
	one("a role called *", "/roles/-", `{"id": "*"}`, "/roles/2/id choice "),
	one("a default label that is not declared", "/defaultClassification", `"Secret"`, "/defaultClassification undeclared.classification "),
	one("a floor that is not declared", "/actions/1/classification", `"Secret"`, "/actions/1/classification undeclared.classification "),
	one("an attested region that is not declared", "/actions/1/attested", `{"region": "CH"}`, "/actions/1/attested/region undeclared.region "),
	one("actions without classifications", "/classifications", ``, strings.Join([]string{" key.missing ", "/actions/1/classification undeclared.classification ", "/defaultClassification undeclared.classification "}, "\n")),
	one("an agent with an unknown action", "/agents/0/actions/1", `"Reed"`, "/agents/0/actions/1 undeclared.action "),
	one("an unknown action after a named list", "/agents/0/actions", `["@regions", "Read"]`, "/agents/0/actions/0 undeclared.action \n/agents/0/actions/0 undeclared.action "),
	one("a caller that is no application", "/agents/0/callers/-", `"user:a@b.c"`, "/agents/0/callers/1 member "),
	one("a caller that is no GUID", "/agents/0/callers/-", `"app:bot"`, "/agents/0/callers/1 member "),
	one("an owner that is no person", "/agents/0/owner", `"role:Analyst"`, "/agents/0/owner member "),
	one("a tool with an unknown action", "/agents/0/tools", `[{"id": "t", "action": "Reed"}]`, "/agents/0/tools/0/action undeclared.action "),
	one("a tool with an unknown parameter", "/agents/0/tools", `[{"id": "t", "action": "Read", "inputs": {"a/b": "ibn"}}]`, "/agents/0/tools/0/inputs/a~1b undeclared.parameter "),
	one("a member of no form", "/roles/0/members/-", `"ana@contoso.com"`, "/roles/0/members/2 member "),
	one("a group that is no GUID", "/roles/0/members/-", `"group:finance"`, "/roles/0/members/2 member "),
	one("a snapshot under no GUID", "/groups", `{"finance": {}}`, "/groups/finance guid "),
	one("a snapshot with a group inside", "/groups", `{"`+group+`": {"members": ["group:`+group+`"]}}`, "/groups/"+group+"/members/0 member "),
	one("a tenant that is no GUID", "/tenants/-", `"contoso"`, "/tenants/1 guid "),
	one("the published form without tenants", "/tenants", ``, " key.missing "),
	one("a time zone that does not load", "/timeZone", `"Europe/Wien"`, "/timeZone timezone "),
	one("an unknown list in an enumeration", "/actions/0/parameters/currency/enum", `["@currencies"]`, "/actions/0/parameters/currency/enum/0 undeclared.list "),
	one("a pattern that RE2 does not have", "/actions/0/parameters/vendor/pattern", `"(?=a)"`, "/actions/0/parameters/vendor/pattern regexp "),
	one("a minimum that is no number", "/actions/0/parameters/amount/min", `"one"`, "/actions/0/parameters/amount/min decimal "),
	one("a maximum below the minimum", "/actions/0/parameters/amount/min", `"1000001"`, "/actions/0/parameters/amount/max interval "),
	one("a key that means nothing for the type", "/actions/0/parameters/vendor/scale", `2`, "/actions/0/parameters/vendor/scale parameter.key "),
	one("a second command", "/actions/2/parameters/more", `{"type": "command"}`, "/actions/2/parameters/more command.second "),
	one("a parameter without a name", "/actions/2/parameters/", `{"type": "string"}`, "/actions/2/parameters/ key.missing "),
	one("a pin of an unknown parameter", "/actions/0/pin", `{"ledger": "GL"}`, "/actions/0/pin/ledger undeclared.parameter "),
	one("a pin that the declaration refuses", "/actions/0/pin", `{"amount": "1.005"}`, "/actions/0/pin/amount pin "),
	one("a pin of nothing", "/actions/0/pin", `{"vendor": null}`, "/actions/0/pin/vendor pin "),
	{
		"effectiveTo before effectiveFrom",
		[]edit{{"/effectiveFrom", `"2026-06-01T00:00:00Z"`}, {"/effectiveTo", `"2026-06-01T00:00:00Z"`}},
		"/effectiveTo interval ",
	},
}

var ruleErrors = []errorCase{
	{
		"until before from",
		[]edit{{"/entitlements/0/from", `"2026-06-01T00:00:00Z"`}, {"/entitlements/0/until", `"2026-05-01T00:00:00Z"`}},
		"/entitlements/0/until interval p/create",
	},
	one("an undeclared role", "/entitlements/0/roles/-", `"Clerk"`, "/entitlements/0/roles/1 undeclared.role p/create"),
	one("everybody beside a role", "/entitlements/0/roles/-", `"*"`, "/entitlements/0/roles/1 choice p/create"),
	one("an undeclared role as approver", "/approvals/0/approvers/-", `"role:Clerk"`, "/approvals/0/approvers/1 undeclared.role p/over"),
	one("an undeclared role in exclude", "/approvals/0/exclude", `["owner", "role:Clerk"]`, "/approvals/0/exclude/1 undeclared.role p/over"),
	one("an undeclared role in an escalation", "/approvals/0/escalate", `{"after": "PT1H", "approvers": ["role:Manager", "role:Clerk"]}`, "/approvals/0/escalate/approvers/1 undeclared.role p/over"),
	one("an undeclared label", "/entitlements/0/match/classifications", `["Public", "Secret"]`, "/entitlements/0/match/classifications/1 undeclared.classification p/create"),
	one("an undeclared lowest label", "/entitlements/0/match/classificationAtLeast", `"Secret"`, "/entitlements/0/match/classificationAtLeast undeclared.classification p/create"),
	one("an undeclared region", "/entitlements/0/match/regions", `["@regions", "CH"]`, "/entitlements/0/match/regions/1 undeclared.region p/create"),
	one("an undeclared risk", "/entitlements/0/match/risk", `["medium"]`, "/entitlements/0/match/risk/0 undeclared.risk p/create"),
	one("an undeclared channel", "/entitlements/0/match/channels", `["mail"]`, "/entitlements/0/match/channels/0 undeclared.channel p/create"),
	one("an undeclared allowed region", "/isolation/-", `{"id": "i", "allowedRegions": ["EU", "CH"]}`, "/isolation/0/allowedRegions/1 undeclared.region p/i"),
	one("an undeclared list", "/entitlements/0/match/actions/-", `"@reads"`, "/entitlements/0/match/actions/1 undeclared.list p/create"),
	one("an undeclared list in a tool pattern", "/guardrails/-", `{"id": "g", "effect": "deny", "tools": ["Read", "Run(@evil)"]}`, "/guardrails/0/tools/1 undeclared.list p/g"),
	one("an entitlement for an action that the pack does not declare", "/entitlements/0/match/actions/-", `"Print"`, "/entitlements/0/match/actions/1 undeclared.action p/create"),
	one("an undeclared parameter of a limit", "/entitlements/0/limit/parameter", `"amont"`, "/entitlements/0/limit/parameter undeclared.parameter p/create"),
	one("a limit of a text", "/entitlements/0/limit/parameter", `"vendor"`, "/entitlements/0/limit/parameter parameter.type p/create"),
	one("an undeclared parameter of by", "/entitlements/0/limit/by", `"curency"`, "/entitlements/0/limit/by undeclared.parameter p/create"),
	one("a by that is a number", "/entitlements/0/limit/by", `"amount"`, "/entitlements/0/limit/by parameter.type p/create"),
	one("by without figures", "/entitlements/0/limit/max", `"5"`, "/entitlements/0/limit/max limit p/create"),
	one("figures without by", "/entitlements/0/limit/by", ``, "/entitlements/0/limit/max limit p/create"),
	one("a threshold without a bound", "/thresholds/-", `{"id": "t", "value": "context.score"}`, "/thresholds/0 key.missing p/t"),
	one("a threshold that never asks", "/thresholds/-", `{"id": "t", "value": "context.score", "askAbove": "9", "denyAbove": "8"}`, "/thresholds/0/askAbove interval p/t"),
	one("a bound that is no number", "/thresholds/-", `{"id": "t", "value": "context.score", "askAbove": ""}`, "/thresholds/0/askAbove decimal p/t"),
	one("a threshold on neither a parameter nor context", "/thresholds/-", `{"id": "t", "value": "resource.id", "askAbove": "1"}`, "/thresholds/0/value threshold.value p/t"),
	one("a threshold on no path", "/thresholds/-", `{"id": "t", "value": "context.a..b", "askAbove": "1"}`, "/thresholds/0/value threshold.value p/t"),
	one("a threshold on a parameter that the actions it matches do not have", "/thresholds/-", `{"id": "t", "match": {"actions": ["Read"]}, "value": "parameters.amount", "askAbove": "1"}`, "/thresholds/0/value undeclared.parameter p/t"),
	one("a threshold on a text", "/thresholds/-", `{"id": "t", "value": "parameters.vendor", "askAbove": "1"}`, "/thresholds/0/value undeclared.parameter p/t"),
	one("match.regions beside allowedRegions", "/isolation/-", `{"id": "i", "match": {"regions": ["EU"]}, "allowedRegions": ["EU"]}`, "/isolation/0/match/regions isolation.regions p/i"),
	one("allowedHosts without a parameter", "/isolation/-", `{"id": "i", "allowedHosts": ["a.b"]}`, "/isolation/0 isolation.hosts p/i"),
	one("a parameter without allowedHosts", "/isolation/-", `{"id": "i", "parameter": "url"}`, "/isolation/0 isolation.hosts p/i"),
	one("regions and hosts in one rule", "/isolation/-", `{"id": "i", "allowedRegions": ["EU"], "parameter": "url", "allowedHosts": ["a.b"]}`, "/isolation/0 isolation.both p/i"),
	one("a host that is none", "/isolation/-", `{"id": "i", "parameter": "url", "allowedHosts": ["a.b", "https://a.b/"]}`, "/isolation/0/allowedHosts/1 host p/i"),
	one("an egress rule on a parameter that is no url", "/isolation/-", `{"id": "i", "parameter": "iban", "allowedHosts": ["a.b"]}`, "/isolation/0/parameter undeclared.parameter p/i"),
	one("MASK without masks", "/classification/-", `{"id": "c", "effect": "MASK"}`, "/classification/0 key.missing p/c"),
	one("DENY with masks", "/classification/-", `{"id": "c", "effect": "DENY", "mask": [{"path": "output.a", "method": "hash"}]}`, "/classification/0/mask mask p/c"),
	one("a mask path that leads nowhere", "/classification/-", `{"id": "c", "effect": "MASK", "mask": [{"path": "output.a", "method": "hash"}, {"path": "resource.id", "method": "hash"}]}`, "/classification/0/mask/1/path mask.path p/c"),
	one("an allow without roles", "/guardrails/-", `{"id": "g", "effect": "allow", "tools": ["Run(ls)"]}`, "/guardrails/0 guardrail.roles p/g"),
	one("a deny with roles", "/guardrails/-", `{"id": "g", "effect": "deny", "tools": ["Run(ls)"], "roles": ["*"]}`, "/guardrails/0/roles guardrail.roles p/g"),
	one("an allow that reaches an action with an amount", "/guardrails/-", `{"id": "g", "effect": "allow", "tools": ["Create"], "roles": ["*"]}`, "/guardrails/0/tools guardrail.reach p/g"),
	one("an allow that reaches no action of its pack", "/guardrails/-", `{"id": "g", "effect": "allow", "tools": ["Print"], "roles": ["*"]}`, "/guardrails/0/tools guardrail.reach p/g"),
	one("a tool pattern without an end", "/guardrails/-", `{"id": "g", "effect": "deny", "tools": ["Read", "Run(ls"]}`, "/guardrails/0/tools/1 tool p/g"),
	one("a tool pattern with an open quote", "/guardrails/-", `{"id": "g", "effect": "deny", "tools": ["Run(ls ')"]}`, "/guardrails/0/tools/0 tool p/g"),
	one("no approvers", "/approvals/0/approvers", `[]`, "/approvals/0/approvers approval.approvers p/over"),
	one("an approver of no form", "/approvals/0/approvers/-", `"Manager"`, "/approvals/0/approvers/1 member p/over"),
	one("an app role as approver", "/approvals/0/approvers/-", `"appRole:Manager"`, "/approvals/0/approvers/1 member p/over"),
	one("the owner as approver", "/approvals/0/approvers/-", `"owner"`, "/approvals/0/approvers/1 member p/over"),
	one("a quorum larger than its approvers", "/approvals/0/quorum", `3`, "/approvals/0/quorum approval.quorum p/over"),
	one("on names nothing", "/approvals/0/on", `[]`, "/approvals/0/on approval.on p/over"),
	one("on names what cannot be raised", "/approvals/0/on/-", `"overlimit"`, "/approvals/0/on/1 choice p/over"),
	one("on names a rule that does not ask", "/approvals/0/on/-", `"ask:read"`, "/approvals/0/on/1 undeclared.rule p/over"),
	one("notify without mailto", "/approvals/0/notify", `["a@b.c"]`, "/approvals/0/notify/0 mail p/over"),
	one("two addresses in one", "/approvals/0/notify", `["mailto:a@b.c,d@e.f"]`, "/approvals/0/notify/0 mail p/over"),
	one("an escalation after the deadline", "/approvals/0/escalate", `{"after": "PT8H", "approvers": ["role:Analyst"]}`, "/approvals/0/escalate/after interval p/over"),
}

func when(name, section, condition, check string) errorCase {
	pointer, rule := "/entitlements/1/when", "p/read"
	if section == "approvals" {
		pointer, rule = "/approvals/0/when", "p/over"
	}
	return one(name, pointer, condition, pointer+" "+check+" "+rule)
}

var conditionErrors = []errorCase{
	when("CEL that does not parse", "", `"user.roles ="`, "cel"),
	when("an unknown variable", "", `"usr.id == \"a\""`, "cel"),
	when("a condition that is no boolean", "", `"resource.region + \"x\""`, "cel.type"),
	when("a string function that is not offered", "", `"action.reverse() == \"x\""`, "cel"),
	when("a decimal that is none", "", `"context.score > decimal(\"1e3\")"`, "decimal"),
	when("a double beside a decimal", "", `"decimal(\"1\") < 1.5"`, "cel"),
	when("a condition that costs too much", "", `"context.a.all(x, context.b.all(y, context.c.all(z, x != y && y != z)))"`, "cel.cost"),
	when("a time zone that does not load", "", `"now.getHours(\"Europe/Wien\") > 8"`, "timezone"),
	when("routing on context.reason", "approvals", `"context.reason.contains(\"urgent\")"`, "approval.freeText"),
	when("routing on context.reason by index", "approvals", `"context[\"reason\"] == \"x\""`, "approval.freeText"),
	when("asking whether there is a reason", "approvals", `"has(context.reason)"`, "approval.freeText"),
	when("routing on all of context", "approvals", `"context.exists(k, k == \"x\")"`, "approval.freeText"),
	when("routing on a computed key", "approvals", `"context[\"rea\" + \"son\"] == \"x\""`, "approval.freeText"),
	when("routing on a json parameter", "approvals", `"parameters.extra.a == \"x\""`, "approval.freeText"),
	when("routing on all parameters", "approvals", `"parameters.size() > 1"`, "approval.freeText"),
}

func TestErrorsRefuseThePack(t *testing.T) {
	for _, tt := range append(append(append(shapeErrors, declarationErrors...), ruleErrors...), conditionErrors...) {
		t.Run(tt.name, func(t *testing.T) {
			set, findings := Load([]Document{{Name: "p.json", Text: edited(t, basePack, tt.edits...)}}, LoadOptions{})
			if set != nil {
				t.Error("the pack is not refused")
			}
			if diff := gocmp.Diff(strings.Split(tt.want, "\n"), refusals(t, findings)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// refusals is each finding but notices in one line; all must be errors with
// words.
func refusals(t *testing.T, findings []Finding) []string {
	t.Helper()
	var out []string
	for _, f := range findings {
		if f.Severity == Notice {
			continue
		}
		if f.Severity != Error || f.Message == "" || f.Fix == "" || f.File == "" {
			t.Errorf("finding %s: want an error with a file, a message and a fix", f)
		}
		line := f.Pointer + " " + f.Check + " " + f.Rule
		if f.File != "p.json" {
			line = f.File + "#" + line
		}
		out = append(out, line)
	}
	return out
}

const rulesOnly = `{"schema": 1, "pack": "p", "version": 1,
"classifications": ["Public"], "roles": [{"id": "Analyst"}], "agents": [{"id": "bot", "actions": ["Read"]}],
"actions": [{"id": "Read", "resource": "Vendor"}], "entitlements": [{"id": "read", "roles": ["Analyst"]}]}`

const bindings = `{"schema": 1, "pack": "p", "environment": "dev", "tenants": ["11111111-1111-1111-1111-111111111111"],
"roles": {"Analyst": ["user:ana@contoso.com"]}, "agents": {"bot": {"callers": ["app:aaaaaaaa-0000-4000-8000-000000000001"]}}}`

// file is one document of a case with several.
type file struct {
	name, base string
	edits      []edit
}

func rulesFile(edits ...edit) file { return file{"p.json", rulesOnly, edits} }

func bound(edits ...edit) file { return file{"dev.json", bindings, edits} }

type togetherCase struct {
	name  string
	files []file
	want  string
}

var togetherErrors = []togetherCase{
	{"a tenant that is no GUID", []file{rulesFile(), bound(edit{"/tenants/0", `"contoso"`})}, "dev.json#/tenants/0 guid "},
	{"no tenants", []file{rulesFile(), bound(edit{"/tenants", ``})}, "dev.json# key.missing "},
	{"a member that is none", []file{rulesFile(), bound(edit{"/roles/Analyst/-", `"ana"`})}, "dev.json#/roles/Analyst/1 member "},
	{"a caller that is none", []file{rulesFile(), bound(edit{"/agents/bot/callers/-", `"bot"`})}, "dev.json#/agents/bot/callers/1 member "},
	{"an owner that is none", []file{rulesFile(), bound(edit{"/agents/bot/owner", `"ana"`})}, "dev.json#/agents/bot/owner member "},
	{"a time zone that is none", []file{rulesFile(), bound(edit{"/timeZone", `"Berlin"`})}, "dev.json#/timeZone timezone "},
	{"a group that is none", []file{rulesFile(), bound(edit{"/groups", `{"x": {}}`})}, "dev.json#/groups/x guid "},
	{"an unknown key", []file{rulesFile(), bound(edit{"/agents/bot/caller", `[]`})}, "dev.json#/agents/bot/caller key.unknown "},
	{"an unknown role", []file{rulesFile(), bound(edit{"/roles/Clerk", `[]`})}, "dev.json#/roles/Clerk bindings.roles "},
	{"an unknown agent", []file{rulesFile(), bound(edit{"/agents/robot", `{}`})}, "dev.json#/agents/robot bindings.agents "},
	{"bindings twice", []file{rulesFile(), bound(), {"twice.json", bindings, nil}}, "twice.json#/pack bindings.twice "},
	{"bindings of no pack", []file{rulesFile(), bound(), {"twice.json", bindings, []edit{{"/pack", `"q"`}}}}, "twice.json#/pack bindings.pack "},
	{"facts of an environment in a pack", []file{rulesFile(edit{"/timeZone", `"UTC"`}), bound()}, "/timeZone key.unknown "},
	{"members in a pack", []file{rulesFile(edit{"/roles/0/members", `[]`}), bound()}, "/roles/0/members key.unknown "},
	{"an error in the pack", []file{rulesFile(edit{"/entitlements/0/roles/0", `"Clerk"`}), bound()}, "/entitlements/0/roles/0 undeclared.role p/read"},
	{"bindings for another environment only", []file{rulesFile(), bound(edit{"/environment", `"prod"`})}, " bindings.none "},
	{"no bindings", []file{rulesFile()}, " key.missing \n key.missing "},
	{"a version twice", []file{{"p.json", basePack, nil}, {"copy.json", basePack, nil}}, "copy.json#/version duplicate "},
	{"an agent of two packs", []file{{"p.json", basePack, nil}, {"q.json", otherPack, []edit{{"/agents/0/id", `"bot"`}}}}, "q.json#/agents/0/id conflict.agent "},
	{"an action of two packs", []file{{"p.json", basePack, nil}, {"q.json", otherPack, []edit{{"/actions/0/id", `"Read"`}, {"/agents/0/actions/0", `"Read"`}}}}, "q.json#/actions/0/id conflict.action "},
}

// Errors of what bindings add are reported where a person can mend them: in
// the bindings, not at a place of the published form that is in no file.
func TestErrorsOfDocumentsTogether(t *testing.T) {
	for _, tt := range togetherErrors {
		t.Run(tt.name, func(t *testing.T) {
			var docs []Document
			for _, f := range tt.files {
				docs = append(docs, Document{Name: f.name, Text: edited(t, f.base, f.edits...)})
			}
			_, findings := Load(docs, LoadOptions{Environment: "dev"})
			if diff := gocmp.Diff(strings.Split(tt.want, "\n"), refusals(t, findings)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTextsThatAreNotPacks(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no JSON", `{"schema": 1,`, " json "},
		{"a comment", "{ // here\n}", " json "},
		{"a key twice", `{"schema": 1, "schema": 1}`, "/schema json "},
		{"a rule's key twice", `{"entitlements": [{"id": "a", "id": "b"}]}`, "/entitlements/0/id json "},
		{"a list", `[]`, " type "},
		{"null", `null`, " type "},
		{"two environments", `{"schema": 1, "pack": "p", "version": 1, "environment": "dev"}`, "other.json#/environment environment "},
	} {
		docs := []Document{{Name: "p.json", Text: []byte(tt.text)}}
		if tt.name == "two environments" {
			docs = append(docs, Document{Name: "other.json", Text: edited(t, otherPack, edit{"/environment", `"prod"`})})
		}
		set, findings := Load(docs, LoadOptions{})
		if got := refusals(t, findings); set != nil || len(got) == 0 || got[len(got)-1] != tt.want && got[0] != tt.want {
			t.Errorf("%s: findings = %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A pack for another environment is no mistake; that it was left out is said.
func TestPacksForOtherEnvironmentsAreSkipped(t *testing.T) {
	docs := []Document{{Name: "p.json", Text: []byte(basePack)}, {Name: "q.json", Text: edited(t, otherPack, edit{"/environment", `"prod"`})}}
	set, findings := Load(docs, LoadOptions{Environment: "dev"})
	if set == nil || len(findings) != 1 || findings[0].Severity != Notice || findings[0].File != "q.json" {
		t.Fatalf("Load = %v, %v, want a set and one notice about q.json", set, findings)
	}
	if got := set.Packs(lintNow()); len(got) != 1 || got[0].Pack != "p" {
		t.Errorf("packs = %v, want p alone", got)
	}
}

// Lint says the same however often it is asked, in the same order.
func TestFindingsHaveOneOrder(t *testing.T) {
	bad := edited(t, basePack, edit{"/entitlements/0/limit", `{"parameter": "vendor", "by": "amount", "max": {"A": "1"}}`},
		edit{"/entitlements/0/match", ``}, edit{"/actions/1/parameters/vendor", `{"type": "string"}`}, edit{"/actions/2/parameters/vendor", `{"type": "string"}`}, edit{"/regions", `["EU", "EU"]`}, edit{"/risks", `["a", "a"]`}, edit{"/channels", `["a", "a"]`})
	_, first := Load([]Document{{Name: "p.json", Text: bad}}, LoadOptions{})
	for range 20 {
		_, again := Load([]Document{{Name: "p.json", Text: bad}}, LoadOptions{})
		if diff := gocmp.Diff(first, again); diff != "" {
			t.Fatalf("findings differ (-first +again):\n%s", diff)
		}
	}
}
