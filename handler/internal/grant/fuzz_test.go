package grant_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

// FuzzVerify: no text counts as a grant unless it is the one that was signed,
// and none makes the check panic.
func FuzzVerify(f *testing.F) {
	b := newBench(f)
	good := forge(f, b.key, b.header, claimsText)
	parts := strings.Split(good, ".")
	for _, seed := range []string{
		"", "..", good, good + ".", good[:len(good)-1], parts[0] + "." + parts[1] + ".", parts[0] + ".." + parts[2],
		encode(`{"alg":"none","typ":"fabric-grant+jwt","kid":"`+b.kid+`"}`) + "." + parts[1] + ".",
		encode(`null`) + "." + encode(`null`) + "." + parts[2],
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		c, err := b.verify(token)
		if err == nil && token != good {
			t.Errorf("Verify(%q) = %+v, want it refused", token, c)
		}
		var refused *grant.RefusedError
		if err != nil && (!errors.As(err, &refused) || !cmp.Equal(c, grant.Claims{})) {
			t.Errorf("Verify(%q) = %+v, %v, want nothing and a RefusedError", token, c, err)
		}
	})
}

// FuzzSignedClaims: whatever is signed as header and claims, what counts has
// every claim and is in time.
func FuzzSignedClaims(f *testing.F) {
	b := newBench(f)
	f.Add(b.header, claimsText)
	f.Add(b.header, `{}`)
	f.Add(`{"alg":"none"}`, claimsText)
	f.Fuzz(func(t *testing.T, header, claims string) {
		c, err := b.verify(forge(t, b.key, header, claims))
		if err != nil {
			return
		}
		if c.Issuer != service || c.Audience != audience || c.Agent == "" || c.Tenant == "" || c.Call.Action == "" || c.DecisionID == "" ||
			c.Obligations == nil || c.PolicyHashes == nil || c.Expires.Sub(c.IssuedAt) > grant.Lifetime || !at.Before(c.Expires) || at.Before(c.NotBefore) {
			t.Errorf("Verify(%s, %s) = %+v, want it refused", header, claims, c)
		}
	})
}

// FuzzParseKeySet: what is taken for a key set is published as it was read.
func FuzzParseKeySet(f *testing.F) {
	f.Add(string(grant.NewKeySet(publicKey(f), publicKey(f)).Document()))
	f.Add(`{"keys":[]}`)
	f.Add(`{"keys":[{}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		set, err := grant.ParseKeySet([]byte(text))
		if err != nil {
			return
		}
		again, err := grant.ParseKeySet(set.Document())
		if err != nil || !cmp.Equal(string(again.Document()), string(set.Document())) {
			t.Errorf("ParseKeySet(%q) = %s, read again %s, %v", text, set.Document(), again.Document(), err)
		}
	})
}
