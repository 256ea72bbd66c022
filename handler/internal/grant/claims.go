package grant

import (
	"strconv"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Call is what a grant lets happen: one action on one resource.
type Call struct {
	Action       string
	ResourceType string
	ResourceID   string
}

// User is the person an agent acts for. Either name may be unknown, and both
// are where it acts for nobody.
type User struct {
	ID  string // object id
	UPN string
}

// Claims are what a checked grant says.
type Claims struct {
	Issuer        string
	Audience      string // the action's, else the environment
	Agent         string
	User          User
	Application   string // that asked; "" is the local developer
	Tenant        string
	Call          Call
	Effective     string // [EffectiveHash] of the parameters
	Obligations   []policy.Obligation
	DecisionID    string // the token's jti: one use
	IssuedAt      time.Time
	NotBefore     time.Time
	Expires       time.Time
	RequestDigest string
	ApprovalID    string // "" where none was used
	PolicyHashes  []string
}

// append writes the claims, every one always there.
func (c *Claims) append(dst []byte) []byte {
	return strictjson.AppendAsSent(dst, object(
		member("iss", text(c.Issuer)),
		member("aud", text(c.Audience)),
		member("sub", text(c.Agent)),
		member("act", object(member("oid", text(c.User.ID)), member("upn", text(c.User.UPN)))),
		member("app", text(c.Application)),
		member("ten", text(c.Tenant)),
		member("call", object(
			member("action", text(c.Call.Action)),
			member("resource", object(member("type", text(c.Call.ResourceType)), member("id", text(c.Call.ResourceID)))),
		)),
		member("eff", text(c.Effective)),
		member("obl", obligationsValue(c.Obligations)),
		member("jti", text(c.DecisionID)),
		member("iat", seconds(c.IssuedAt)),
		member("nbf", seconds(c.NotBefore)),
		member("exp", seconds(c.Expires)),
		member("req", text(c.RequestDigest)),
		member("apr", text(c.ApprovalID)),
		member("pol", textsValue(c.PolicyHashes)),
	))
}

func obligationsValue(list []policy.Obligation) strictjson.Value {
	items := make([]strictjson.Value, 0, len(list))
	for _, o := range list {
		items = append(items, object(member("type", text(o.Type)), member("path", text(o.Path)), member("method", text(o.Method))))
	}
	return strictjson.ArrayOf(items...)
}

func textsValue(list []string) strictjson.Value {
	items := make([]strictjson.Value, 0, len(list))
	for _, s := range list {
		items = append(items, text(s))
	}
	return strictjson.ArrayOf(items...)
}

func object(members ...strictjson.Member) strictjson.Value { return strictjson.ObjectOf(members...) }

func member(name string, v strictjson.Value) strictjson.Member {
	return strictjson.Member{Name: name, Value: v}
}

func text(s string) strictjson.Value { return strictjson.StringOf(s) }

func seconds(t time.Time) strictjson.Value {
	return strictjson.NumberOf(strconv.FormatInt(t.Unix(), 10))
}
