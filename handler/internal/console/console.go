package console

import (
	"html/template"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// Parts are what the pages stand on. Approvals, Decisions, Playground and
// Sessions are required.
type Parts struct {
	Approvals  Approvals
	Decisions  Decisions
	Playground Playground
	Sessions   Sessions
	SignIn     SignIn // nil: Sessions signs people in elsewhere
	Words      Words  // nil: rules speak for themselves
}

// Options of a [Console].
type Options struct {
	Environment string
	PublicURL   string           // whose pages may send forms; "" is the request's own host alone
	Secret      []byte           // of form tokens, at least 32 bytes, shared by all instances
	OpenHouse   bool             // local mode: the playground is not for auditors alone
	Unmailed    func() string    // why approvers get no mails at present, "" while they do; nil: they do
	Now         func() time.Time // nil: time.Now
	Log         *slog.Logger     // nil: none
}

// Console is the pages. It is safe for concurrent use.
type Console struct {
	parts   Parts
	options Options
	forms   forms
	origin  *http.CrossOriginProtection
	pages   map[string]*template.Template
	assets  assets
	routes  *http.ServeMux
}

// New makes a Console. It panics where Secret is too short to protect a form.
func New(p Parts, o Options) *Console {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Unmailed == nil {
		o.Unmailed = func() string { return "" }
	}
	c := &Console{
		parts: p, options: o, forms: newForms(o.Secret), origin: http.NewCrossOriginProtection(),
		pages: parsePages(), assets: readAssets(), routes: http.NewServeMux(),
	}
	if o.PublicURL != "" {
		// A PUBLIC_URL with a path is refused here; then only the host counts.
		_ = c.origin.AddTrustedOrigin(o.PublicURL)
	}
	c.route()
	return c
}

// page is one page. It gets the person as a parameter, and returns an error
// before it has written anything.
type page func(w http.ResponseWriter, r *http.Request, s Session) error

// route is the table of pages.
func (c *Console) route() {
	c.public("GET /console/{$}", c.landing)
	c.public("GET /console/sign-in", c.signIn)
	c.public("POST /console/sign-in", c.choose)
	c.public("GET /console/"+styleName, c.asset)
	c.public("GET /console/"+iconName, c.asset)
	c.private("POST /console/sign-out", c.checked(toSignOut, maxForm, c.signOut))
	c.private("GET /console/approvals", c.worklist)
	c.private("GET /console/approvals/{id}", c.approval)
	c.private("POST /console/approvals/{id}/vote", c.checked(toVote, maxForm, c.vote))
	c.private("POST /console/approvals/{id}/pass", c.checked(toPass, maxForm, c.pass))
	c.private("POST /console/approvals/{id}/revoke", c.checked(toRevoke, maxForm, c.revoke))
	c.private("GET /console/decisions", c.decisions)
	c.private("GET /console/decisions/{id}", c.decision)
	c.private("GET /console/playground", c.playground)
	c.private("POST /console/playground", c.checked(toPreview, maxCallForm, c.preview))
	c.public("/", func(http.ResponseWriter, *http.Request, Session) error { return errNotFound })
}

// public is a page for anybody; it gets the session of whoever has one.
func (c *Console) public(pattern string, p page) {
	c.routes.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		s, _ := c.parts.Sessions.Session(r) // nobody, then
		c.serve(w, r, s, p)
	})
}

// private is a page for somebody who is signed in.
func (c *Console) private(pattern string, p page) {
	c.routes.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		s, err := c.parts.Sessions.Session(r)
		if err == nil && s.Principal.Kind != identity.Person {
			err = ErrSignedOut // no application and no developer looks at pages
		}
		if err != nil {
			c.fail(w, r, Session{}, err)
			return
		}
		c.serve(w, r, s, p)
	})
}

func (c *Console) serve(w http.ResponseWriter, r *http.Request, s Session, p page) {
	if err := p(w, r, s); err != nil {
		c.fail(w, r, s, err)
	}
}

// Handle answers a request below /console/. The principal of the route is not
// asked: pages know people by their sessions. It never returns an error.
func (c *Console) Handle(w http.ResponseWriter, r *http.Request, _ identity.Principal) error {
	c.protect(w.Header())
	defer c.recover(w, r)
	if err := c.origin.Check(r); err != nil {
		c.fail(w, r, Session{}, errForeign)
		return nil
	}
	c.routes.ServeHTTP(w, r)
	return nil
}

// protect sets the headers that every answer has. There is no script, so none
// is allowed, of anybody.
func (c *Console) protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
}

// recover answers with a page where a page broke.
func (c *Console) recover(w http.ResponseWriter, r *http.Request) {
	if v := recover(); v != nil {
		c.options.Log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.Any("value", v),
			slog.String("route", r.Pattern), slog.String("stack", string(debug.Stack())))
		c.fail(w, r, Session{}, errBroken)
	}
}
