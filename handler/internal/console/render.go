package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

//go:embed templates/*.html assets/*
var embedded embed.FS

const (
	styleName = "style.css"
	iconName  = "icon.svg"
)

// parsePages reads the templates: each page stands in the layout.
func parsePages() map[string]*template.Template {
	pages := map[string]*template.Template{}
	for _, name := range []string{"landing", "signin", "worklist", "approval", "decisions", "decision", "playground", "problem"} {
		t := template.New(name).Funcs(template.FuncMap{"visible": sheet.Visible})
		pages[name] = template.Must(t.ParseFS(embedded, "templates/layout.html", "templates/"+name+".html"))
	}
	return pages
}

// assets are the files that pages name, by name.
type assets map[string]asset

type asset struct {
	body  []byte
	media string
	hash  string
}

func readAssets() assets {
	all := assets{}
	for name, media := range map[string]string{styleName: "text/css; charset=utf-8", iconName: "image/svg+xml"} {
		body, err := embedded.ReadFile("assets/" + name)
		if err != nil {
			panic(err) // the program was built without it
		}
		sum := sha256.Sum256(body)
		all[name] = asset{body, media, hex.EncodeToString(sum[:6])}
	}
	return all
}

// url is an address that changes with what is there, so that browsers may keep
// it.
func (a assets) url(name string) string { return "/console/" + name + "?v=" + a[name].hash }

// asset is GET /console/style.css and the like.
func (c *Console) asset(w http.ResponseWriter, r *http.Request, _ Session) error {
	file := c.assets[path.Base(r.URL.Path)]
	h := w.Header()
	h.Set("Content-Type", file.media)
	h.Set("Content-Length", strconv.Itoa(len(file.body)))
	if r.URL.RawQuery == "v="+file.hash {
		h.Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	_, _ = w.Write(file.body)
	return nil
}

// view is what the layout shows around a page.
type view struct {
	Title       string
	Environment string
	Style, Icon string
	Person      string // "" where nobody is signed in
	Auditor     bool
	Nav         []navigation
	SignOut     string // address to go to; "" for the form with Token
	Token       string
	Body        any
}

type navigation struct {
	Path, Text string
	Here       bool
}

// render writes a page. It is rendered as a whole first: half a page would lack
// what stands at its end.
func (c *Console) render(w http.ResponseWriter, r *http.Request, s Session, status int, name, title string, body any) {
	v := view{
		Title: title, Environment: c.options.Environment, Body: body,
		Style: c.assets.url(styleName), Icon: c.assets.url(iconName),
	}
	if s.Principal.Kind == identity.Person {
		c.furnish(&v, r, s)
	}
	var page bytes.Buffer
	if err := c.pages[name].ExecuteTemplate(&page, "layout", v); err != nil {
		c.options.Log.LogAttrs(r.Context(), slog.LevelError, "page broken", slog.String("page", name), slog.String("cause", err.Error()))
		page.Reset()
		page.WriteString("This page cannot be shown at the moment.\n")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		status = http.StatusServiceUnavailable
	} else {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	}
	w.Header().Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // whoever asked is gone
}

// furnish adds what a person who is signed in sees on every page.
func (c *Console) furnish(v *view, r *http.Request, s Session) {
	v.Person, v.Auditor = nameOf(s.Principal), s.Principal.Has(identity.RoleAuditor)
	v.SignOut = c.parts.Sessions.SignOutURL()
	if v.SignOut == "" {
		v.Token = c.forms.token(s, toSignOut, "", c.options.Now())
	}
	add := func(path, text string) {
		v.Nav = append(v.Nav, navigation{path, text, strings.HasPrefix(r.URL.Path, path)})
	}
	add(home, "Approvals")
	if v.Auditor {
		add("/console/decisions", "Decisions")
	}
	if c.mayPlay(s.Principal) {
		add("/console/playground", "Playground")
	}
}

// nameOf is a person for people to read.
func nameOf(p identity.Principal) string {
	if p.UPN != "" {
		return sheet.Visible(p.UPN)
	}
	return sheet.Visible(p.ObjectID)
}

// seeOther ends a POST, so that neither reload nor the back button repeats it.
func seeOther(w http.ResponseWriter, r *http.Request, path string) error {
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}
