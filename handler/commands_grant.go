package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

type grantVerifyCommand struct {
	Token      string  `arg:"" help:"The grant, or - to read it from standard input."`
	JWKS       string  `name:"jwks" help:"Key set of the service: a file, or the address it is published at." placeholder:"FILE|URL"`
	Data       string  `help:"Data directory of the service, instead of a key set; .fabric if both are left out." type:"path" placeholder:"DIR"`
	Issuer     *string `help:"Demand this issuer: the service's public address." placeholder:"URL"`
	Audience   *string `help:"Demand this audience." placeholder:"NAME"`
	Action     *string `help:"Demand that the grant is for this action." placeholder:"NAME"`
	Type       *string `help:"Demand that it is for a resource of this type." placeholder:"NAME"`
	Resource   *string `help:"Demand that it is for the resource of this id." placeholder:"ID"`
	Parameters string  `help:"Demand that it is for these parameters: a file with one JSON object." placeholder:"FILE"`
	At         string  `help:"Check it as of this instant; now if left out." placeholder:"RFC3339"`
	JSON       bool    `help:"Print JSON."`
}

func (grantVerifyCommand) Help() string {
	return "Needs the public keys alone. Exits with 1 if the grant does not count. What is not demanded is only printed;\n" +
		"whether the grant was used before, nobody can see from it.\n" +
		"Example: handler grant verify --jwks keys.json --audience api://purchasing --action CreatePO --resource PO-1001 - <grant.txt"
}

func (c *grantVerifyCommand) Run(e *environment) error {
	now, err := c.instant()
	if err != nil {
		return err
	}
	token, err := c.read()
	if err != nil {
		return err
	}
	keys, err := c.keys(e, now)
	if err != nil {
		return err
	}
	want, err := c.parameters()
	if err != nil {
		return err
	}
	claims, err := grant.Verify(e.ctx, token, keys, c.expected(now))
	if err == nil {
		err = c.compare(&claims, want)
	}
	var refused *grant.RefusedError
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	report := newGrantReport(&claims, refused)
	if err := e.write(c.JSON, report, report.print); err != nil {
		return err
	}
	if refused != nil {
		return errFindings
	}
	return nil
}

func (c *grantVerifyCommand) instant() (time.Time, error) {
	if c.At == "" {
		return time.Now(), nil
	}
	at, err := time.Parse(time.RFC3339Nano, c.At)
	if err != nil {
		return at, usageError(errors.New("--at: write an instant like 2026-06-01T09:00:00Z"))
	}
	return at, nil
}

func (c *grantVerifyCommand) expected(now time.Time) grant.Expected {
	e := grant.Expected{AnyIssuer: c.Issuer == nil, AnyAudience: c.Audience == nil, Now: now}
	if c.Issuer != nil {
		e.Issuer = *c.Issuer
	}
	if c.Audience != nil {
		e.Audience = *c.Audience
	}
	return e
}

// compare holds the grant against each thing that was demanded: the rest of
// what is compared is its own.
func (c *grantVerifyCommand) compare(claims *grant.Claims, parameters *strictjson.Value) error {
	call := claims.Call
	for _, d := range []struct{ demanded, of *string }{{c.Action, &call.Action}, {c.Type, &call.ResourceType}, {c.Resource, &call.ResourceID}} {
		if d.demanded != nil {
			*d.of = *d.demanded
		}
	}
	if parameters != nil {
		return claims.Permits(call, *parameters)
	}
	return claims.PermitsCall(call)
}

// grantReport is what is said of a grant, in text and as JSON.
type grantReport struct {
	Valid         bool                `json:"valid"`
	Reason        string              `json:"reason"` // why not
	Issuer        string              `json:"issuer"`
	Audience      string              `json:"audience"`
	Agent         string              `json:"agent"`
	UserID        string              `json:"userId"`
	UserUPN       string              `json:"userUPN"`
	Application   string              `json:"application"`
	TenantID      string              `json:"tenantId"`
	Action        string              `json:"action"`
	ResourceType  string              `json:"resourceType"`
	ResourceID    string              `json:"resourceId"`
	Effective     string              `json:"effective"`
	Obligations   []policy.Obligation `json:"obligations"`
	DecisionID    string              `json:"decisionId"`
	ApprovalID    string              `json:"approvalId"`
	RequestDigest string              `json:"requestDigest"`
	PolicyHashes  []string            `json:"policyHashes"`
	NotBefore     string              `json:"notBefore"`
	Expires       string              `json:"expires"`
}

// newGrantReport says nothing of a grant that does not count: nobody vouches
// for it.
func newGrantReport(c *grant.Claims, refused *grant.RefusedError) *grantReport {
	if refused != nil {
		return &grantReport{Reason: refused.Reason, Obligations: []policy.Obligation{}, PolicyHashes: []string{}}
	}
	return &grantReport{
		Valid: true, Issuer: c.Issuer, Audience: c.Audience, Agent: c.Agent, UserID: c.User.ID, UserUPN: c.User.UPN,
		Application: c.Application, TenantID: c.Tenant, Action: c.Call.Action, ResourceType: c.Call.ResourceType, ResourceID: c.Call.ResourceID,
		Effective: c.Effective, Obligations: c.Obligations, DecisionID: c.DecisionID, ApprovalID: c.ApprovalID,
		RequestDigest: c.RequestDigest, PolicyHashes: c.PolicyHashes,
		NotBefore: c.NotBefore.Format(time.RFC3339), Expires: c.Expires.Format(time.RFC3339),
	}
}

func (r *grantReport) print(w io.Writer) error {
	if !r.Valid {
		_, err := fmt.Fprintf(w, "refused: %s\n", r.Reason)
		return err
	}
	fmt.Fprintf(w, "valid until %s, unless it was used before: the grant does not show that\n", r.Expires)
	for _, line := range []struct{ name, value string }{
		{"action", r.Action},
		{"resource", r.ResourceType + " " + r.ResourceID},
		{"agent", r.Agent},
		{"user", r.UserUPN + " " + r.UserID},
		{"application", r.Application},
		{"tenant", r.TenantID},
		{"audience", r.Audience},
		{"issuer", r.Issuer},
		{"decision", r.DecisionID},
		{"approval", r.ApprovalID},
		{"parameters", r.Effective},
	} {
		fmt.Fprintf(w, "%-12s %s\n", line.name, policy.Visible(line.value))
	}
	for _, o := range r.Obligations {
		fmt.Fprintf(w, "%-12s %s\n", o.Type, policy.Visible(o.Path+" "+o.Method))
	}
	return nil
}

type grantRotateCommand struct {
	Data string `help:"Data directory of the server, which must not run." type:"path" default:".fabric"`
	JSON bool   `help:"Print JSON."`
}

func (grantRotateCommand) Help() string {
	return "Makes a new key for grants, which signs from the next start on, and deletes the private part of the old one. The old public key\n" +
		"stays in the published key set until its last grant has ended, so that grants that are out still count.\n" +
		"Example: handler grant rotate --data .fabric"
}

func (c *grantRotateCommand) Run(e *environment) (err error) {
	if _, err := os.Stat(c.Data); err != nil {
		return pathError(c.Data, err)
	}
	lock, err := embedded.LockDirectory(c.Data)
	switch {
	case errors.Is(err, embedded.ErrHeld):
		return fmt.Errorf("%s is in use: stop the server first, it would go on signing with the old key", c.Data)
	case err != nil:
		return pathError(c.Data, err)
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	r, err := embedded.RotateGrantKey(c.Data, time.Now())
	if errors.Is(err, os.ErrNotExist) {
		return usageError(fmt.Errorf("%s holds no grant key: the first start makes one", c.Data))
	}
	if err != nil {
		return err
	}
	until := r.PublishedUntil.Format(time.RFC3339)
	return e.write(c.JSON, map[string]string{"current": r.Current, "previous": r.Previous, "publishedUntil": until}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "new key       %s, signs from the next start on\nprevious key  %s, published until %s; its private part is deleted\n",
			r.Current, r.Previous, until)
		return err
	})
}
