package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// functionFile is a function.json, with all it may hold.
type functionFile struct {
	Bindings []struct {
		Type      string   `json:"type"`
		Direction string   `json:"direction"`
		Name      string   `json:"name"`
		AuthLevel string   `json:"authLevel"`
		Methods   []string `json:"methods"`
		Route     string   `json:"route"`
	} `json:"bindings"`
}

// strict decodes a file of ours, in which every key means something.
func strict(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// bound is what the host binds for one function.
type bound struct {
	route   string
	methods []string
}

// boundByFiles are the functions as functions/ says, by folder.
func boundByFiles(t *testing.T) map[string]bound {
	t.Helper()
	all := map[string]bound{}
	folders, err := os.ReadDir(filepath.Join("..", "functions"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		dir := filepath.Join("..", "functions", folder.Name())
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 1 || files[0].Name() != "function.json" {
			t.Errorf("%s holds %v, %v, want function.json alone: the host takes a lone file for a script", dir, files, err)
			continue
		}
		var f functionFile
		strict(t, filepath.Join(dir, "function.json"), &f)
		if len(f.Bindings) != 2 || f.Bindings[1].Type != "http" || f.Bindings[1].Direction != "out" || f.Bindings[1].Name == "" {
			t.Errorf("%s: bindings %+v, want a trigger and its http output", dir, f.Bindings)
			continue
		}
		trigger := f.Bindings[0]
		// Function keys are no identity: Easy Auth and the handler ask for one.
		if trigger.Type != "httpTrigger" || trigger.Direction != "in" || trigger.Name == "" || trigger.AuthLevel != "anonymous" {
			t.Errorf("%s: trigger %+v, want an anonymous httpTrigger", dir, trigger)
		}
		all[folder.Name()] = bound{trigger.Route, trigger.Methods}
	}
	return all
}

// boundByTable are the functions as the route table says.
func boundByTable(t *testing.T) map[string]bound {
	t.Helper()
	all := map[string]bound{}
	for _, r := range routes {
		if (r.function == "") != r.local {
			t.Errorf("%s %s: function %q, local mode only: %t", r.Method, r.Path, r.function, r.local)
		}
		if r.function == "" {
			continue
		}
		route := r.hostRoute
		if route == "" {
			route = strings.TrimPrefix(r.Path, "/")
		}
		if !admits(t, route, r.Path) {
			t.Errorf("%s: the host's route %q does not take %s", r.function, route, r.Path)
		}
		b, known := all[r.function]
		if known && b.route != route {
			t.Errorf("%s has two routes, %q and %q", r.function, b.route, route)
		}
		b.route = route
		if method := strings.ToLower(r.Method); !slices.Contains(b.methods, method) {
			b.methods = append(b.methods, method)
		}
		all[r.function] = b
	}
	return all
}

// admits reports whether the host's route template takes the path, in which
// {name} stands for anything.
func admits(t *testing.T, template, path string) bool {
	t.Helper()
	path = strings.Replace(path, "{path...}", "some/path", 1)
	pattern := strings.Replace(regexp.QuoteMeta("/"+template), `\{\*path\}`, ".*", 1)
	pattern = regexp.MustCompile(`/\\\{[a-z]+\\\?\\\}`).ReplaceAllString(pattern, `(/[^/]+)?`)
	pattern = regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(pattern, `[^/]+`)
	return regexp.MustCompile("^" + pattern + "$").MatchString(path)
}

// Every function.json has its rows in the route table, and the reverse.
func TestFunctionsAreTheRouteTable(t *testing.T) {
	files, table := boundByFiles(t), boundByTable(t)
	for name, want := range table {
		got, ok := files[name]
		slices.Sort(got.methods)
		slices.Sort(want.methods)
		if !ok || got.route != want.route || !slices.Equal(got.methods, want.methods) {
			t.Errorf("functions/%s/function.json binds %+v, want %+v", name, got, want)
		}
	}
	routesSeen := map[string]string{}
	for name, b := range files {
		if _, ok := table[name]; !ok {
			t.Errorf("functions/%s has no route in the table", name)
		}
		if other, twice := routesSeen[b.route]; twice {
			t.Errorf("%s and %s both bind %s", name, other, b.route)
		}
		routesSeen[b.route] = name
		// A wildcard at the root would let outsiders reach the path on which
		// the host calls a trigger function.
		if strings.HasPrefix(b.route, "{") || strings.HasPrefix(b.route, "/") || b.route == "" {
			t.Errorf("functions/%s binds the route %q, want one that begins with a word", name, b.route)
		}
	}
}

// The table itself: what is named once, and what is open to everybody. Pages
// ask for a session themselves.
func TestRouteTable(t *testing.T) {
	ids, rows, public := map[string]bool{}, map[string]bool{}, []string{}
	for _, r := range routes {
		if ids[r.ID] || rows[r.Method+r.Path] || r.ID == "" || r.Summary == "" || r.handler == nil {
			t.Errorf("%s %s: stands twice, or lacks id, summary or handler", r.Method, r.Path)
		}
		ids[r.ID], rows[r.Method+r.Path] = true, true
		if r.Access.Public {
			public = append(public, r.Path)
		}
		if r.Method != http.MethodGet && len(r.Access.Roles) == 0 && !r.page {
			t.Errorf("%s %s changes something and demands no role", r.Method, r.Path)
		}
		// Whoever waits for an approval must not hold a place.
		if r.Access.Queued && r.Method == http.MethodGet {
			t.Errorf("%s %s takes a place in front of the audit queue, and may wait", r.Method, r.Path)
		}
	}
	want := []string{"/.well-known/fabric-jwks.json", "/api/health/live", "/api/health/metrics", "/api/health/ready", "/api/openapi.json", "/console/{path...}", "/console/{path...}"}
	if slices.Sort(public); !slices.Equal(public, want) {
		t.Errorf("public routes = %q, want %q", public, want)
	}
}

// host.json starts this program, with routes as they are written.
func TestHostFile(t *testing.T) {
	var host struct {
		Version    string
		Extensions struct {
			HTTP struct {
				RoutePrefix *string `json:"routePrefix"`
			} `json:"http"`
		}
		CustomHandler struct {
			Description struct {
				DefaultExecutablePath string   `json:"defaultExecutablePath"`
				Arguments             []string `json:"arguments"`
			} `json:"description"`
			EnableProxyingHTTPRequest bool `json:"enableProxyingHttpRequest"`
		} `json:"customHandler"`
		Logging any
	}
	strict(t, filepath.Join("..", "host.json"), &host)
	if host.Version != "2.0" || host.Extensions.HTTP.RoutePrefix == nil || *host.Extensions.HTTP.RoutePrefix != "" || !host.CustomHandler.EnableProxyingHTTPRequest {
		t.Errorf("host.json = %+v, want version 2.0, an empty routePrefix and proxied requests", host)
	}
	d := host.CustomHandler.Description
	if d.DefaultExecutablePath != "handler" {
		t.Errorf("host.json starts %q, want the program as go build names it", d.DefaultExecutablePath)
	}
	// The host's own start, but for the port it names: read, and no further.
	err := run(t.Context(), d.Arguments, from("FUNCTIONS_CUSTOMHANDLER_PORT=none"), streams{&bytes.Buffer{}, &bytes.Buffer{}})
	mustBeUsage(t, "host.json", err, "FUNCTIONS_CUSTOMHANDLER_PORT")
}

// The sample settings of Core Tools are settings that there are, with values
// that are taken.
func TestSampleSettings(t *testing.T) {
	var sample struct {
		IsEncrypted bool
		Values      map[string]string
	}
	strict(t, filepath.Join("..", "local.settings.sample.json"), &sample)
	if sample.IsEncrypted || sample.Values["FUNCTIONS_WORKER_RUNTIME"] != "custom" {
		t.Errorf("local.settings.sample.json = %+v, want plain values and the custom runtime", sample)
	}
	variables := []string{"FUNCTIONS_CUSTOMHANDLER_PORT=7072"}
	for name, value := range sample.Values {
		variables = append(variables, name+"="+value)
		known := slices.ContainsFunc(settings, func(s setting) bool { return prefix+s.name == name })
		if strings.HasPrefix(name, prefix) && !known {
			t.Errorf("local.settings.sample.json sets %s, which nothing reads", name)
		}
		if known && value == "" {
			t.Errorf("local.settings.sample.json sets %s to nothing", name)
		}
	}
	if _, err := readConfig(from(variables...)); err != nil {
		t.Errorf("readConfig(local.settings.sample.json) = %v, want it taken", err)
	}
}
