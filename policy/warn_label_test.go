package policy

var labelCases = []warnCase{
	{
		name: "a label while higher ones are open", id: "label.gap", pointer: "/isolation/0/match", rule: "p/i",
		bad:  always(edit{"/isolation/-", `{"id": "i", "match": {"actions": ["Fetch"], "classifications": ["Confidential"]}}`}),
		good: always(edit{"/isolation/-", `{"id": "i", "match": {"actions": ["Fetch"], "classificationAtLeast": "Confidential"}}`}),
	},
	{
		name: "another rule covers the higher label", id: "label.gap", pointer: "/isolation/0/match", rule: "p/i",
		bad: always(edit{"/isolation/-", `{"id": "i", "match": {"actions": ["Fetch"], "classifications": ["Confidential"]}, "allowedRegions": ["EU"]}`},
			edit{"/isolation/-", `{"id": "j", "match": {"actions": ["Fetch"], "classifications": ["Restricted"]}, "parameter": "url", "allowedHosts": ["a.b"]}`}),
		good: always(edit{"/isolation/-", `{"id": "i", "match": {"actions": ["Fetch"], "classifications": ["Confidential"]}, "allowedRegions": ["EU"]}`},
			edit{"/isolation/-", `{"id": "j", "match": {"actions": ["F*"], "classifications": ["Restricted"]}, "allowedRegions": ["US"]}`}),
	},
	{
		name: "a denial covers everything", id: "label.gap", pointer: "/thresholds/0/match", rule: "p/t",
		bad: always(edit{"/actions/3/classification", `"Confidential"`}, edit{"/thresholds/-", `{"id": "t", "match": {"actions": ["Fetch"], "classifications": ["Confidential"]}, "value": "context.score", "denyAbove": "5"}`},
			edit{"/classification/-", `{"id": "c", "match": {"actions": ["Read"]}, "effect": "DENY"}`}),
		good: always(edit{"/actions/3/classification", `"Confidential"`}, edit{"/thresholds/-", `{"id": "t", "match": {"actions": ["Fetch"], "classifications": ["Confidential"]}, "value": "context.score", "denyAbove": "5"}`},
			edit{"/classification/-", `{"id": "c", "effect": "DENY"}`}),
	},
	{
		name: "a mask elsewhere does not cover", id: "label.gap", pointer: "/classification/0/match", rule: "p/c",
		bad: always(edit{"/classification/-", `{"id": "c", "match": {"actions": ["Create"], "classifications": ["Internal"]}, "effect": "MASK", "mask": [{"path": "output.a", "method": "redact"}]}`},
			edit{"/classification/-", `{"id": "d", "match": {"actions": ["Create"]}, "effect": "MASK", "mask": [{"path": "output.b", "method": "redact"}]}`}),
		good: always(edit{"/classification/-", `{"id": "c", "match": {"actions": ["Create"], "classifications": ["Internal"]}, "effect": "MASK", "mask": [{"path": "output.a", "method": "redact"}]}`},
			edit{"/classification/-", `{"id": "d", "match": {"actions": ["Create"]}, "effect": "MASK", "mask": [{"path": "output.a", "method": "redact"}]}`}),
	},
	{
		name: "a rule of conditions does not cover", id: "label.gap", pointer: "/approvals/1/match", rule: "p/a",
		bad: always(edit{"/approvals/-", `{"id": "a", "match": {"actions": ["Fetch"], "classifications": ["Confidential"]}, "on": ["always"], "approvers": ["role:Manager"]}`},
			edit{"/approvals/-", `{"id": "b", "when": "user.verified", "on": ["always"], "approvers": ["role:Manager"]}`}),
		good: always(edit{"/approvals/-", `{"id": "a", "match": {"actions": ["Fetch"], "classifications": ["Confidential"]}, "on": ["always"], "approvers": ["role:Manager"]}`},
			edit{"/approvals/-", `{"id": "b", "on": ["always"], "approvers": ["role:Manager"]}`}),
	},
	{
		name: "a mask above the default label", id: "label.default", pointer: "/classification/0/match", rule: "p/c",
		bad:  always(edit{"/classification/-", `{"id": "c", "match": {"actions": ["Read", "Fetch"], "classificationAtLeast": "Confidential"}, "effect": "MASK", "mask": [{"path": "output.a", "method": "redact"}]}`}),
		good: always(edit{"/classification/-", `{"id": "c", "match": {"actions": ["Read"], "classificationAtLeast": "Confidential"}, "effect": "MASK", "mask": [{"path": "output.a", "method": "redact"}]}`}),
	},
	{
		name: "no default label: a request without one is denied", id: "label.default", pointer: "/classification/0/match", rule: "p/c",
		bad:  always(edit{"/classification/-", `{"id": "c", "match": {"classificationAtLeast": "Confidential"}, "effect": "DENY"}`}),
		good: always(edit{"/classification/-", `{"id": "c", "match": {"classificationAtLeast": "Confidential"}, "effect": "DENY"}`}, edit{"/defaultClassification", ``}),
	},
	{
		name: "a rule up to the default label", id: "label.default", pointer: "/classification/0/match", rule: "p/c",
		bad:  always(edit{"/classification/-", `{"id": "c", "match": {"actions": ["Fetch"], "classifications": ["Public", "Confidential", "Restricted"]}, "effect": "DENY"}`}),
		good: always(edit{"/classification/-", `{"id": "c", "match": {"actions": ["Fetch"], "classifications": ["Internal", "Confidential", "Restricted"]}, "effect": "DENY"}`}),
	},
	{
		name: "another pack's default label", id: "label.default", pointer: "/classification/0/match", rule: "p/c",
		other: always(edit{"/classifications", `["Green", "Internal", "Restricted"]`}, edit{"/defaultClassification", `"Internal"`}),
		bad:   always(edit{"/classification/-", `{"id": "c", "match": {"actions": ["Print"], "classificationAtLeast": "Restricted"}, "effect": "DENY"}`}),
		good:  always(edit{"/classification/-", `{"id": "c", "match": {"actions": ["Print"], "classificationAtLeast": "Internal"}, "effect": "DENY"}`}),
	},
}

func maskOf(path, method string) edit {
	return edit{"/classification/-", `{"id": "c", "effect": "MASK", "mask": [{"path": "output.x", "method": "redact"}, {"path": "` + path + `", "method": "` + method + `"}]}`}
}

func misfit(name, bad, badMethod, good, goodMethod string, edits ...edit) warnCase {
	return warnCase{
		name: name, id: "mask.misfit", pointer: "/classification/0/mask/1/method", rule: "p/c",
		bad: append(always(maskOf(bad, badMethod)), edits...), good: append(always(maskOf(good, goodMethod)), edits...),
	}
}

func nowhere(name, bad, good string) warnCase {
	return warnCase{
		name: name, id: "mask.nowhere", pointer: "/classification/0/mask/1/path", rule: "p/c",
		bad: always(maskOf(bad, "redact")), good: always(maskOf(good, "redact")),
	}
}

var maskCases = []warnCase{
	misfit("a decimal cannot be redacted", "parameters.amount", "redact", "parameters.vendor", "redact"),
	misfit("a required parameter cannot be removed", "parameters.amount", "remove", "parameters.vendor", "remove"),
	misfit("an enumeration cannot be hashed", "parameters.currency", "hash", "parameters.iban", "hash"),
	misfit("a hash is 44 characters long", "parameters.vendor", "hash", "parameters.vendor", "last4"),
	misfit("last4 leaves up to eight characters", "parameters.vendor", "last4", "parameters.vendor", "redact", edit{"/actions/0/parameters/vendor/maxLength", `7`}),
	misfit("a pattern that only long values meet", "parameters.vendor", "last4", "parameters.vendor", "redact", edit{"/actions/0/parameters/vendor/pattern", `"\\*{3}|[*0-9]{8}"`}),
	misfit("a url cannot be redacted", "parameters.url", "redact", "parameters.url", "remove"),
	misfit("a command cannot be redacted", "parameters.command", "redact", "parameters.command", "remove"),
	misfit("a glob meets a decimal", "parameters.*", "redact", "parameters.*.iban", "redact"),
	misfit("items of a list", "parameters.tags.*", "hash", "parameters.tags.*", "last4", edit{"/actions/0/parameters/tags/maxLength", `8`}),
	nowhere("an unknown parameter", "parameters.ibann", "parameters.iban"),
	nowhere("something inside a text", "parameters.iban.country", "parameters.extra.country"),
	nowhere("something inside items of a list", "parameters.tags.*.name", "parameters.tags.0"),
}

func guards(deny string) edit {
	return edit{"/guardrails", `[{"id": "g", "effect": "deny", "tools": ["` + deny + `"]}, {"id": "h", "effect": "allow", "roles": ["*"], "tools": ["Run(az vm *)", "Run(ls *)"]}]`}
}

var spellingCases = []warnCase{
	{
		name: "an option beside a wide allow", id: "guardrail.optionSpelling", pointer: "/guardrails/0/tools/0", rule: "p/g",
		bad:  always(guards("Run(az vm delete --yes *)")),
		good: always(guards("Run(az storage delete --yes *)")),
	},
	{
		name: "no option", id: "guardrail.optionSpelling", pointer: "/guardrails/0/tools/0", rule: "p/g",
		bad:  always(guards("Run(ls -l*)")),
		good: always(guards("Run(ls secret *)")),
	},
	{
		name: "an allow for anything", id: "guardrail.optionSpelling", pointer: "/guardrails/0/tools/0", rule: "p/g",
		bad:  always(guards("Run(git push --force)"), edit{"/guardrails/1/tools/0", `"R*"`}),
		good: always(guards("Run(git push --force)")),
	},
}
