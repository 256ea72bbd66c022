package identity

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	maxClaimNames = 500
	maxID         = 128
	maxUPN        = 256
)

var errClaim = errors.New("a claim is of the wrong type")

// claims are a token's, read strictly: encoding/json alone would take the last
// of two equal names and any spelling of a field's case.
type claims struct{ strictjson.Value }

var _ jwt.Claims = (*claims)(nil)

// UnmarshalJSON implements [json.Unmarshaler] for the token library.
func (c *claims) UnmarshalJSON(text []byte) error {
	v, err := strictjson.Parse(text, strictjson.Limits{Names: maxClaimNames})
	if err != nil {
		return err
	}
	if v.Kind() != strictjson.Object {
		return errClaim
	}
	c.Value = v
	return nil
}

// GetExpirationTime, GetNotBefore and GetIssuedAt are whole seconds; nil where
// the claim is absent. They implement [jwt.Claims].
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.date("exp") }

// GetNotBefore is described with GetExpirationTime.
func (c *claims) GetNotBefore() (*jwt.NumericDate, error) { return c.date("nbf") }

// GetIssuedAt is described with GetExpirationTime.
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error) { return c.date("iat") }

// GetIssuer implements [jwt.Claims].
func (c *claims) GetIssuer() (string, error) { return c.string("iss"), nil }

// GetSubject implements [jwt.Claims].
func (c *claims) GetSubject() (string, error) { return c.string("sub"), nil }

// GetAudience implements [jwt.Claims].
func (c *claims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{c.string("aud")}, nil
}

func (c *claims) date(name string) (*jwt.NumericDate, error) {
	v := c.Get(name)
	if v.Kind() == strictjson.Absent {
		return nil, nil
	}
	seconds, err := strconv.ParseInt(v.Text(), 10, 64)
	if v.Kind() != strictjson.Number || err != nil || seconds < 0 {
		return nil, errClaim
	}
	return jwt.NewNumericDate(time.Unix(seconds, 0)), nil
}

// string is a claim of type string, else "".
func (c *claims) string(name string) string {
	if v := c.Get(name); v.Kind() == strictjson.String {
		return v.Text()
	}
	return ""
}

// text is a claim that, if present, is a string of the identifier profile.
func (c *claims) text(name string, longest int) (string, error) {
	v := c.Get(name)
	if v.Kind() == strictjson.Absent {
		return "", nil
	}
	if v.Kind() != strictjson.String || !isIdentifier(v.Text(), longest) {
		return "", refuse("the token's " + name + " is not an identifier")
	}
	return v.Text(), nil
}

// list is a claim that, if present, is a list of strings.
func (c *claims) list(name string) ([]string, error) {
	v := c.Get(name)
	if v.Kind() == strictjson.Absent {
		return nil, nil
	}
	list := make([]string, 0, len(v.Items()))
	for _, item := range v.Items() {
		if item.Kind() != strictjson.String {
			return nil, refuse("the token's " + name + " is not a list of strings")
		}
		list = append(list, item.Text())
	}
	if v.Kind() != strictjson.Array {
		return nil, refuse("the token's " + name + " is not a list of strings")
	}
	return list, nil
}

// principal reads who the token stands for. Nothing here is looked at before
// the signature held.
func (v *Validator) principal(c *claims) (Principal, error) {
	tenant, err := v.tenant(c)
	if err != nil {
		return Principal{}, err
	}
	p := Principal{Tenant: tenant}
	if p.Application, err = v.application(c, tenant); err != nil {
		return Principal{}, err
	}
	if p.Kind, err = v.kind(c); err != nil {
		return Principal{}, err
	}
	if p.AppRoles, err = c.list("roles"); err != nil {
		return Principal{}, err
	}
	return v.person(c, p)
}

func (v *Validator) tenant(c *claims) (string, error) {
	tid, err := c.text("tid", maxID)
	if err != nil {
		return "", err
	}
	tid = foldID(tid)
	if tid == "" || !v.config.AnyTenant && !v.tenants[tid] {
		return "", refuse("the token's tenant is not allowed here")
	}
	return tid, nil
}

// application is the client id, once issuer, audience and version are one of
// the configured combinations.
func (v *Validator) application(c *claims, tenant string) (string, error) {
	paired := slices.ContainsFunc(v.config.Issuers, func(i Issuer) bool {
		return i.Audience != "" && i.Version != "" && c.string("aud") == i.Audience && c.string("ver") == i.Version &&
			c.string("iss") == strings.ReplaceAll(i.Name, "{tid}", tenant)
	})
	if !paired {
		return "", refuse("the token's issuer, audience and version are not a pair accepted here")
	}
	if v.config.IDTokens {
		return c.signedInto()
	}
	name, other := "azp", "appid"
	if c.string("ver") == "1.0" {
		name, other = other, name
	}
	app, err := c.text(name, maxID)
	if err != nil {
		return "", err
	}
	if second := c.Get(other); app == "" || second.Kind() != strictjson.Absent && foldID(second.Text()) != foldID(app) {
		return "", refuse("the token does not name one calling application")
	}
	return foldID(app), nil
}

// signedInto is the application to which an ID token says who has signed in.
// Whatever an access token has besides is not one's.
func (c *claims) signedInto() (string, error) {
	for _, name := range []string{"azp", "appid", "azpacr", "appidacr", "scp", "idtyp"} {
		if c.Has(name) {
			return "", refuse("the token is not an ID token")
		}
	}
	if c.string("ver") != "2.0" {
		return "", refuse("the token is not an ID token of version 2.0")
	}
	return foldID(c.string("aud")), nil
}

// kind tells a person from an application. A token that is neither, or both,
// is nobody's.
func (v *Validator) kind(c *claims) (Kind, error) {
	if v.config.IDTokens {
		return Person, nil // application has seen that it is no access token
	}
	idtyp := c.Get("idtyp").Kind()
	if c.Get("scp").Kind() == strictjson.Absent {
		if c.string("idtyp") != "app" {
			return Nobody, refuse("the token is neither a person's nor marked as an application's (optional claim idtyp)")
		}
		return Application, nil
	}
	if !slices.Contains(strings.Split(c.string("scp"), " "), v.config.Scope) {
		return Nobody, refuse("the token lacks this service's scope")
	}
	if idtyp != strictjson.Absent && c.string("idtyp") != "user" {
		return Nobody, refuse("the token has a scope and is not a person's")
	}
	return Person, nil
}

// person adds what tells one person or service principal from another. Groups
// left out for their number are unknown; the address in _claim_sources is the
// token's, so it is never called.
func (v *Validator) person(c *claims, p Principal) (Principal, error) {
	oid, err := c.text("oid", maxID)
	if err != nil {
		return Principal{}, err
	}
	if p.ObjectID = foldID(oid); p.ObjectID == "" && p.Kind == Person {
		return Principal{}, refuse("the token has no oid")
	}
	if p.Kind == Person {
		if p.UPN, err = c.text("upn", maxUPN); err != nil {
			return Principal{}, err
		}
	}
	groups, err := c.list("groups")
	if err != nil {
		return Principal{}, err
	}
	if p.GroupsKnown = !c.overage(); p.GroupsKnown {
		for i := range groups {
			groups[i] = foldID(groups[i])
		}
		p.Groups = groups
	}
	return p, nil
}

// overage reports the two forms in which Entra says that it left the groups
// out. What it cannot read counts as said.
func (c *claims) overage() bool {
	if has := c.Get("hasgroups"); has.Kind() != strictjson.Absent && (has.Kind() != strictjson.Bool || has.Bool()) {
		return true
	}
	names := c.Get("_claim_names")
	return names.Kind() != strictjson.Absent &&
		(names.Kind() != strictjson.Object || names.Get("groups").Kind() != strictjson.Absent)
}
