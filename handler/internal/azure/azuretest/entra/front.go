package entra

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Front is Easy Auth before a program, with its token store. While it is on,
// nothing that a caller writes into its headers gets through; off, everything
// does.
type Front struct {
	Issuer *Issuer
	Off    bool
	Public []string // paths that need nobody to be signed in

	mu       sync.Mutex
	person   Claims            // who signs in at /.auth/login/aad
	sessions map[string]string // ID tokens by cookie
}

const sessionCookie = "AppServiceAuthSession"

// The headers of Easy Auth.
const (
	PrincipalHeader = "X-Ms-Client-Principal"
	IDTokenHeader   = "X-Ms-Token-Aad-Id-Token"
)

// SignsIn has whoever goes to the sign-in page be that person; the claims are
// those of [Issuer.SignedIn].
func (f *Front) SignsIn(c Claims) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.person = c
}

// Before is next behind the front.
func (f *Front) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.Off {
			next.ServeHTTP(w, r)
			return
		}
		for name := range r.Header {
			if strings.HasPrefix(name, PrincipalHeader) || strings.HasPrefix(name, "X-Ms-Token-Aad-") {
				r.Header.Del(name)
			}
		}
		switch {
		case r.URL.Path == "/.auth/login/aad":
			f.login(w, r)
		case r.URL.Path == "/.auth/logout":
			f.logout(w, r)
		case f.admit(r):
			next.ServeHTTP(w, r)
		default:
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized) // with no body, as the platform does
		}
	})
}

// admit adds the headers of whoever is known, and reports whether the request
// may go on.
func (f *Front) admit(r *http.Request) bool {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		c, err := f.Issuer.verify(bearer)
		if err != nil || c.Expires <= f.Issuer.options.Now().Unix() || !slices.Contains([]string{ClientID, Audience}, c.Audience) {
			return false
		}
		r.Header.Set(PrincipalHeader, PrincipalOf(bearer))
		return true
	}
	if token := f.session(r); token != "" {
		r.Header.Set(PrincipalHeader, PrincipalOf(token))
		r.Header.Set(IDTokenHeader, token)
		return true
	}
	return slices.Contains(f.Public, r.URL.Path)
}

func (f *Front) session(r *http.Request) string {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sessions[cookie.Value]
}

func (f *Front) login(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.person == nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if f.sessions == nil {
		f.sessions = map[string]string{}
	}
	id := rand.Text()
	f.sessions[id] = f.Issuer.Token(f.Issuer.SignedIn(f.person).edited(Claims{"nonce": rand.Text()}))
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: id, Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, localPath(r.URL.Query().Get("post_login_redirect_uri")), http.StatusFound)
}

func (f *Front) logout(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		f.mu.Lock()
		delete(f.sessions, cookie.Value)
		f.mu.Unlock()
	}
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, localPath(r.URL.Query().Get("post_logout_redirect_uri")), http.StatusFound)
}

// localPath is the path, or the root if it is none of this site.
func localPath(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.Contains(path, `\`) {
		return "/"
	}
	return path
}

// PrincipalOf is the header that Easy Auth makes of a token, names mapped as it
// maps them. What is no token gives a header without claims.
func PrincipalOf(token string) string {
	var claims map[string]any
	if parts := strings.Split(token, "."); len(parts) == 3 {
		_ = decode(parts[1], &claims)
	}
	return Principal(claims, true)
}

// long are the names that Easy Auth writes otherwise than tokens do.
var long = map[string]string{
	"oid":   "http://schemas.microsoft.com/identity/claims/objectidentifier",
	"tid":   "http://schemas.microsoft.com/identity/claims/tenantid",
	"scp":   "http://schemas.microsoft.com/identity/claims/scope",
	"sub":   "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
	"upn":   "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
	"email": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
}

// Principal is a principal header with these claims, in their long names where
// mapped says so.
func Principal(c Claims, mapped bool) string {
	type claim struct {
		Typ string `json:"typ"`
		Val string `json:"val"`
	}
	list := []claim{}
	add := func(name string, value any) {
		if to, ok := long[name]; ok && mapped {
			name = to
		}
		if s, ok := value.(string); ok {
			list = append(list, claim{name, s})
			return
		}
		list = append(list, claim{name, text(value)})
	}
	for name, value := range c {
		switch values := value.(type) {
		case []any:
			for _, v := range values {
				add(name, v)
			}
		case []string:
			for _, v := range values {
				add(name, v)
			}
		default:
			add(name, value)
		}
	}
	slices.SortFunc(list, func(a, b claim) int { return strings.Compare(a.Typ+a.Val, b.Typ+b.Val) })
	body, err := json.Marshal(map[string]any{
		"auth_typ": "aad", "name_typ": long["email"],
		"role_typ": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role", "claims": list,
	})
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(body)
}
