package httpapi

import (
	"net/http"
	"path"
	"strings"
)

// door turns away what no route may see. It runs before anybody is known, so
// nothing of it is recorded.
func (e *Edge) door(r *http.Request) error {
	if e.options.Loopback {
		if !isLocalHost(r.Host) {
			return &Problem{Kind: Forbidden, Detail: "This server answers to localhost, 127.0.0.1 and [::1] only."}
		}
		if err := e.origin.Check(r); err != nil {
			return &Problem{Kind: Forbidden, Detail: "The request comes from another web page."}
		}
	}
	if r.Method == http.MethodHead || !isClean(r.URL.Path) {
		return &Problem{Kind: NotFound}
	}
	return nil
}

// isLocalHost reports whether a Host header names this machine, so that no
// name that an attacker points at it gets through (DNS rebinding).
func isLocalHost(host string) bool {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
		if !isPort(port) {
			return false
		}
	}
	return name == "127.0.0.1" || name == "[::1]" || strings.EqualFold(name, "localhost")
}

func isPort(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= 5
}

// isClean reports a path that the router would not redirect: what is spelled
// otherwise is not found, as behind the host.
func isClean(p string) bool {
	return p == "/" || strings.HasPrefix(p, "/") && path.Clean(p) == strings.TrimSuffix(p, "/")
}
