package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// ApprovalVoter takes votes: [approval.Service].
type ApprovalVoter interface {
	Vote(ctx context.Context, r approval.Reader, b approval.Ballot, now time.Time) (approval.Approval, error)
}

// Callback is POST /api/approval-callback: one vote, of the person who signed
// in or of the one whose answer to a mail the relay passes on.
func Callback(votes ApprovalVoter, o ApprovalOptions) Handler {
	return func(w http.ResponseWriter, r *http.Request, p identity.Principal) error {
		body, err := readJSON(r)
		if err != nil {
			return err
		}
		ballot, err := DecodeBallot(body)
		if err != nil {
			return err
		}
		a, err := votes.Vote(r.Context(), approval.Reader{Principal: p, Tenant: p.Tenant}, ballot, o.now())
		if err != nil {
			return err
		}
		writeApproval(w, &a, o.PublicURL)
		return nil
	}
}

// Names of the contract, for messages; nobody changes them.
var (
	ballotNames    = []string{"approvalId", "vote", "requestDigest", "comment", "responder"}
	responderNames = []string{"userId", "userTenantId", "email", "nonce"}
)

// DecodeBallot reads the body of POST /api/approval-callback. Nothing but the
// two words of the contract is a vote. The error is a [*Problem] that lists
// what is wrong and where.
func DecodeBallot(body []byte) (approval.Ballot, error) {
	members, err := parseObject(body)
	if err != nil {
		return approval.Ballot{}, err
	}
	var d ballotDecoder
	for _, m := range members {
		d.member(m)
	}
	b := &d.ballot
	d.need("/approvalId", b.ApprovalID)
	d.need("/vote", string(b.Choice))
	d.need("/requestDigest", b.Digest)
	if err := d.err(); err != nil {
		return approval.Ballot{}, err
	}
	return d.ballot, nil
}

type ballotDecoder struct {
	fields

	ballot approval.Ballot
}

func (d *ballotDecoder) member(m strictjson.Member) {
	b := &d.ballot
	switch m.Name {
	case "approvalId":
		b.ApprovalID = d.text("/approvalId", m.Value, free)
	case "vote":
		b.Choice = approval.Choice(d.text("/vote", m.Value, choice))
	case "requestDigest":
		b.Digest = d.text("/requestDigest", m.Value, identifier)
	case "comment":
		b.Comment = d.text("/comment", m.Value, prose(approval.MaxComment))
	case "responder":
		d.responder(m.Value)
	default:
		d.unknown("", m.Name, ballotNames)
	}
}

// choice is a vote, spelled exactly.
func choice(s string) string {
	switch approval.Choice(s) {
	case approval.Approve, approval.Deny:
		return ""
	}
	return "must be approve or deny, spelled exactly so"
}

// responder reads who answered a mail. One that is there is one even when it
// is empty: who may name somebody else is not for the decoder to say.
func (d *ballotDecoder) responder(v strictjson.Value) {
	if d.object("/responder", v).Kind() != strictjson.Object {
		return
	}
	var r approval.Responder
	for _, m := range v.Members() {
		switch m.Name {
		case "userId":
			r.UserID = d.text("/responder/userId", m.Value, free)
		case "userTenantId":
			r.TenantID = d.text("/responder/userTenantId", m.Value, identifier)
		case "email":
			r.Email = d.text("/responder/email", m.Value, free)
		case "nonce":
			r.Nonce = d.text("/responder/nonce", m.Value, identifier)
		default:
			d.unknown("/responder", m.Name, responderNames)
		}
	}
	d.ballot.Responder = &r
}
