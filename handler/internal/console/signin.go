package console

import (
	"net/http"
	"strings"
)

// landing is GET /console/, which anybody sees alike: it only offers sign-in.
func (c *Console) landing(w http.ResponseWriter, r *http.Request, _ Session) error {
	c.render(w, r, Session{}, http.StatusOK, "landing", "Sign in", landingView{
		Environment: c.options.Environment, SignIn: c.parts.Sessions.SignInURL(home),
	})
	return nil
}

type landingView struct{ Environment, SignIn string }

// signIn is GET /console/sign-in.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request, _ Session) error {
	next := pageOf(r.URL.Query().Get("next"))
	if c.parts.SignIn == nil {
		return seeOther(w, r, c.parts.Sessions.SignInURL(next))
	}
	c.render(w, r, Session{}, http.StatusOK, "signin", "Sign in", c.offers(next))
	return nil
}

// signInView offers people, tenant by tenant.
type signInView struct {
	Next    string
	Deep    bool // Next is a page that somebody wanted to see
	Several bool
	Tenants []offer
}

type offer struct {
	Tenant string
	People []choice
}

type choice struct{ Value, Text string }

func (c *Console) offers(next string) signInView {
	v := signInView{Next: next, Deep: next != home}
	for _, p := range c.parts.SignIn.People(c.options.Now()) {
		if n := len(v.Tenants); n == 0 || v.Tenants[n-1].Tenant != p.Tenant {
			v.Tenants = append(v.Tenants, offer{Tenant: p.Tenant})
		}
		last := &v.Tenants[len(v.Tenants)-1]
		last.People = append(last.People, choice{p.key(), p.text()})
	}
	v.Several = len(v.Tenants) > 1
	return v
}

// key names a person in a form.
func (p Person) key() string {
	if p.User.UPN != "" {
		return p.Tenant + " user:" + p.User.UPN
	}
	return p.Tenant + " oid:" + p.User.ID
}

func (p Person) text() string { return strings.TrimSpace(p.User.UPN + p.User.ID) }

// choose is POST /console/sign-in. There is no session yet that a token could
// be bound to; pages of other sites were turned away before.
func (c *Console) choose(w http.ResponseWriter, r *http.Request, _ Session) error {
	if c.parts.SignIn == nil {
		return errNotFound
	}
	f, err := readForm(r, maxForm)
	if err != nil {
		return err
	}
	who := f.one("person")
	for _, p := range c.parts.SignIn.People(c.options.Now()) {
		if p.key() != who {
			continue
		}
		if err := c.parts.SignIn.Begin(w, p, f.one("auditor") == "yes"); err != nil {
			return err
		}
		return seeOther(w, r, pageOf(f.one("next")))
	}
	return errNoPerson
}

// signOut is POST /console/sign-out.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request, _ Session, _ form) error {
	if c.parts.SignIn != nil {
		c.parts.SignIn.End(w)
	}
	return seeOther(w, r, "/console/")
}
