package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Header is where a grant travels to a tool that speaks HTTP.
const Header = "Fabric-Grant"

// Expect says which grants a tool takes. Issuer and Audience are required.
type Expect struct {
	Issuer   string // public address of the service, such as https://fabric.example
	Audience string // of the action, else the name of the environment
	// Leeway is how far the clocks of service and tool may differ; 0: 10 s. A
	// grant ends that much before its exp: leeway never makes one live longer.
	Leeway time.Duration
	// Uses remembers what was used; nil: a [Memory] of this process. A tool of
	// several processes needs one that they share, or each of them takes the
	// same grant once.
	Uses Uses
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// ToolCall is what a tool is about to do, in its own words and never in those
// of the grant. Parameters are those it will really run with: a struct, a map
// or JSON text as [json.RawMessage], which must be one object.
type ToolCall struct {
	Action       string
	ResourceType string
	ResourceID   string
	Parameters   any
}

// Granted is what a grant says that was checked and is now used.
type Granted struct {
	Agent       string
	UserID      string
	UserUPN     string
	Application string
	Tenant      string
	DecisionID  string
	ApprovalID  string
	Obligations []Obligation // the tool applies those of output. or leaves it to its caller
	Expires     time.Time
}

// ErrGrant is wrapped by whatever [Checker.Check] refuses. The call must not
// run.
var ErrGrant = errors.New("the grant does not permit this call")

// Checker checks grants without asking the service. It is safe for concurrent
// use.
type Checker struct {
	keys   grant.Keys
	expect Expect
}

const defaultLeeway = 10 * time.Second

// NewChecker makes a checker over the public keys of the service.
func NewChecker(keys Keys, e Expect) (*Checker, error) {
	if keys.set == nil || e.Issuer == "" || e.Audience == "" {
		return nil, errors.New("gate: a checker needs keys, an issuer and an audience")
	}
	if e.Leeway == 0 {
		e.Leeway = defaultLeeway
	}
	if e.Uses == nil {
		e.Uses = NewMemory(0)
	}
	if e.Now == nil {
		e.Now = time.Now
	}
	return &Checker{keys.set, e}, nil
}

// Check checks a grant against what the tool is about to do, and uses it up:
// of any number of checks of one grant, one succeeds. A grant that is refused
// for another reason is not used up. Every error wraps [ErrGrant].
func (c *Checker) Check(ctx context.Context, token string, call ToolCall) (Granted, error) {
	parameters, err := objectOf(call.Parameters)
	if err != nil {
		return Granted{}, err
	}
	claims, err := grant.Verify(ctx, token, c.keys, grant.Expected{
		Issuer: c.expect.Issuer, Audience: c.expect.Audience, Now: c.expect.Now(), Leeway: c.expect.Leeway,
	})
	if err != nil {
		return Granted{}, fmt.Errorf("gate: %w: %w", ErrGrant, err)
	}
	if err := claims.Permits(grant.Call{Action: call.Action, ResourceType: call.ResourceType, ResourceID: call.ResourceID}, parameters); err != nil {
		return Granted{}, fmt.Errorf("gate: %w: %w", ErrGrant, err)
	}
	if err := c.expect.Uses.Use(ctx, claims.DecisionID, claims.Expires, c.expect.Now()); err != nil {
		return Granted{}, fmt.Errorf("gate: %w: %w", ErrGrant, err)
	}
	g := Granted{
		Agent: claims.Agent, UserID: claims.User.ID, UserUPN: claims.User.UPN, Application: claims.Application, Tenant: claims.Tenant,
		DecisionID: claims.DecisionID, ApprovalID: claims.ApprovalID, Expires: claims.Expires,
	}
	for _, o := range claims.Obligations {
		g.Obligations = append(g.Obligations, Obligation(o))
	}
	return g, nil
}

// replaced finds what [json.Marshal] writes in the place of what is not UTF-8:
// an escape that it uses for nothing else.
var replaced = regexp.MustCompile(`(^|[^\\])(\\\\)*\\ufffd`)

// objectOf reads parameters as the service does: strictly, as one object.
func objectOf(parameters any) (strictjson.Value, error) {
	text, isText := parameters.(json.RawMessage)
	if !isText {
		var err error
		if text, err = json.Marshal(parameters); err != nil {
			return strictjson.Value{}, fmt.Errorf("gate: %w: encode the parameters: %w", ErrGrant, err)
		}
		if replaced.Match(text) {
			return strictjson.Value{}, fmt.Errorf("gate: %w: the parameters are not UTF-8", ErrGrant)
		}
	}
	v, err := strictjson.Parse(text, answerLimits)
	if err != nil {
		return strictjson.Value{}, fmt.Errorf("gate: %w: the parameters: %w", ErrGrant, err)
	}
	if v.Kind() != strictjson.Object {
		return strictjson.Value{}, fmt.Errorf("gate: %w: the parameters are no JSON object", ErrGrant)
	}
	return v, nil
}

// FromRequest is the one grant that a request carries. The error wraps
// [ErrGrant].
func FromRequest(r *http.Request) (string, error) {
	values := r.Header.Values(Header)
	if len(values) != 1 || values[0] == "" {
		return "", fmt.Errorf("gate: %w: the request carries no grant in the header %s, or several", ErrGrant, Header)
	}
	return values[0], nil
}
