package easyauth

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// Settings are which tokens count. All but Authority and Now are required.
type Settings struct {
	ClientID  string           // of the service's registration, a GUID
	Audiences []string         // its identifier URIs: aud of version 1 tokens
	Tenants   []string         // allowed tid, GUIDs
	Scope     string           // what scp of a person must hold
	Authority string           // of Entra ID, without a path; "": [identity.PublicAuthority]
	Now       func() time.Time // nil: time.Now
}

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// checked is the settings with their defaults, GUIDs in lower case. Whatever
// would let in more than is named in them is an error.
func (s Settings) checked() (Settings, error) {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Authority == "" {
		s.Authority = identity.PublicAuthority
	}
	s.Authority = strings.TrimSuffix(s.Authority, "/")
	if u, err := url.Parse(s.Authority); err != nil || u.Scheme != "https" || u.Host == "" || s.Authority != "https://"+u.Host {
		return Settings{}, errors.New("easy auth: the authority is not https and a host")
	}
	if !guid.MatchString(s.ClientID) {
		return Settings{}, errors.New("easy auth: the client id is not a GUID")
	}
	s.ClientID = strings.ToLower(s.ClientID)
	for _, a := range s.Audiences {
		if a == "" || strings.ContainsAny(a, "* \t\r\n") {
			return Settings{}, errors.New("easy auth: an audience is empty, or not one audience")
		}
	}
	var tenants []string
	for _, t := range s.Tenants {
		if !guid.MatchString(t) {
			return Settings{}, fmt.Errorf("easy auth: tenant %q is not a GUID", t)
		}
		tenants = append(tenants, strings.ToLower(t))
	}
	if s.Tenants = tenants; len(tenants) == 0 {
		return Settings{}, errors.New("easy auth: no tenant is allowed")
	}
	return s, nil
}

// validator is for access tokens, or for ID tokens of the service itself.
func (s *Settings) validator(keys identity.TenantKeys, idTokens bool) (*identity.Validator, error) {
	c := identity.Config{Tenants: s.Tenants, TenantKeys: keys, Scope: s.Scope, Now: s.Now, IDTokens: idTokens}
	if idTokens {
		c.Issuers = identity.EntraIssuersAt(s.Authority, s.ClientID, nil)
	} else {
		c.Issuers = identity.EntraIssuersAt(s.Authority, s.ClientID, s.Audiences)
	}
	v, err := identity.NewValidator(c)
	if err != nil {
		return nil, fmt.Errorf("easy auth: %w", err)
	}
	return v, nil
}
