package gate

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Call is what an agent wants to do. Parameters, Context and
// Resource.Attributes are anything that encodes as a JSON object; amounts are
// best sent as strings such as "70000.00".
type Call struct {
	AgentID       string   `json:"agentId"`
	Action        string   `json:"action,omitempty"`
	Resource      Resource `json:"resource,omitzero"`
	Parameters    any      `json:"parameters,omitempty"`
	Context       any      `json:"context,omitempty"`
	TenantID      string   `json:"tenantId,omitempty"`
	UserUPN       string   `json:"userUPN,omitempty"`
	UserID        string   `json:"userId,omitempty"`
	CorrelationID string   `json:"correlationId,omitempty"` // made by the client where empty
	ApprovalID    string   `json:"approvalId,omitempty"`    // alone with AgentID it resumes the call it is of

	// IdempotencyKey belongs to one use of an approval: a repeat with the same
	// key gets the same answer again. The client makes one for every Ask and
	// Run and keeps it through its retries. Set it to go on after a crash.
	IdempotencyKey string `json:"-"`
}

// Resource is what a call is about.
type Resource struct {
	Type           string `json:"type,omitempty"`
	ID             string `json:"id,omitempty"`
	Region         string `json:"region,omitempty"`
	Classification string `json:"classification,omitempty"`
	TenantID       string `json:"tenantId,omitempty"`
	Attributes     any    `json:"attributes,omitempty"`
}

// complete gives a call the names that its retries keep.
func (c Call) complete() Call {
	if c.IdempotencyKey == "" {
		c.IdempotencyKey = rand.Text()
	}
	if c.CorrelationID == "" {
		// The answer that is given again under a key names the first request.
		sum := sha256.Sum256([]byte(c.IdempotencyKey))
		c.CorrelationID = hex.EncodeToString(sum[:16])
	}
	return c
}

func (c Call) body() ([]byte, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("gate: encode the call: %w", err)
	}
	return body, nil
}
