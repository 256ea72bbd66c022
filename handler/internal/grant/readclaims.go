package grant

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	maxClaimNames = 1000
	maxClaimDepth = 5
	maxSeconds    = 253402300799 // the last second of the year 9999
)

// claimNames are all claims of a grant, each of which must be there.
var claimNames = []string{
	"iss", "aud", "sub", "act", "app", "ten", "call", "eff", "obl", "jti", "iat", "nbf", "exp", "req", "apr", "pol",
}

var (
	effectiveForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	digestForm    = regexp.MustCompile(`^hmac-sha256:[0-9a-f]{64}$`)
)

// readClaims reads the claims of a token whose signature holds. It demands
// every one, of its own type; further claims are left alone, so that later
// versions may add some.
func readClaims(body []byte) (Claims, error) {
	v, err := strictjson.Parse(body, strictjson.Limits{Depth: maxClaimDepth, Names: maxClaimNames})
	if err != nil || v.Kind() != strictjson.Object {
		return Claims{}, refuse("the claims are not a strict JSON object")
	}
	for _, m := range v.Members() {
		if known := otherCase(m.Name, claimNames); known != "" {
			return Claims{}, refuse("a claim differs from " + known + " in case only")
		}
	}
	var r reader
	call := r.object(v, "call", "action", "resource")
	resource := r.object(call, "resource", "type", "id")
	act := r.object(v, "act", "oid", "upn")
	c := Claims{
		Issuer: r.some(v, "iss"), Audience: r.some(v, "aud"), Agent: r.some(v, "sub"),
		User:        User{ID: r.text(act, "oid"), UPN: r.text(act, "upn")},
		Application: r.text(v, "app"), Tenant: r.some(v, "ten"),
		Call:      Call{Action: r.some(call, "action"), ResourceType: r.text(resource, "type"), ResourceID: r.text(resource, "id")},
		Effective: r.form(v, "eff", effectiveForm), Obligations: r.obligations(v),
		DecisionID: r.some(v, "jti"), IssuedAt: r.time(v, "iat"), NotBefore: r.time(v, "nbf"), Expires: r.time(v, "exp"),
		RequestDigest: r.form(v, "req", digestForm), ApprovalID: r.text(v, "apr"), PolicyHashes: r.hashes(v),
	}
	if r.err != nil {
		return Claims{}, r.err
	}
	return c, nil
}

// otherCase is the known name that name is in another case, or "".
func otherCase(name string, known []string) string {
	for _, k := range known {
		if name != k && strings.EqualFold(name, k) {
			return k
		}
	}
	return ""
}

// reader keeps the first thing that is wrong.
type reader struct{ err error }

func (r *reader) wrong(name string) {
	if r.err == nil {
		r.err = refuse("the claim " + name + " is missing or not of its form")
	}
}

func (r *reader) text(v strictjson.Value, name string) string {
	t := v.Get(name)
	if t.Kind() != strictjson.String {
		r.wrong(name)
		return ""
	}
	return t.Text()
}

// some is a text that is not empty.
func (r *reader) some(v strictjson.Value, name string) string {
	s := r.text(v, name)
	if s == "" {
		r.wrong(name)
	}
	return s
}

func (r *reader) form(v strictjson.Value, name string, form *regexp.Regexp) string {
	s := r.text(v, name)
	if !form.MatchString(s) {
		r.wrong(name)
	}
	return s
}

// object is a claim that holds exactly these names.
func (r *reader) object(v strictjson.Value, name string, names ...string) strictjson.Value {
	o := v.Get(name)
	if !holdsExactly(o, names...) {
		r.wrong(name)
		return strictjson.Value{}
	}
	return o
}

func holdsExactly(o strictjson.Value, names ...string) bool {
	if o.Kind() != strictjson.Object || len(o.Members()) != len(names) {
		return false
	}
	for _, name := range names {
		if !o.Has(name) {
			return false
		}
	}
	return true
}

func (r *reader) time(v strictjson.Value, name string) time.Time {
	n := v.Get(name)
	s, err := strconv.ParseInt(n.Text(), 10, 64)
	if n.Kind() != strictjson.Number || err != nil || s <= 0 || s > maxSeconds {
		r.wrong(name)
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

func (r *reader) obligations(v strictjson.Value) []policy.Obligation {
	list := v.Get("obl")
	if list.Kind() != strictjson.Array {
		r.wrong("obl")
	}
	out := make([]policy.Obligation, 0, len(list.Items()))
	for _, o := range list.Items() {
		if !holdsExactly(o, "type", "path", "method") {
			r.wrong("obl")
			return nil
		}
		out = append(out, policy.Obligation{Type: r.some(o, "type"), Path: r.some(o, "path"), Method: r.some(o, "method")})
	}
	return out
}

func (r *reader) hashes(v strictjson.Value) []string {
	list := v.Get("pol")
	if list.Kind() != strictjson.Array {
		r.wrong("pol")
	}
	out := make([]string, 0, len(list.Items()))
	for _, h := range list.Items() {
		if h.Kind() != strictjson.String || !effectiveForm.MatchString(h.Text()) {
			r.wrong("pol")
			return nil
		}
		out = append(out, h.Text())
	}
	return out
}
