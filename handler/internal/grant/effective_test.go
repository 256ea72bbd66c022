package grant_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// SHA-256 of "fabric-effective-v1\n" and the RFC 8785 form, by another program.
const (
	emptyHash  = "074b71f3464f02d2e9fd7f7b2b671cc464505ff2635acc0e02f7172721886671"
	amountHash = "b0c44c69a99b7706b1706d23ec0b53834c30e56ae3e4fddfad1c41648dea838e"
	textHash   = "d0c1c9ff12a25aeb0189209d70176603d98602aefdf1330a5e604ef842a9f8a0"
	nestedHash = "0fb87b366b5d27f45242d6f36f60635f7553ec32bbc3897360d40f87a84f77d8"
)

// The hash is written into tokens that other programs check: it must not
// change.
func TestEffectiveHashVectors(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                "sha256:" + emptyHash,
		`{"amount":70000,"currency":"EUR"}`: "sha256:" + amountHash,
		`{ "currency" : "\u0045UR", "amount" : 70000.0 }`:        "sha256:" + amountHash,
		`{"currency":"EUR","amount":7e4}`:                        "sha256:" + amountHash,
		`{"amount":"70000.00","currency":"EUR"}`:                 "sha256:" + textHash,
		`{"b":[1,{"z":null,"a":"€"}],"a":{"\ud83d\ude00":1e-7}}`: "sha256:" + nestedHash,
	} {
		if got := grant.EffectiveHash(parse(text)); got != want {
			t.Errorf("EffectiveHash(%s) = %s, want %s", text, got, want)
		}
	}
	for name, v := range map[string]strictjson.Value{"absent": {}, "null": strictjson.NullValue(), "a text": strictjson.StringOf("x")} {
		if got := grant.EffectiveHash(v); got != "sha256:"+emptyHash {
			t.Errorf("EffectiveHash(%s) = %s, want that of {}, as an answer writes it", name, got)
		}
	}
}

// valueOf draws JSON with the numbers, names and nesting that calls have.
func valueOf(depth int) *rapid.Generator[strictjson.Value] {
	return rapid.Custom(func(t *rapid.T) strictjson.Value {
		kind := rapid.IntRange(0, 4).Draw(t, "kind")
		if depth > 0 {
			kind = rapid.IntRange(0, 6).Draw(t, "kind")
		}
		switch kind {
		case 0:
			return strictjson.NullValue()
		case 1:
			return strictjson.BoolOf(rapid.Bool().Draw(t, "bool"))
		case 2:
			return strictjson.StringOf(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"70000.00", "", "\u2028", "😀", "\x00\"\\"})).Draw(t, "text"))
		case 3:
			return strictjson.NumberOf(strconv.Itoa(rapid.IntRange(-9007199254740991, 9007199254740991).Draw(t, "integer")))
		case 4:
			return strictjson.NumberOf(rapid.SampledFrom([]string{
				"70000", "70000.0", "7e4", "7E+4", "0.10", "-0", "-0.0", "0e5", "1e-7", "0.000001", "123456789.5", "1.5e3",
			}).Draw(t, "decimal"))
		case 5:
			return strictjson.ArrayOf(rapid.SliceOfN(valueOf(depth-1), 0, 4).Draw(t, "items")...)
		default:
			return objectOf(depth-1).Draw(t, "object")
		}
	})
}

func objectOf(depth int) *rapid.Generator[strictjson.Value] {
	return rapid.Custom(func(t *rapid.T) strictjson.Value {
		names := rapid.SliceOfNDistinct(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"amount", "Amount", "ﬀ", "😀", ""})), 0, 4, rapid.ID).Draw(t, "names")
		var members []strictjson.Member
		for _, name := range names {
			members = append(members, strictjson.Member{Name: name, Value: valueOf(depth).Draw(t, "value")})
		}
		return strictjson.ObjectOf(members...)
	})
}

// Whoever reads effectiveParameters out of an answer, in whatever spelling it
// keeps them, has the hash that the issuer signed.
func TestEffectiveHashSurvivesTheAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := objectOf(3).Draw(t, "parameters")
		want := grant.EffectiveHash(v)
		for name, text := range map[string][]byte{"as answered": strictjson.AppendCanonical(nil, v), "as sent": strictjson.AppendAsSent(nil, v)} {
			read, err := strictjson.Parse(text, strictjson.Limits{})
			if err != nil {
				t.Fatalf("Parse(%s) = %v", text, err)
			}
			if got := grant.EffectiveHash(read); got != want {
				t.Errorf("%s: EffectiveHash(%s) = %s, want %s", name, text, got, want)
			}
		}
	})
}

// Different parameters never share a hash.
func TestEffectiveHashTellsParametersApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := objectOf(2).Draw(t, "a"), objectOf(2).Draw(t, "b")
		same := string(strictjson.AppendCanonical(nil, a)) == string(strictjson.AppendCanonical(nil, b))
		if (grant.EffectiveHash(a) == grant.EffectiveHash(b)) != same {
			t.Errorf("EffectiveHash: %s and %s are the same %v", strictjson.AppendCanonical(nil, a), strictjson.AppendCanonical(nil, b), same)
		}
	})
}

// Whatever the facts, a grant says exactly them, to its audience alone, and
// permits exactly its call.
func TestGrantRoundTrip(t *testing.T) {
	s := newSigner(t)
	i := grant.NewIssuer(service, s, kept)
	keys, err := i.KeySet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.StringN(1, 40, 80)
		f := grant.Facts{
			Audience: some.Draw(t, "audience"), Agent: some.Draw(t, "agent"),
			User:        policy.User{ID: rapid.StringN(0, 40, 80).Draw(t, "oid"), UPN: rapid.StringN(0, 40, 80).Draw(t, "upn")},
			Application: rapid.StringN(0, 40, 80).Draw(t, "application"), Tenant: some.Draw(t, "tenant"),
			Action: some.Draw(t, "action"), ResourceType: rapid.StringN(0, 20, 40).Draw(t, "type"), ResourceID: rapid.StringN(0, 512, 1024).Draw(t, "id"),
			Effective: objectOf(2).Draw(t, "parameters"), DecisionID: some.Draw(t, "decision"),
			RequestDigest: "hmac-sha256:" + digest64, ApprovalID: rapid.StringN(0, 40, 80).Draw(t, "approval"),
			Now: at.Add(time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "later"))),
		}
		token, ends, err := i.Issue(context.Background(), f)
		if err != nil {
			t.Fatalf("Issue(%+v) = %v", f, err)
		}
		c, err := grant.Verify(context.Background(), token, keys, grant.Expected{Issuer: service, Audience: f.Audience, Now: f.Now})
		if err != nil || c.Agent != f.Agent || c.User != (grant.User{ID: f.User.ID, UPN: f.User.UPN}) || c.Application != f.Application ||
			c.Tenant != f.Tenant || c.DecisionID != f.DecisionID || c.ApprovalID != f.ApprovalID || !c.Expires.Equal(ends) {
			t.Errorf("Verify(Issue(%+v)) = %+v, %v", f, c, err)
		}
		call := grant.Call{Action: f.Action, ResourceType: f.ResourceType, ResourceID: f.ResourceID}
		if err := c.Permits(call, f.Effective); err != nil {
			t.Errorf("Permits(%+v) = %v, want it permitted", call, err)
		}
		call.ResourceID += "x"
		if err := c.Permits(call, f.Effective); err == nil {
			t.Errorf("Permits(%+v) = nil, want it refused", call)
		}
	})
}
