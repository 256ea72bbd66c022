package policy

import "time"

const group = "22222222-2222-2222-2222-222222222222"

// synced is a group whose members were read at an instant.
func synced(at string) edit {
	return edit{"/groups/" + group, `{"members": ["user:kim@contoso.com"], "syncedAt": "` + at + `"}`}
}

var peopleCases = []warnCase{
	{
		name: "read more than seven days ago", id: "groups.stale", pointer: "/groups/" + group + "/syncedAt",
		bad:  always(synced(lintNow().Add(-7*24*time.Hour - time.Second).Format(time.RFC3339))),
		good: always(synced(lintNow().Add(-7 * 24 * time.Hour).Format(time.RFC3339))),
	},
	{
		name: "read at a time to come", id: "groups.stale", pointer: "/groups/" + group + "/syncedAt",
		bad:  always(synced(lintNow().Add(time.Hour + time.Second).Format(time.RFC3339))),
		good: always(synced(lintNow().Add(time.Hour).Format(time.RFC3339))),
	},
	{
		name: "a role without members", id: "role.empty", pointer: "/roles/2",
		bad:  always(edit{"/roles/-", `{"id": "Clerk"}`}),
		good: always(edit{"/roles/-", `{"id": "Clerk", "members": ["appRole:Clerk"]}`}),
	},
	{
		name: "a role of an empty group", id: "role.empty", pointer: "/roles/2",
		bad:  always(edit{"/roles/-", `{"id": "Clerk", "members": ["group:` + group + `"]}`}, edit{"/groups/" + group, `{"members": []}`}),
		good: always(edit{"/roles/-", `{"id": "Clerk", "members": ["group:` + group + `"]}`}, edit{"/groups/" + group, `{"members": ["user:kim@contoso.com"]}`}),
	},
	{
		name: "a role of an agent that always acts for a user", id: "role.empty", pointer: "/roles/2",
		bad:  always(edit{"/roles/-", `{"id": "Clerk", "members": ["agent:bot"]}`}),
		good: always(edit{"/roles/-", `{"id": "Clerk", "members": ["agent:bot"]}`}, edit{"/agents/0/users", `["verified", "none"]`}),
	},
	{
		name: "a role through a group that nobody tells of", id: "role.assertedOnly", pointer: "/roles/0", rule: "p/create",
		bad:  always(edit{"/roles/0/members", `["group:` + group + `", "appRole:Analyst"]`}, edit{"/agents/0/users", `["asserted"]`}),
		good: always(edit{"/roles/0/members", `["group:` + group + `", "appRole:Analyst"]`}, edit{"/agents/0/users", `["verified", "asserted"]`}),
	},
	{
		name: "a role through a group with a snapshot", id: "role.assertedOnly", pointer: "/roles/0", rule: "p/create",
		bad:  always(edit{"/roles/0/members", `["group:` + group + `"]`}, edit{"/agents/0/users", `["asserted"]`}),
		good: always(edit{"/roles/0/members", `["group:` + group + `"]`}, edit{"/agents/0/users", `["asserted"]`}, edit{"/groups/" + group, `{"members": ["user:kim@contoso.com"]}`}),
	},
	{
		name: "a role that only an approval needs", id: "role.assertedOnly", pointer: "/roles/1", rule: "p/g",
		bad: always(edit{"/roles/1/members", `["appRole:Manager"]`}, edit{"/approvals/0/notify", `["mailto:x@contoso.com"]`}, edit{"/agents/0/users", `["asserted"]`},
			edit{"/guardrails/-", `{"id": "g", "effect": "allow", "roles": ["Manager"], "tools": ["Run(ls)"]}`}),
		good: always(edit{"/roles/1/members", `["appRole:Manager"]`}, edit{"/approvals/0/notify", `["mailto:x@contoso.com"]`}, edit{"/agents/0/users", `["asserted"]`}),
	},
	{
		name: "approvers by object id only", id: "approval.noMail", pointer: "/approvals/0", rule: "p/over",
		bad:  always(edit{"/approvals/0/approvers", `["oid:33333333-3333-3333-3333-333333333333", "oid:44444444-3333-3333-3333-333333333333"]`}),
		good: always(edit{"/approvals/0/approvers", `["oid:33333333-3333-3333-3333-333333333333", "user:mia@contoso.com"]`}),
	},
	{
		name: "entitled approvers", id: "approval.noMail", pointer: "/approvals/0", rule: "p/over",
		bad:  always(edit{"/approvals/0/approvers", `["entitled"]`}),
		good: always(edit{"/approvals/0/approvers", `["entitled"]`}, edit{"/approvals/0/notify", `["mailto:po@contoso.com"]`}),
	},
	{
		name: "notify names nobody", id: "approval.noMail", pointer: "/approvals/0", rule: "p/over",
		bad:  always(edit{"/approvals/0/notify", `[]`}),
		good: always(edit{"/approvals/0/notify", `["mailto:po@contoso.com"]`}),
	},
	{
		name: "a group without a mail", id: "approval.noMail", pointer: "/approvals/0", rule: "p/over",
		bad:  always(edit{"/roles/1/members", `["group:` + group + `"]`}),
		good: always(edit{"/roles/1/members", `["group:` + group + `"]`}, edit{"/groups/" + group, `{"mail": "po@contoso.com", "members": ["user:kim@contoso.com", "user:lee@contoso.com"]}`}),
	},
	{
		name: "an escalation that tells nobody", id: "approval.noMail", pointer: "/approvals/0/escalate", rule: "p/over",
		bad:  always(edit{"/approvals/0/escalate", `{"after": "PT1H", "approvers": ["entitled"]}`}),
		good: always(edit{"/approvals/0/escalate", `{"after": "PT1H", "approvers": ["entitled", "role:Analyst"]}`}),
	},
	{
		name: "a single named approver", id: "approval.singleApprover", pointer: "/approvals/0/approvers", rule: "p/over",
		bad:  always(edit{"/roles/1/members", `["user:mia@contoso.com"]`}),
		good: always(edit{"/roles/1/members", `["user:mia@contoso.com", "appRole:Manager"]`}),
	},
	{
		name: "a single approver is left", id: "approval.singleApprover", pointer: "/approvals/0/approvers", rule: "p/over",
		bad:  always(edit{"/approvals/0/exclude", `["user:MIA@contoso.com"]`}),
		good: always(edit{"/approvals/0/exclude", `["user:ana@contoso.com"]`}),
	},
	{
		name: "an escalation adds a second approver", id: "approval.singleApprover", pointer: "/approvals/0/approvers", rule: "p/over",
		bad:  always(edit{"/approvals/0/approvers", `["user:mia@contoso.com"]`}),
		good: always(edit{"/approvals/0/approvers", `["user:mia@contoso.com"]`}, edit{"/approvals/0/escalate", `{"after": "PT1H", "approvers": ["user:max@contoso.com"]}`}),
	},
	{
		name: "all approvers are excluded", id: "approval.excluded", pointer: "/approvals/0/exclude", rule: "p/over",
		bad:  always(edit{"/approvals/0/exclude", `["role:Manager"]`}),
		good: always(edit{"/approvals/0/exclude", `["role:Analyst"]`}),
	},
	{
		name: "an application for agents of unequal actions", id: "caller.unequal", pointer: "/agents/1/callers/0",
		bad:  always(edit{"/agents/-", `{"id": "second", "actions": ["Fetch"], "callers": ["app:AAAAAAAA-0000-4000-8000-000000000001"]}`}),
		good: always(edit{"/agents/-", `{"id": "second", "actions": ["Fetch", "Run", "Read", "Create"], "callers": ["app:AAAAAAAA-0000-4000-8000-000000000001"]}`}),
	},
	{
		name: "an application for agents of two packs", id: "caller.unequal", pointer: "/agents/0/callers/0", file: "q.json", other: always(edit{"/agents/0/callers/0", `"app:aaaaaaaa-0000-4000-8000-000000000001"`}),
		good: always(edit{"/agents/0/callers/0", `"app:cccccccc-0000-4000-8000-000000000001"`}),
	},
}
