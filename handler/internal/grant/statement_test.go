package grant_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

// A statement is of its type, its key and its bytes, and of nothing else
// (RFC 8725 §3.11): a grant is no anchor, an anchor no manifest.
func TestStatements(t *testing.T) {
	issuer, keys := newIssuer(t)
	payload := []byte(`{"v":1}`)
	anchor, err := issuer.Sign(t.Context(), grant.AnchorType, payload)
	if err != nil {
		t.Fatal(err)
	}
	got, kid, err := grant.Open(t.Context(), grant.AnchorType, anchor, keys)
	if err != nil || string(got) != string(payload) || kid != keys.Keys()[0].ID() {
		t.Fatalf("Open = %s, %s, %v", got, kid, err)
	}
	if err := grant.Match(t.Context(), grant.AnchorType, anchor, keys, payload); err != nil {
		t.Errorf("Match = %v", err)
	}
	_, others := newIssuer(t)
	for name, check := range map[string]error{
		"another type":    grant.Match(t.Context(), grant.ManifestType, anchor, keys, payload),
		"another payload": grant.Match(t.Context(), grant.AnchorType, anchor, keys, []byte(`{"v":2}`)),
		"another key":     grant.Match(t.Context(), grant.AnchorType, anchor, others, payload),
		"a bit flipped":   grant.Match(t.Context(), grant.AnchorType, flip(anchor), keys, payload),
		"no statement":    grant.Match(t.Context(), grant.AnchorType, "", keys, payload),
		"too long":        grant.Match(t.Context(), grant.AnchorType, strings.Repeat("a", 3<<20), keys, payload),
	} {
		var refused *grant.RefusedError
		if !errors.As(check, &refused) {
			t.Errorf("%s: %v, want it refused", name, check)
		}
	}
	if _, err := grant.Verify(t.Context(), anchor, keys, grant.Expected{AnyIssuer: true, AnyAudience: true}); err == nil {
		t.Error("an anchor counts as a grant")
	}
}

// flip changes the first character of the payload.
func flip(statement string) string {
	i := strings.IndexByte(statement, '.') + 1
	c := byte('A')
	if statement[i] == c {
		c = 'B'
	}
	return statement[:i] + string(c) + statement[i+1:]
}

func newIssuer(t *testing.T) (*grant.Issuer, grant.KeySet) {
	t.Helper()
	issuer := grant.NewIssuer("https://fabric.example", newSigner(t), kept)
	keys, err := issuer.KeySet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return issuer, keys
}
