package approval_test

import (
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// Who cannot be told from somebody who voted has not voted: a token without a
// upn, as guests have, and a vote by mail without an object id share no name.
func TestNobodyReadsAsAVoterWhoMayBeSomebodyElse(t *testing.T) {
	w, s, a, nonces := relayed(t)
	w.named[""] = true // the rule names the address, the relay states no id
	if _, err := s.Vote(t.Context(), reader(relay()), answering(a, approval.Approve, "", "Mia@contoso.com", nonces["Mia@contoso.com"]), noon); err != nil {
		t.Fatalf("Vote = %v", err)
	}
	stranger := person("guest")
	_, err := s.Get(t.Context(), reader(stranger), a.ID, noon)
	wantError(t, "Get of a stranger without a upn", err, approval.ErrNotFound)
	_, err = s.Inspect(t.Context(), reader(stranger), a.ID, noon)
	wantError(t, "Inspect of a stranger without a upn", err, approval.ErrNotFound)
	voter := person("guest")
	voter.UPN = "mia@CONTOSO.com"
	if _, err := s.Get(t.Context(), reader(voter), a.ID, noon); err != nil {
		t.Errorf("Get of the one who voted = %v, want the approval", err)
	}
}
