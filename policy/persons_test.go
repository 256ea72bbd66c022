package policy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/policy"
)

// Every place in which a pack names people counts, each person once; groups
// and app roles name nobody.
func TestPersons(t *testing.T) {
	set := load(t, smallPack(
		`"roles": [{"id": "Reader", "members": ["user:ana@contoso.com", "user:BOB@contoso.com", "oid:`+oid(7)+`", "group:`+groupOne+`", "appRole:X", "agent:agent"]}]`,
		`"groups": {"`+groupOne+`": {"members": ["user:kim@contoso.com", "user:ana@contoso.com"]}}`,
		`"approvals": [{"id": "always", "on": ["always"], "approvers": ["role:Reader", "user:mia@contoso.com"],
			"escalate": {"after": "PT1H", "approvers": ["user:dora@contoso.com", "entitled"]}}]`,
	))
	want := []policy.User{
		{UPN: "ana@contoso.com"},
		{UPN: "bob@contoso.com"},
		{UPN: "dora@contoso.com"},
		{UPN: "kim@contoso.com"},
		{UPN: "mia@contoso.com"},
		{UPN: "omar@contoso.com"},
		{ID: oid(7)},
	}
	if diff := cmp.Diff(want, set.Persons(tenantOne, noon)); diff != "" {
		t.Errorf("Persons (-want +got):\n%s", diff)
	}
}

func TestPersonsOfNoPackInEffect(t *testing.T) {
	set := load(t, smallPack(`"effectiveFrom": "2026-01-01T00:00:00Z"`))
	for what, got := range map[string][]policy.User{
		"another tenant": set.Persons(tenantTwo, noon),
		"before":         set.Persons(tenantOne, time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)),
	} {
		if len(got) > 0 {
			t.Errorf("Persons(%s) = %v, want none", what, got)
		}
	}
}
