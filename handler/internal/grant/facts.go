package grant

import (
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Facts are what a grant says: one decision, for one call.
type Facts struct {
	Audience      string // the action's, else the environment
	Agent         string
	User          policy.User // zero: nobody
	Application   string      // that asked
	Tenant        string
	Action        string
	ResourceType  string
	ResourceID    string
	Effective     strictjson.Value // effectiveParameters as returned, an object
	Obligations   []policy.Obligation
	DecisionID    string // the grant's jti
	RequestDigest string
	ApprovalID    string   // "" where none was used
	PolicyHashes  []string // rules hashes
	Now           time.Time
	NotAfter      time.Time // the approval's executeBy; zero where none was used
}
