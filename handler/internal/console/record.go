package console

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// record is what pages show of a line of the audit log.
type record struct {
	DecisionID    string `json:"decisionId"`
	ApprovalID    string `json:"approvalId"`
	CorrelationID string `json:"correlationId"`
	Door          string `json:"door"`
	Mode          string `json:"mode"`
	TenantID      string `json:"tenantId"`
	AgentID       string `json:"agentId"`
	CallerApp     string `json:"callerApp"`
	UserID        string `json:"userId"`
	UserUPN       string `json:"userUPN"`
	Identity      string `json:"identity"`

	Action   string `json:"action"`
	Resource struct {
		Type           string `json:"type"`
		ID             string `json:"id"`
		Region         string `json:"region"`
		Classification string `json:"classification"`
	} `json:"resource"`
	Parameters json.RawMessage `json:"parameters"`
	Context    json.RawMessage `json:"context"`

	RequestDigest string `json:"requestDigest"`
	Decision      string `json:"decision"`
	Outcome       string `json:"outcome"`
	ReasonCode    string `json:"reasonCode"`
	Reason        string `json:"reason"`
	Comment       string `json:"comment"`

	Advice           []string `json:"advice"`
	PolicyIDs        []string `json:"policyIds"`
	Epoch            int64    `json:"epoch"`
	PolicyAgeSeconds int64    `json:"policyAgeSeconds"`
	Stale            bool     `json:"stale"`
	Packs            []struct {
		Pack    string `json:"pack"`
		Version int64  `json:"version"`
		Hash    string `json:"hash"`
	} `json:"packs"`
	ApprovalOutcome string `json:"approvalOutcome"`
}

// recordOf reads a line. What it cannot read stays empty: a member of another
// type is none that this program wrote.
func recordOf(e *audit.Entry) record {
	var r record
	_ = json.Unmarshal(e.Record, &r) // fills what it can
	return r
}

// user is the person of a record, as it says.
func (r *record) user() string {
	switch {
	case r.UserUPN != "" && r.UserID != "":
		return sheet.Visible(r.UserUPN + " (" + r.UserID + ")")
	case r.UserUPN != "" || r.UserID != "":
		return sheet.Visible(r.UserUPN + r.UserID)
	}
	return ""
}

func (r *record) resource() string {
	parts := []string{strings.TrimSpace(r.Resource.Type + " " + r.Resource.ID)}
	if r.Resource.Region != "" {
		parts = append(parts, "region "+r.Resource.Region)
	}
	if r.Resource.Classification != "" {
		parts = append(parts, "label "+r.Resource.Classification)
	}
	return sheet.Visible(strings.TrimPrefix(strings.Join(parts, ", "), ", "))
}

// indented is JSON for people, as visible text.
func indented(text json.RawMessage) string {
	var out bytes.Buffer
	if len(text) == 0 || json.Indent(&out, text, "", "  ") != nil {
		return ""
	}
	return sheet.Visible(out.String())
}

func stamp(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05.000 UTC") }
