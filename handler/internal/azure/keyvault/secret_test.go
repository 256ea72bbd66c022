package keyvault

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/vault"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

func parsed(t *testing.T, text string) grant.EnvironmentKey {
	t.Helper()
	key, err := grant.ParseEnvironmentKey([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// join makes a text with "previous" of two.
func join(t *testing.T, current, previous string) string {
	t.Helper()
	var a, b map[string]any
	if err := json.Unmarshal([]byte(current), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(previous), &b); err != nil {
		t.Fatal(err)
	}
	a["previous"] = b["current"]
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Both forms of rotation keep the key before in use: inside the text, and by a
// new version of the secret. Disabling the version ends the second.
func TestEnvironmentKeyRotation(t *testing.T) {
	one, two, three := environmentKey(t), environmentKey(t), environmentKey(t)
	id := func(text string) string { return parsed(t, text).Current.ID() }
	for _, test := range []struct {
		name     string
		texts    []string // the versions, oldest first
		disable  int      // how many of the oldest are disabled
		current  string
		previous string // "" for none
	}{
		{"one version", []string{one}, 0, one, ""},
		{"inside the text", []string{one, join(t, two, one)}, 1, two, one},
		{"by a new version", []string{one, two}, 0, two, one},
		{"by a new version, the old one disabled", []string{one, two}, 1, two, ""},
		{"the text goes before the version", []string{three, join(t, two, one)}, 0, two, one},
		{"the same text once more", []string{one, two, two}, 0, two, one},
		{"twice in a row", []string{one, two, three}, 0, three, two},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, vault.Options{PageSize: 1})
			v := w.open(t, w.options())
			v.secretName = "rotated"
			for i, text := range test.texts {
				w.clock.move(time.Hour)
				version := w.SetSecret("rotated", text)
				if i < test.disable {
					w.EditSecret("rotated", version, func(s *vault.Secret) { s.Enabled = false })
				}
			}
			key, err := v.EnvironmentKey(t.Context())
			if err != nil {
				t.Fatalf("EnvironmentKey = %v", err)
			}
			previous, want := "", ""
			if key.Previous != nil {
				previous = key.Previous.ID()
			}
			if test.previous != "" {
				want = id(test.previous)
			}
			if key.Current.ID() != id(test.current) || previous != want {
				t.Errorf("EnvironmentKey = %s before it %q, want %s before it %q", key.Current.ID(), previous, id(test.current), want)
			}
		})
	}
}

// A secret that cannot be used is an error that holds nothing of it, and is
// left as it is.
func TestEnvironmentKeyDamaged(t *testing.T) {
	whole := environmentKey(t)
	const hidden = "c2VjcmV0LXRleHQ"
	for name, text := range map[string]string{
		"empty":            "",
		"no JSON":          hidden,
		"cut":              whole[:len(whole)-10],
		"another secret":   strings.Replace(whole, `"secret":"`, `"secret":"AAAA`, 1),
		"a text for a key": `{"schema":1,"current":"` + hidden + `"}`,
		"a name":           `{"schema":1,"` + hidden + `":1,"current":{}}`,
		"too long":         strings.Repeat(hidden, 1000),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, vault.Options{})
			v := w.open(t, w.options())
			w.SetSecret(secretName, text)
			before := w.Calls(vault.GetSecret)
			_, err := v.EnvironmentKey(t.Context())
			if err == nil {
				t.Fatal("EnvironmentKey = nil, want an error")
			}
			if strings.Contains(err.Error(), hidden) || strings.Contains(err.Error(), whole[20:40]) {
				t.Errorf("the error holds the secret: %v", err)
			}
			if calls := w.Calls(vault.GetSecret) - before; calls != 1 {
				t.Errorf("%d readings of what stays damaged, want 1", calls)
			}
			if s := v.State(t.Context()); s.Secret == nil || strings.Contains(s.Secret.Error(), hidden) {
				t.Errorf("State.Secret = %v", s.Secret)
			}
		})
	}
}

// What keeps the secret from being read is an error within its time.
func TestEnvironmentKeyFaults(t *testing.T) {
	for name, fault := range map[string]vault.Fault{
		"silent":      {Hang: true},
		"forbidden":   {Status: 403, Code: "Forbidden"},
		"gone":        {Status: 404, Code: "SecretNotFound"},
		"throttled":   {Status: 429},
		"no value":    {Body: `{"id":"https://x/secrets/a/b"}`},
		"wrong value": {Body: `{"id":"https://x/secrets/a/b","value":5}`},
		"text":        {Body: "the secret text"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, vault.Options{})
			o := w.options()
			o.CallLimit = 200 * time.Millisecond
			v := w.open(t, o)
			fault.Op = vault.GetSecret
			w.Break(fault)
			_, err := v.EnvironmentKey(t.Context())
			if err == nil || strings.Contains(err.Error(), "secret text") {
				t.Errorf("EnvironmentKey = %v", err)
			}
		})
	}
	w := newWorld(t, vault.Options{})
	v := w.open(t, w.options())
	w.Break(vault.Fault{Op: vault.ListSecret, Status: 403, Code: "Forbidden"})
	if key, err := v.EnvironmentKey(t.Context()); err == nil {
		t.Errorf("EnvironmentKey = %v, although nobody knows whether there was a key before", key.Current.ID())
	}
}
