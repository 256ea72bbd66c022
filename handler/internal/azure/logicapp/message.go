package logicapp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/mail"
)

// message is the body of one request, schema 1. Every member is always there.
type message struct {
	Schema        int    `json:"schema"`
	MessageID     string `json:"messageId"` // the same if it comes again
	Environment   string `json:"environment"`
	Kind          string `json:"kind"` // asked, reminder, escalated, passedOn, outcome
	Recipient     string `json:"recipient"`
	ApprovalID    string `json:"approvalId"`
	TenantID      string `json:"tenantId"`
	RequestDigest string `json:"requestDigest"`
	Status        string `json:"status"`

	Subject  string `json:"subject"`
	HTML     string `json:"html"`
	Text     string `json:"text"`
	Link     string `json:"link"`     // of the page where the reader signs in
	Deadline string `json:"deadline"` // RFC 3339; "" once nothing is waited for

	// Relay says that the reader's answer to the mail may be passed on as a
	// vote, one of Options with Nonce. Otherwise these two are empty, and the
	// mail offers the page only.
	Relay   bool     `json:"relay"`
	Options []string `json:"options"`
	Nonce   string   `json:"nonce"`
}

// encode is the body of a message.
func (n *Notifier) encode(m *approval.Message, letter *mail.Composed) ([]byte, error) {
	out := message{
		Schema: 1, MessageID: letter.ID, Environment: n.o.Environment, Kind: string(m.Kind), Recipient: m.Recipient,
		ApprovalID: m.Approval.ID, TenantID: m.Document.Tenant, RequestDigest: m.Approval.Digest, Status: m.Approval.Status.String(),
		Subject: letter.Subject, HTML: letter.HTML, Text: letter.Text, Link: letter.Link, Options: []string{},
	}
	if m.Approval.Status == approval.Pending {
		out.Deadline = m.Approval.ApproveBy.UTC().Format(time.RFC3339)
	}
	if answerable(m, letter) {
		out.Relay, out.Nonce = true, m.Nonce
		out.Options = []string{string(approval.Approve), string(approval.Deny)}
	}
	body, err := json.Marshal(&out)
	if err != nil {
		return nil, fmt.Errorf("%w: it cannot be written", approval.ErrRejected)
	}
	return body, nil
}

// answerable reports whether a vote may come back by this mail: it shows all
// there is to know, and a rule that names its reader takes votes by mail. The
// rule is asked again when the vote comes.
func answerable(m *approval.Message, letter *mail.Composed) bool {
	if letter.Cut || m.Kind == approval.NoticeOutcome || m.Approval.Status != approval.Pending || m.Approval.ID != m.Document.ID() {
		return false
	}
	return slices.ContainsFunc(m.Document.Current.Requirements, func(r approval.Requirement) bool {
		return r.Relay && tells(&r, m.Recipient)
	})
}

// tells reports whether a requirement has somebody told, or will.
func tells(r *approval.Requirement, recipient string) bool {
	told := r.Notify
	if r.Escalate != nil {
		told = slices.Concat(told, r.Escalate.Notify)
	}
	return slices.ContainsFunc(told, func(to string) bool { return strings.EqualFold(to, "mailto:"+recipient) })
}
