package authorize

import (
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/policy"
)

// Limit is a person's own largest limit for the call of an approval, by today's
// policy: a plain decimal and its unit, or unlimited. It is not ok where the
// person has none or it may not be told.
func (a *Approvers) Limit(u policy.User, d *approval.Document, now time.Time) (limit, unit string, unlimited, ok bool) {
	set := a.policies.Active(now).For(d.Current.Agent).Set
	in, err := a.frozen(d, now)
	if set == nil || err != nil {
		return "", "", false, false
	}
	return set.LimitOf(in, u)
}

// Title is an entry of a rule's approvers in words, by today's policy: a cohort
// that has words for it is asked before those that have its bare id.
func (a *Approvers) Title(policyID, approver string, now time.Time) string {
	title, bare := approver, approver
	if _, id, ok := strings.Cut(approver, ":"); ok {
		bare = id
	}
	for _, set := range a.policies.Active(now).Sets() {
		if title = set.ApproverTitle(policyID, approver); title != bare {
			break
		}
	}
	return title
}
