package policy

var reachCases = []warnCase{
	{
		name: "a rule has ended", id: "rule.expired", pointer: "/entitlements/1/until", rule: "p/read",
		bad:  always(edit{"/entitlements/1/until", `"2026-06-01T09:00:00Z"`}),
		good: always(edit{"/entitlements/1/until", `"2026-06-01T09:00:01Z"`}),
	},
	{
		name: "a pack has ended", id: "pack.expired", pointer: "/effectiveTo",
		bad:  always(edit{"/effectiveTo", `"2026-06-01T09:00:00Z"`}),
		good: always(edit{"/effectiveTo", `"2026-06-01T09:00:01Z"`}),
	},
	{
		name: "a rule begins after its pack", id: "rule.never", pointer: "/entitlements/1/from", rule: "p/read",
		bad:  always(edit{"/effectiveTo", `"2026-07-01T00:00:00Z"`}, edit{"/entitlements/1/from", `"2026-07-01T00:00:00Z"`}),
		good: always(edit{"/effectiveTo", `"2026-07-01T00:00:00Z"`}, edit{"/entitlements/1/from", `"2026-06-30T00:00:00Z"`}),
	},
	{
		name: "a rule ends before its pack begins", id: "rule.never", pointer: "/entitlements/1/until", rule: "p/read",
		bad:  always(edit{"/effectiveFrom", `"2026-07-01T00:00:00Z"`}, edit{"/entitlements/1/until", `"2026-07-01T00:00:00Z"`}),
		good: always(edit{"/effectiveFrom", `"2026-07-01T00:00:00Z"`}, edit{"/entitlements/1/until", `"2026-07-02T00:00:00Z"`}),
	},
	{
		name: "a condition is false", id: "rule.never", pointer: "/entitlements/1/when", rule: "p/read",
		bad:  always(edit{"/entitlements/1/when", `"false"`}),
		good: always(edit{"/entitlements/1/when", `"1 == 2"`}), // nobody writes that by mistake
	},
	{
		name: "an empty list", id: "rule.never", pointer: "/entitlements/1/match/regions", rule: "p/read",
		bad:  always(edit{"/entitlements/1/match/regions", `[]`}),
		good: always(edit{"/entitlements/1/match/regions", `["EU"]`}),
	},
	{
		name: "a named list that is empty", id: "rule.never", pointer: "/entitlements/1/match/actions", rule: "p/read",
		bad:  always(edit{"/entitlements/1/match/actions", `["@none"]`}),
		good: always(edit{"/entitlements/1/match/actions", `["@none", "Read"]`}),
	},
	{
		name: "an entitlement for nobody", id: "rule.never", pointer: "/entitlements/1/roles", rule: "p/read",
		bad:  always(edit{"/entitlements/1/roles", `[]`}),
		good: always(edit{"/entitlements/1/roles", `["Analyst"]`}),
	},
	{
		name: "no thread", id: "rule.never", pointer: "/guardrails/0/threads", rule: "p/g",
		bad:  always(edit{"/guardrails/-", `{"id": "g", "effect": "deny", "tools": ["Read"], "threads": []}`}),
		good: always(edit{"/guardrails/-", `{"id": "g", "effect": "deny", "tools": ["Read"], "threads": ["t-1"]}`}),
	},
	{
		name: "no tool", id: "rule.never", pointer: "/guardrails/0/tools", rule: "p/g",
		bad:  always(edit{"/guardrails/-", `{"id": "g", "effect": "deny", "tools": []}`}),
		good: always(edit{"/guardrails/-", `{"id": "g", "effect": "deny", "tools": ["Read"]}`}),
	},
	{
		name: "labels below classificationAtLeast", id: "rule.never", pointer: "/entitlements/1/match/classificationAtLeast", rule: "p/read",
		bad:  always(edit{"/entitlements/1/match", `{"actions": ["Fetch"], "classifications": ["Public", "Internal"], "classificationAtLeast": "Confidential"}`}),
		good: always(edit{"/entitlements/1/match", `{"actions": ["Fetch"], "classifications": ["Public", "Internal"], "classificationAtLeast": "Internal"}`}),
	},
	{
		name: "labels below the floor of every action", id: "rule.never", pointer: "/entitlements/1/match", rule: "p/read",
		bad:  always(edit{"/entitlements/1/match", `{"actions": ["Read"], "classifications": ["Internal", "Confidential"]}`}),
		good: always(edit{"/entitlements/1/match", `{"actions": ["Read", "Fetch"], "classifications": ["Internal", "Confidential"]}`}),
	},
	{
		name: "another pack's floor is in another list of labels", id: "rule.never", pointer: "/approvals/1/match", rule: "p/a",
		other: always(edit{"/classifications", `["Green", "Amber", "Red"]`}, edit{"/actions/0/classification", `"Red"`}),
		bad:   always(edit{"/approvals/-", `{"id": "a", "match": {"actions": ["Read"], "classifications": ["Internal"]}, "on": ["ask"], "approvers": ["role:Manager"]}`}),
		good:  always(edit{"/approvals/-", `{"id": "a", "match": {"actions": ["Print"], "classifications": ["Internal"]}, "on": ["ask"], "approvers": ["role:Manager"]}`}),
	},
	{
		name: "an entitlement for no action", id: "rule.never", pointer: "/entitlements/1/match", rule: "p/read",
		bad:  always(edit{"/entitlements/1/match", `{"actions": ["Reed*"]}`}),
		good: always(edit{"/entitlements/1/match", `{"actions": ["Rea*"]}`}),
	},
	{
		name: "an entitlement for another pack's action", id: "rule.never", pointer: "/entitlements/1/match", rule: "p/read", other: unchanged,
		bad:  always(edit{"/entitlements/1/match", `{"actions": ["Print*"]}`}),
		good: always(edit{"/entitlements/1/match", `{"actions": ["Print*", "R*"]}`}),
	},
	{
		name: "an action of another resource type", id: "rule.never", pointer: "/isolation/0/match", rule: "p/i",
		bad:  always(edit{"/isolation/-", `{"id": "i", "match": {"actions": ["Read"], "resources": ["Order"]}}`}),
		good: always(edit{"/isolation/-", `{"id": "i", "match": {"actions": ["Read"], "resources": ["Order", "Vend*"]}}`}),
	},
	{
		name: "a command pattern for an action without a command", id: "rule.never", pointer: "/guardrails/0/tools/1", rule: "p/g",
		bad:  always(edit{"/guardrails/-", `{"id": "g", "effect": "deny", "tools": ["Run(rm *)", "Read(rm *)"]}`}),
		good: always(edit{"/guardrails/-", `{"id": "g", "effect": "deny", "tools": ["Run(rm *)", "R*(rm *)"]}`}),
	},
	{
		name: "an allow pattern for an action that it may not reach", id: "rule.never", pointer: "/guardrails/0/tools/1", rule: "p/g",
		bad:  always(edit{"/guardrails/-", `{"id": "g", "effect": "allow", "roles": ["*"], "tools": ["Run(ls)", "Create"]}`}),
		good: always(edit{"/guardrails/-", `{"id": "g", "effect": "allow", "roles": ["*"], "tools": ["Run(ls)", "R*(pwd)"]}`}),
	},
	{
		name: "an agent that nobody declares", id: "rule.never", pointer: "/isolation/0/match/agents", rule: "p/i", other: unchanged,
		bad:  always(edit{"/isolation/-", `{"id": "i", "match": {"agents": ["bott"]}}`}),
		good: always(edit{"/isolation/-", `{"id": "i", "match": {"agents": ["bot*"]}}`}),
	},
	{
		name: "an agent that does not expose the action", id: "rule.never", pointer: "/guardrails/0/agents", rule: "p/g", other: unchanged,
		bad:  always(edit{"/guardrails/-", `{"id": "g", "effect": "deny", "tools": ["Read"], "agents": ["robot"]}`}),
		good: always(edit{"/guardrails/-", `{"id": "g", "effect": "deny", "tools": ["Read", "Print"], "agents": ["robot"]}`}),
	},
	{
		name: "a restricting rule names an unknown action", id: "action.undeclared", pointer: "/isolation/0/match/actions/1", rule: "p/i",
		bad:  always(edit{"/isolation/-", `{"id": "i", "match": {"actions": ["Read", "Print"]}}`}),
		good: always(edit{"/isolation/-", `{"id": "i", "match": {"actions": ["Read", "Fetch"]}}`}),
	},
	{
		name: "a guardrail names an unknown tool", id: "action.undeclared", pointer: "/guardrails/0/tools/0", rule: "p/g",
		bad:  always(edit{"/guardrails/-", `{"id": "g", "effect": "deny", "tools": ["Planner.*", "Run(rm *)"]}`}),
		good: always(edit{"/guardrails/-", `{"id": "g", "effect": "deny", "tools": ["Fet*", "Run(rm *)"]}`}),
	},
	{
		name: "an unknown action, with another pack that does not declare it either", id: "action.undeclared", pointer: "/thresholds/0/match/actions/0", rule: "p/t", other: unchanged,
		bad:  always(edit{"/thresholds/-", `{"id": "t", "match": {"actions": ["Prin"]}, "value": "context.score", "denyAbove": "1"}`}),
		good: always(edit{"/thresholds/-", `{"id": "t", "match": {"actions": ["Print"]}, "value": "context.score", "denyAbove": "1"}`}),
	},
	{
		name: "an action that no agent exposes", id: "action.unexposed", pointer: "/actions/3",
		bad:  always(edit{"/agents/0/actions", `["Create", "Read", "Run"]`}),
		good: always(edit{"/agents/-", `{"id": "second", "actions": ["Fetch"]}`}),
	},
}
