package identity_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

func TestBearer(t *testing.T) {
	for _, c := range []struct {
		name    string
		values  []string
		token   string
		present bool
		ok      bool
	}{
		{"no header", nil, "", false, true},
		{"one token", []string{"Bearer a.b.c"}, "a.b.c", true, true},
		{"scheme in any case", []string{"bEARER a.b.c"}, "a.b.c", true, true},
		{"empty", []string{""}, "", true, false},
		{"scheme only", []string{"Bearer"}, "", true, false},
		{"no token", []string{"Bearer "}, "", true, false},
		{"two blanks", []string{"Bearer  a.b.c"}, "", true, false},
		{"two tokens", []string{"Bearer a.b.c d.e.f"}, "", true, false},
		{"joined by a proxy", []string{"Bearer a.b.c, Bearer d.e.f"}, "", true, false},
		{"twice", []string{"Bearer a.b.c", "Bearer a.b.c"}, "", true, false},
		{"other scheme", []string{"Basic YTpi"}, "", true, false},
		{"opaque token", []string{"Bearer abc"}, "", true, false},
		{"two parts", []string{"Bearer a.b"}, "", true, false},
		{"empty part", []string{"Bearer a..c"}, "", true, false},
		{"no signature", []string{"Bearer a.b."}, "", true, false},
		{"four parts", []string{"Bearer a.b.c.d"}, "", true, false},
		{"padding", []string{"Bearer a.b.c="}, "", true, false},
		{"tab", []string{"Bearer\ta.b.c"}, "", true, false},
	} {
		header := http.Header{}
		if c.values != nil {
			header["Authorization"] = c.values
		}
		token, present, err := identity.Bearer(header)
		if token != c.token || present != c.present || (err == nil) != c.ok {
			t.Errorf("%s: Bearer(%q) = %q, %v, %v, want %q, %v, ok %v", c.name, c.values, token, present, err, c.token, c.present, c.ok)
		}
	}
}

// Local mode: no header is the developer only where that is allowed, and a
// bad header never is.
func TestLocalAuthentication(t *testing.T) {
	bad, good := http.Header{"Authorization": {"Bearer a.b.c"}}, http.Header{"Authorization": {"Bearer " + sign(goodHeader, goodPerson, signingKey())}}
	for _, c := range []struct {
		name      string
		developer bool
		header    http.Header
		want      identity.Kind
	}{
		{"no token", true, http.Header{}, identity.Developer},
		{"no token where tokens are demanded", false, http.Header{}, identity.Nobody},
		{"bad token", true, bad, identity.Nobody},
		{"empty header", true, http.Header{"Authorization": {""}}, identity.Nobody},
		{"good token", true, good, identity.Person},
		{"good token where tokens are demanded", false, good, identity.Person},
	} {
		local := identity.Local{Tokens: entra(t), Developer: c.developer}
		p, err := local.Authenticate(t.Context(), c.header)
		if p.Kind != c.want || (err == nil) != (c.want != identity.Nobody) {
			t.Errorf("%s: Authenticate() = %v, %v, want kind %v", c.name, p, err, c.want)
		}
	}
}

// FuzzBearer: no header makes a principal unless it holds the one good token.
func FuzzBearer(f *testing.F) {
	v := entra(f)
	good := sign(goodHeader, goodPerson, signingKey())
	for _, seed := range []string{
		"", "Bearer", "Bearer x.y.z", "Basic YTpi", "Bearer " + good, "bearer " + good + ".", "Bearer " + good[:len(good)-1],
		"Bearer " + encode(`{"alg":"none","typ":"JWT","kid":"k1"}`) + "." + encode(goodPerson) + ".x",
		"Bearer " + encode(goodHeader) + "." + encode("null") + ".x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		local := identity.Local{Tokens: v}
		p, err := local.Authenticate(t.Context(), http.Header{"Authorization": {value}})
		if err == nil && (len(value) < len(good) || value[len("Bearer "):] != good) {
			t.Errorf("Authenticate(%q) = %v, want nobody", value, p)
		}
		if err != nil && !cmp.Equal(p, identity.Principal{}) {
			t.Errorf("Authenticate(%q) = %v with an error, want nobody", value, p)
		}
	})
}
