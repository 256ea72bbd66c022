package policy

var limitCases = []warnCase{
	{
		name: "a wider entitlement", id: "entitlement.shadowed", pointer: "/entitlements/2", rule: "p/e",
		bad:  always(edit{"/entitlements/-", `{"id": "e", "roles": ["Manager"], "match": {"actions": ["Fetch"]}}`}),
		good: always(edit{"/entitlements/-", `{"id": "e", "roles": ["Manager"], "match": {"actions": ["Run"]}}`}),
	},
	{
		name: "two entitlements alike: the later one", id: "entitlement.shadowed", pointer: "/entitlements/2", rule: "p/e",
		bad:  always(edit{"/entitlements/-", `{"id": "e", "roles": ["*"], "match": {"actions": ["Fetch", "Read"]}}`}),
		good: always(edit{"/entitlements/-", `{"id": "e", "roles": ["*"], "match": {"actions": ["Fetch", "Run"]}}`}),
	},
	{
		name: "a lower limit for the same role", id: "entitlement.shadowed", pointer: "/entitlements/2", rule: "p/e",
		bad:  always(edit{"/entitlements/-", `{"id": "e", "roles": ["Analyst"], "match": {"actions": ["Create"]}, "limit": {"parameter": "amount", "by": "currency", "max": {"EUR": "50000"}}}`}),
		good: always(edit{"/entitlements/-", `{"id": "e", "roles": ["Analyst"], "match": {"actions": ["Create"]}, "limit": {"parameter": "amount", "by": "currency", "max": {"EUR": "50001"}}}`}),
	},
	{
		name: "a condition beside none", id: "entitlement.shadowed", pointer: "/entitlements/2", rule: "p/e",
		bad:  always(edit{"/entitlements/-", `{"id": "e", "roles": ["*"], "match": {"actions": ["Read"]}, "when": "user.verified"}`}),
		good: always(edit{"/entitlements/-", `{"id": "e", "roles": ["*"], "match": {"actions": ["Read"]}, "when": "user.verified"}`}, edit{"/entitlements/1/when", `"resource.region == \"EU\""`}),
	},
	{
		name: "narrower match keys", id: "entitlement.shadowed", pointer: "/entitlements/1", rule: "p/read",
		bad:  always(edit{"/entitlements/1/match/agents", `["bot"]`}, edit{"/entitlements/-", `{"id": "e", "roles": ["*"], "match": {"actions": ["Read", "Fetch"], "agents": ["b*"]}}`}),
		good: always(edit{"/entitlements/1/match/agents", `["bot"]`}, edit{"/entitlements/-", `{"id": "e", "roles": ["*"], "match": {"actions": ["Read", "Fetch"], "agents": ["b*"], "channels": ["web"]}}`}),
	},
	{
		name: "a wider entitlement that ends sooner", id: "entitlement.shadowed", pointer: "/entitlements/2", rule: "p/e",
		bad:  always(edit{"/entitlements/-", `{"id": "e", "roles": ["Manager"], "match": {"actions": ["Fetch"]}, "until": "2026-07-01T00:00:00Z"}`}, edit{"/entitlements/1/until", `"2026-07-01T00:00:00Z"`}),
		good: always(edit{"/entitlements/-", `{"id": "e", "roles": ["Manager"], "match": {"actions": ["Fetch"]}, "until": "2026-07-02T00:00:00Z"}`}, edit{"/entitlements/1/until", `"2026-07-01T00:00:00Z"`}),
	},
	{
		name: "a wider entitlement for other labels", id: "entitlement.shadowed", pointer: "/entitlements/2", rule: "p/e",
		bad:  always(edit{"/entitlements/1/match/classificationAtLeast", `"Confidential"`}, edit{"/entitlements/-", `{"id": "e", "roles": ["Manager"], "match": {"actions": ["Fetch"], "classifications": ["Restricted", "Confidential"]}}`}),
		good: always(edit{"/entitlements/1/match/classificationAtLeast", `"Confidential"`}, edit{"/entitlements/-", `{"id": "e", "roles": ["Manager"], "match": {"actions": ["Fetch"], "classifications": ["Restricted", "Internal"]}}`}),
	},
	{
		name: "no approval rule covers a limit", id: "limit.uncovered", pointer: "/entitlements/0/limit", rule: "p/create",
		bad:  always(edit{"/approvals/0/on", `["ask"]`}),
		good: always(edit{"/approvals/0/on", `["ask", "overLimit"]`}),
	},
	{
		name: "the approval rule is about other actions", id: "limit.uncovered", pointer: "/entitlements/0/limit", rule: "p/create",
		bad:  always(edit{"/approvals/0/match/actions", `["Read"]`}),
		good: always(edit{"/approvals/0/match/actions", `["Cre*"]`}),
	},
	{
		name: "the approval rule is about other regions", id: "limit.uncovered", pointer: "/entitlements/0/limit", rule: "p/create",
		bad:  always(edit{"/entitlements/0/match/regions", `["US"]`}, edit{"/approvals/0/match/regions", `["EU"]`}),
		good: always(edit{"/entitlements/0/match/regions", `["US"]`}, edit{"/approvals/0/match/regions", `["@regions"]`}),
	},
	{
		name: "a limit that the declaration does not exceed", id: "limit.uncovered", pointer: "/entitlements/0/limit", rule: "p/create",
		bad:  always(edit{"/approvals/0/on", `["always"]`}, edit{"/actions/0/parameters/amount/max", `"55000.01"`}, edit{"/entitlements/0/limit/max/EUR", `"60000"`}),
		good: always(edit{"/approvals/0/on", `["always"]`}, edit{"/actions/0/parameters/amount/max", `"55000"`}, edit{"/entitlements/0/limit/max/EUR", `"60000"`}),
	},
	{
		name: "no approval rule covers a guardrail that asks", id: "ask.uncovered", pointer: "/guardrails/0", rule: "p/g",
		bad:  always(edit{"/guardrails/-", `{"id": "g", "effect": "ask", "tools": ["Run(rm *)"]}`}, edit{"/approvals/-", `{"id": "a", "match": {"actions": ["Create"]}, "on": ["ask"], "approvers": ["role:Manager"]}`}),
		good: always(edit{"/guardrails/-", `{"id": "g", "effect": "ask", "tools": ["Run(rm *)"]}`}, edit{"/approvals/-", `{"id": "a", "match": {"actions": ["Run"]}, "on": ["ask"], "approvers": ["role:Manager"]}`}),
	},
	{
		name: "the approval rule names another ask", id: "ask.uncovered", pointer: "/thresholds/0", rule: "p/t",
		bad: always(edit{"/guardrails/-", `{"id": "g", "effect": "deny", "tools": ["Run(rm *)"]}`}, edit{"/thresholds/-", `{"id": "t", "match": {"actions": ["Read"]}, "value": "context.score", "askAbove": "1"}`},
			edit{"/thresholds/-", `{"id": "t2", "match": {"actions": ["Read"]}, "value": "context.score", "denyAbove": "9", "absent": "deny"}`}, edit{"/approvals/-", `{"id": "a", "on": ["ask:t2"], "approvers": ["role:Manager"]}`}),
		good: always(edit{"/thresholds/-", `{"id": "t", "match": {"actions": ["Read"]}, "value": "context.score", "askAbove": "1"}`}, edit{"/approvals/-", `{"id": "a", "on": ["ask:t"], "approvers": ["role:Manager"]}`}),
	},
	{
		name: "a threshold that asks where its value is absent", id: "ask.uncovered", pointer: "/thresholds/0", rule: "p/t",
		bad:  always(edit{"/thresholds/-", `{"id": "t", "match": {"actions": ["Read"]}, "value": "context.score", "denyAbove": "1", "absent": "ask"}`}),
		good: always(edit{"/thresholds/-", `{"id": "t", "match": {"actions": ["Read"]}, "value": "context.score", "denyAbove": "1"}`}),
	},
	{
		name: "an ask about another pack's action that this pack would cover: it may not", id: "ask.uncovered", pointer: "/guardrails/0", rule: "p/g", other: unchanged,
		bad:  always(edit{"/guardrails/-", `{"id": "g", "effect": "ask", "tools": ["Print"]}`}, edit{"/approvals/-", `{"id": "a", "on": ["ask"], "approvers": ["role:Manager"]}`}),
		good: always(edit{"/guardrails/-", `{"id": "g", "effect": "ask", "tools": ["Read"]}`}, edit{"/approvals/-", `{"id": "a", "on": ["ask"], "approvers": ["role:Manager"]}`}),
	},
	{
		name: "an approval rule that has ended covers nothing", id: "limit.uncovered", pointer: "/entitlements/0/limit", rule: "p/create",
		bad:  always(edit{"/approvals/0/from", `"2026-07-01T00:00:00Z"`}, edit{"/entitlements/0/until", `"2026-07-01T00:00:00Z"`}),
		good: always(edit{"/approvals/0/from", `"2026-06-30T00:00:00Z"`}, edit{"/entitlements/0/until", `"2026-07-01T00:00:00Z"`}),
	},
	{
		name: "a limited decimal without a scale", id: "limit.scale", pointer: "/actions/0/parameters/amount", rule: "p/create",
		bad:  always(edit{"/actions/0/parameters/amount/scale", ``}),
		good: always(edit{"/actions/0/parameters/amount", `{"type": "integer"}`}),
	},
	{
		name: "relay on a rule for overLimit", id: "approval.relayOverLimit", pointer: "/approvals/0/relay", rule: "p/over",
		bad:  always(edit{"/approvals/0/relay", `true`}),
		good: always(edit{"/approvals/-", `{"id": "a", "on": ["ask", "always"], "approvers": ["role:Manager"], "relay": true}`}),
	},
}
