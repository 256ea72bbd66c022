package easyauth

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// The headers of Easy Auth that are looked at. Those with a name or an id
// alone are not.
const (
	principalHeader = "X-Ms-Client-Principal"
	idTokenHeader   = "X-Ms-Token-Aad-Id-Token"
)

const (
	maxPrincipal = 48 << 10 // bytes of the header
	maxClaims    = 2000
)

// principal is whom Easy Auth says the caller to be: the claims that tell one
// from another, in lower case. "" is a claim that is not there.
type principal struct{ tenant, object, application string }

// claimNames are those that matter, as tokens name them and as Easy Auth maps
// them.
var claimNames = map[string]func(*principal) *string{
	"tid": func(p *principal) *string { return &p.tenant },
	"http://schemas.microsoft.com/identity/claims/tenantid": func(p *principal) *string { return &p.tenant },
	"oid": func(p *principal) *string { return &p.object },
	"http://schemas.microsoft.com/identity/claims/objectidentifier": func(p *principal) *string { return &p.object },
	"appid": func(p *principal) *string { return &p.application },
	"azp":   func(p *principal) *string { return &p.application },
}

var errPrincipal = errors.New("X-MS-CLIENT-PRINCIPAL cannot be read")

// readPrincipal reads the header strictly. Present is false where there is none
// at all; one that stands twice, or that the host has joined of two, is an
// error, and so is one that names two of anything.
func readPrincipal(h http.Header) (p principal, present bool, err error) {
	values := h[principalHeader]
	if len(values) == 0 {
		return principal{}, false, nil
	}
	if len(values) > 1 || len(values[0]) > maxPrincipal {
		return principal{}, true, errPrincipal
	}
	text, err := base64.StdEncoding.Strict().DecodeString(values[0])
	if err != nil || strings.ContainsAny(values[0], "\r\n") { // which the decoder skips
		return principal{}, true, errPrincipal
	}
	v, err := strictjson.Parse(text, strictjson.Limits{Depth: 8, Names: 3 * maxClaims})
	if err != nil || v.Get("claims").Kind() != strictjson.Array || len(v.Get("claims").Items()) > maxClaims {
		return principal{}, true, errPrincipal
	}
	for _, claim := range v.Get("claims").Items() {
		if err := p.take(claim); err != nil {
			return principal{}, true, err
		}
	}
	return p, true, nil
}

// take adds a claim, if it is one that matters. The names of some are mapped,
// so two may say the same, but not two things.
func (p *principal) take(claim strictjson.Value) error {
	typ, val := claim.Get("typ"), claim.Get("val")
	if typ.Kind() != strictjson.String {
		return errPrincipal
	}
	field, ok := claimNames[typ.Text()]
	if !ok {
		return nil
	}
	value := strings.ToLower(val.Text())
	if was := *field(p); val.Kind() != strictjson.String || value == "" || was != "" && was != value {
		return errPrincipal
	}
	*field(p) = value
	return nil
}

// is reports whether Easy Auth speaks of that person: the same one, in the same
// tenant, both said.
func (p principal) is(t identity.Principal) bool {
	return p.tenant != "" && p.object != "" &&
		p.tenant == strings.ToLower(t.Tenant) && p.object == strings.ToLower(t.ObjectID)
}

// contradicts reports whether Easy Auth speaks of somebody else than the token.
func (p principal) contradicts(t identity.Principal) bool {
	differ := func(said, known string) bool { return said != "" && said != strings.ToLower(known) }
	return differ(p.tenant, t.Tenant) || differ(p.object, t.ObjectID) || differ(p.application, t.Application)
}
