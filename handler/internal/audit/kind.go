package audit

import (
	"slices"
	"strings"
)

// Kind says what a record is about. All kinds are known from the first version
// of the record, whether or not this program writes them yet.
type Kind string

// The kinds of record v1.
const (
	KindSegmentOpened     Kind = "segment.opened"
	KindSegmentClosed     Kind = "segment.closed"
	KindDecision          Kind = "decision"
	KindPreview           Kind = "preview"
	KindRefused           Kind = "refused"
	KindReplayed          Kind = "replayed"
	KindApprovalOpened    Kind = "approval.opened"
	KindApprovalVoted     Kind = "approval.voted"
	KindApprovalApproved  Kind = "approval.approved"
	KindApprovalClosed    Kind = "approval.closed"
	KindApprovalConsumed  Kind = "approval.consumed"
	KindOutcome           Kind = "outcome"
	KindMask              Kind = "mask"
	KindApprovalRefused   Kind = "approval.refused"
	KindShadow            Kind = "shadow"
	KindPolicyPublished   Kind = "policy.published"
	KindPolicyRollout     Kind = "policy.rollout"
	KindPolicyActivated   Kind = "policy.activated"
	KindPolicyRejected    Kind = "policy.rejected"
	KindPolicySuspended   Kind = "policy.suspended"
	KindPolicyResumed     Kind = "policy.resumed"
	KindDirectorySynced   Kind = "directory.synced"
	KindAuditAcknowledged Kind = "audit.acknowledged"
	KindAnchorFailed      Kind = "anchor.failed"
)

// Kinds are all kinds of record v1, in the order of the design.
func Kinds() []Kind {
	return []Kind{
		KindSegmentOpened, KindSegmentClosed, KindDecision, KindPreview, KindRefused, KindReplayed,
		KindApprovalOpened, KindApprovalVoted, KindApprovalApproved, KindApprovalClosed, KindApprovalConsumed,
		KindOutcome, KindMask, KindApprovalRefused, KindShadow, KindPolicyPublished, KindPolicyRollout,
		KindPolicyActivated, KindPolicyRejected, KindPolicySuspended, KindPolicyResumed, KindDirectorySynced,
		KindAuditAcknowledged, KindAnchorFailed,
	}
}

// isDecision reports whether a record of this kind is a [Decision].
func (k Kind) isDecision() bool {
	return k == KindDecision || k == KindPreview || k == KindReplayed
}

// isEvent reports whether a record of this kind is an [Event]: every known one
// that has no type of its own.
func (k Kind) isEvent() bool {
	own := []Kind{KindSegmentOpened, KindSegmentClosed, KindRefused, KindApprovalOpened}
	return !k.isDecision() && !slices.Contains(own, k) && slices.Contains(Kinds(), k)
}

// isOfApproval reports whether a record of this kind tells what became of an
// approval.
func (k Kind) isOfApproval() bool { return strings.HasPrefix(string(k), "approval.") }
