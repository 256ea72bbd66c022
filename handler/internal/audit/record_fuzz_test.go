package audit

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Every record reads back as what it was, whatever texts it holds: so no two
// records have the same bytes, and no text adds a member or a line.
func FuzzRecord(f *testing.F) {
	f.Add("id", "text", `"},{"v":1`, int64(1), true)
	f.Add("01JD", "\x00\n\r\u2028\x7f", "\xff\xc3", int64(-1), false)
	f.Fuzz(func(t *testing.T, id, a, b string, n int64, flag bool) {
		d := &Decision{
			TS: time.UnixMilli(n % 1e14).UTC(), DecisionID: id, CorrelationID: a, Door: b, Mode: a, TenantID: b, AgentID: a, CallerApp: b,
			UserID: a, UserUPN: b, Action: a, Resource: Resource{Type: a, ID: b, Region: a, Classification: b},
			Parameters:    strictjson.ObjectOf(strictjson.Member{Name: "a" + a, Value: strictjson.StringOf(b)}),
			RequestDigest: a, ReasonCode: policy.Code(b), Reason: a, Advice: []string{a, b}, PolicyIDs: []string{b},
			Packs: []policy.PackRef{{Pack: a, Version: int(n % 1e9), Hash: b, RulesHash: a}}, Epoch: n % (1 << 53), Stale: flag,
			Obligations: []policy.Obligation{{Type: a, Path: b, Method: a}}, ApprovalID: b, ApprovalOutcome: a, Approvers: []string{b, a},
			Latency: time.Duration(n%1e9) * time.Microsecond, KeyID: a,
			Rollout: []Cohort{{Pack: a, Version: int(n % 1e9), Bucket: int(n % 1e4), In: flag}, {Pack: b, Bucket: -1}},
		}
		if d.TS.Year() < 0 || d.TS.Year() > 9999 {
			return
		}
		line := appendLine(nil, d.kind(), 7, []byte("sha256:"+strings.Repeat("0", 64)), d.appendBody(nil))
		if n := bytes.IndexByte(line, '\n'); n != len(line)-1 {
			t.Fatalf("a line feed at %d of %d", n, len(line))
		}
		if h, ok := parseHead(line); !ok || h.seq != 7 || h.kind != KindDecision {
			t.Fatalf("parseHead(%s) = %+v, %t", line, h, ok)
		}
		v, err := parseBody(line)
		if err != nil {
			t.Fatalf("parseBody(%s) = %v", line, err)
		}
		if !utf8.ValidString(id + "|" + a + "|" + b) { // the one thing that the form cannot hold
			return
		}
		if diff := cmp.Diff(d, readDecision(v), cmp.Comparer(sameValue)); diff != "" {
			t.Errorf("read back (-want +got):\n%s", diff)
		}
	})
}

func sameValue(a, b strictjson.Value) bool {
	return string(strictjson.AppendCanonical(nil, a)) == string(strictjson.AppendCanonical(nil, b))
}

// readDecision is the inverse of the writer, for those fields that a fuzz
// target fills.
func readDecision(v strictjson.Value) *Decision {
	text := func(name string) string { return v.Get(name).Text() }
	r := v.Get("resource")
	d := &Decision{
		TS: timeOf(v.Get("ts")), DecisionID: text("decisionId"), CorrelationID: text("correlationId"), Door: text("door"), Mode: text("mode"),
		TenantID: text("tenantId"), AgentID: text("agentId"), CallerApp: text("callerApp"), UserID: text("userId"), UserUPN: text("userUPN"),
		Action: text("action"), Parameters: v.Get("parameters"), RequestDigest: text("requestDigest"), ReasonCode: policy.Code(text("reasonCode")),
		Resource: Resource{r.Get("type").Text(), r.Get("id").Text(), r.Get("region").Text(), r.Get("classification").Text()},
		Reason:   text("reason"), Advice: texts(v.Get("advice")), PolicyIDs: texts(v.Get("policyIds")), Epoch: number(v.Get("epoch")),
		Stale: v.Get("stale").Bool(), ApprovalID: text("approvalId"), ApprovalOutcome: text("approvalOutcome"), Approvers: texts(v.Get("approvers")),
		Latency: time.Duration(number(v.Get("latencyUs"))) * time.Microsecond, KeyID: text("keyId"),
	}
	for _, p := range v.Get("packs").Items() {
		d.Packs = append(d.Packs, policy.PackRef{
			Pack: p.Get("pack").Text(), Version: int(number(p.Get("version"))), Hash: p.Get("hash").Text(), RulesHash: p.Get("rulesHash").Text(),
		})
	}
	for _, c := range v.Get("rollout").Items() {
		d.Rollout = append(d.Rollout, Cohort{
			Pack: c.Get("pack").Text(), Version: int(number(c.Get("version"))), Bucket: int(number(c.Get("bucket"))), In: c.Get("in").Bool(),
		})
	}
	for _, o := range v.Get("obligations").Items() {
		d.Obligations = append(d.Obligations, policy.Obligation{Type: o.Get("type").Text(), Path: o.Get("path").Text(), Method: o.Get("method").Text()})
	}
	return d
}

func texts(v strictjson.Value) (all []string) {
	for _, item := range v.Items() {
		all = append(all, item.Text())
	}
	return all
}

func number(v strictjson.Value) int64 {
	n, err := strconv.ParseInt(v.Text(), 10, 64)
	if err != nil {
		return math.MinInt64
	}
	return n
}

// A line is found again by the layout alone, whatever its parts.
func TestHeadReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(Kinds()).Draw(t, "kind")
		seq := rapid.Uint64Max(1<<53).Draw(t, "seq")
		prev := appendHash(nil, rapid.SliceOf(rapid.Byte()).Draw(t, "previous"))
		body := strictjson.AppendString([]byte(`,"x":`), rapid.String().Draw(t, "text"))
		line := appendLine(nil, kind, seq, prev, body)
		h, ok := parseHead(line)
		if !ok || h.kind != kind || h.seq != seq || !bytes.Equal(h.prev, prev) || !bytes.Equal(h.body, body) {
			t.Fatalf("parseHead(%s) = %+v, %t", line, h, ok)
		}
	})
}
