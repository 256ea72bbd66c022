package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// find are the ids of what a search finds, on one page.
func (a *archive) find(s audit.Search) (ids []string, result audit.Result) {
	a.Helper()
	s.Now = a.now
	result, err := audit.Find(a.Context(), a.sink, s)
	if err != nil {
		a.Fatalf("Find(%+v) = %v, want nil", s, err)
	}
	return idsOf(a, result.Entries), result
}

func idsOf(t testing.TB, entries []audit.Entry) []string {
	t.Helper()
	ids := []string{}
	for _, e := range entries {
		var record struct{ DecisionID string }
		if err := json.Unmarshal(e.Record, &record); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, record.DecisionID)
	}
	return ids
}

// Every criterion alone finds its decision, any two together find what meets
// both.
func TestFindCriteria(t *testing.T) {
	a := newArchive(t)
	base := a.decide("PO-0", nil)
	one := a.decide("PO-1", func(d *audit.Decision) {
		d.CorrelationID, d.ApprovalID, d.TenantID, d.AgentID, d.UserID = "c-1", "apr_1-1", "tenant-2", "hr-agent", "0f8f"
		d.UserUPN, d.CallerApp, d.Decision = "eve@contoso.com", "app-2", policy.Deny
	})
	for name, s := range map[string]audit.Search{
		"decision id as text":    {Text: one.DecisionID},
		"approval id as text":    {Text: "apr_1-1"},
		"correlation id as text": {Text: "c-1"},
		"resource id as text":    {Text: "PO-1"},
		"approval":               {Approval: "apr_1-1"},
		"correlation":            {Correlation: "c-1"},
		"resource":               {Resource: "PO-1"},
		"tenant":                 {Tenant: "TENANT-2"},
		"agent":                  {Agent: "hr-agent"},
		"upn":                    {User: "Eve@Contoso.com"},
		"object id":              {User: "0F8F"},
		"application":            {Application: "APP-2"},
		"outcome":                {Outcome: "DENY"},
		"all":                    {Text: "PO-1", Correlation: "c-1", Tenant: "tenant-2", Agent: "hr-agent", User: "eve@contoso.com", Application: "app-2", Outcome: "DENY"},
	} {
		t.Run(name, func(t *testing.T) {
			if ids, result := a.find(s); !cmp.Equal(ids, []string{one.DecisionID}) || result.More || result.Next != "" {
				t.Errorf("Find(%+v) = %v, more %t, want %s", s, ids, result.More, one.DecisionID)
			}
			if s.Agent != "" && s.Text == "" {
				return
			}
			s.Agent = "finance-agent" // that of the other decision: all criteria hold together
			if ids, _ := a.find(s); len(ids) != 0 {
				t.Errorf("Find(%+v) = %v, want nothing", s, ids)
			}
		})
	}
	if ids, _ := a.find(audit.Search{}); !cmp.Equal(ids, []string{one.DecisionID, base.DecisionID}) {
		t.Errorf("Find() = %v, want both, the newest first", ids)
	}
}

// What callers write into a record makes it no match, and the values that
// stand in it are no ids.
func TestFindIsNotMisled(t *testing.T) {
	const evil = `x","agentId":"hr-agent","userUPN":"eve@contoso.com","decision":"ALLOW","id":"PO-7`
	a := newArchive(t)
	d := a.decide(`PO"\1`, func(d *audit.Decision) {
		d.Reason, d.CorrelationID, d.Action = evil, "a\u202eb\x1b[2J", "hr-agent"
		d.UserUPN = "k\u212a\"eve@contoso.com"
		d.Parameters = strictjson.ObjectOf(
			strictjson.Member{Name: "agentId", Value: strictjson.StringOf("hr-agent")},
			strictjson.Member{Name: "userUPN", Value: strictjson.StringOf("eve@contoso.com")},
			strictjson.Member{Name: "id", Value: strictjson.StringOf("PO-7")},
			strictjson.Member{Name: "iban", Value: strictjson.StringOf("****4711")})
	})
	for _, s := range []audit.Search{
		{Agent: "hr-agent"},
		{User: "eve@contoso.com"},
		{Resource: "PO-7"},
		{Text: "PO-7"},
		{Text: "V-7"},
		{Text: "****4711"},
		{Text: "hr-agent"},
		{Outcome: "ALLOW"},
		{Text: "finance-agent"},
		{Text: evil},
		{User: "kk\"eve@contoso.com"},
		{Agent: "Finance-Agent"},
		{Agent: "finance-agent\xff"},
		{Text: "PO"},
		{Text: `"`},
		{Text: "\n"},
		{User: `ana@contoso.com","userId":"`},
	} {
		if ids, _ := a.find(s); len(ids) != 0 {
			t.Errorf("Find(%+v) = %v, want nothing", s, ids)
		}
	}
	for _, s := range []audit.Search{{Text: `PO"\1`}, {Correlation: "a\u202eb\x1b[2J"}, {User: "K\u212a\"EVE@contoso.com"}} {
		if ids, result := a.find(s); !cmp.Equal(ids, []string{d.DecisionID}) || bytes.ContainsAny(result.Entries[0].Record, "\u202e\x1b") {
			t.Errorf("Find(%+v) = %v, want the decision, as visible text", s, result.Entries)
		}
	}
}

// Only decisions and previews are found, each once: not what else has their
// ids, not replays, not a record that was written twice.
func TestFindCountsOnce(t *testing.T) {
	a := newArchive(t)
	asked, ran := a.order()
	preview := a.decide("PO-1001", func(d *audit.Decision) { d.As, d.Mode = audit.KindPreview, "preview" })
	a.write(ran)
	if ids, _ := a.find(audit.Search{}); !cmp.Equal(ids, []string{preview.DecisionID, ran.DecisionID, asked.DecisionID}) {
		t.Errorf("Find() = %v, want three decisions", ids)
	}
	a.now = a.now.Add(5 * time.Hour) // a reader of the approval appends it once more
	a.write(ran)
	a.now = a.now.Add(time.Hour)
	a.write(ran)
	lost := *asked // and one whose first record never came
	lost.DecisionID, lost.TS = a.id(), asked.TS.Add(-time.Hour)
	a.write(&lost)
	a.now = a.now.Add(2 * time.Hour)
	a.write(&lost)
	a.now = a.now.Add(time.Hour)
	last := a.decide("PO-1001", nil)
	want := []string{last.DecisionID, lost.DecisionID, preview.DecisionID, ran.DecisionID, asked.DecisionID}
	for limit := 1; limit < 7; limit++ {
		if ids := a.everyPage(audit.Search{Resource: "PO-1001", Limit: limit}); !cmp.Equal(ids, want) {
			t.Errorf("pages of %d = %v, want %v", limit, ids, want)
		}
	}
	closeLog(t, a.log)
	check(t, a.sink, nil)
}

// everyPage are the ids on all pages of a search.
func (a *archive) everyPage(s audit.Search) []string {
	a.Helper()
	all := []string{}
	for range 1000 {
		ids, result := a.find(s)
		all = append(all, ids...)
		if result.More != (result.Next != "") || result.More && len(ids) == 0 {
			a.Fatalf("Find(%+v) = %d decisions, more %t, next %q", s, len(ids), result.More, result.Next)
		}
		if s.Page = result.Next; !result.More {
			return all
		}
	}
	a.Fatal("a search of more than 1000 pages")
	return nil
}

// Pages of any size together are the decisions that were written, in the order
// of their times, whatever wrote them: two processes of two lanes each, clocks
// that stand still or step back, a record that is late.
func TestFindPages(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := newArchive(t)
		o := options()
		o.Clock, o.Instance, o.SegmentBlocks, o.Lanes = func() time.Time { return a.now }, "other", 3, 1
		o.Continue = false // as a second process does in the cloud
		other := openLog(t, a.sink, o)
		agents := []string{"a", "b"}
		wrote := map[string][]*audit.Decision{}
		for range rapid.IntRange(0, 40).Draw(rt, "records") {
			a.now = a.now.Add(rapid.SampledFrom([]time.Duration{0, 0, 1e6, time.Second, 20 * time.Minute, 2 * time.Hour, -time.Second, -2 * time.Minute}).Draw(rt, "step"))
			d := decision(a.id())
			d.TS, d.AgentID = a.now.Add(-rapid.SampledFrom([]time.Duration{0, 0, time.Millisecond, 5 * time.Second}).Draw(rt, "late")), rapid.SampledFrom(agents).Draw(rt, "agent")
			log := a.log
			if rapid.Bool().Draw(rt, "other") {
				log = other
			}
			for range rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(rt, "times") {
				if _, err := log.Append(t.Context(), d); err != nil {
					rt.Fatal(err)
				}
			}
			wrote[d.AgentID] = append(wrote[d.AgentID], d)
		}
		a.now = a.now.Add(time.Hour)
		since := a.now.Add(-rapid.SampledFrom([]time.Duration{0, time.Hour, 5 * time.Hour, 24 * time.Hour}).Draw(rt, "since"))
		until := a.now.Add(-rapid.SampledFrom([]time.Duration{0, time.Hour, 4 * time.Hour}).Draw(rt, "until"))
		for _, agent := range append(agents, "") {
			s := audit.Search{Agent: agent, Since: since, Until: until, Limit: rapid.IntRange(1, 9).Draw(rt, "limit")}
			if got, want := a.everyPage(s), wanted(wrote, s); !cmp.Equal(got, want) {
				rt.Fatalf("pages of %+v (-want +got):\n%s", s, cmp.Diff(want, got))
			}
		}
	})
}

func wanted(wrote map[string][]*audit.Decision, s audit.Search) []string {
	var all []*audit.Decision
	for agent, decisions := range wrote {
		if s.Agent == "" || s.Agent == agent {
			all = append(all, decisions...)
		}
	}
	slices.SortFunc(all, func(a, b *audit.Decision) int {
		if c := b.TS.Truncate(time.Millisecond).Compare(a.TS.Truncate(time.Millisecond)); c != 0 {
			return c
		}
		return strings.Compare(b.DecisionID, a.DecisionID)
	})
	ids := []string{}
	for _, d := range all {
		if !d.TS.Before(s.Since) && d.TS.Before(s.Until) {
			ids = append(ids, d.DecisionID)
		}
	}
	return ids
}

// What may never have been answered says so, and bytes that prove nothing are
// not shown.
func TestFindUncertainRecords(t *testing.T) {
	c := uncertainChain(t)
	now := time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC)
	look := func() map[string]bool {
		result, err := audit.Find(t.Context(), c.sink, audit.Search{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		uncertain := map[string]bool{}
		for i, id := range idsOf(t, result.Entries) {
			uncertain[id] = result.Entries[i].Uncertain
		}
		return uncertain
	}
	found := look()
	if len(found) != 16 {
		t.Errorf("Find() = %v, want 16 decisions", found)
	}
	for id, uncertain := range found {
		if uncertain != strings.HasPrefix(id, "u") {
			t.Errorf("%s: uncertain %t, want that of u only", id, uncertain)
		}
	}
	name, data := c.names[0], c.sink.Bytes(c.names[0])
	i := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
	forged := bytes.Replace(data[i:], []byte(`"u00"`), []byte(`"u77"`), 1)
	for what, test := range map[string]struct {
		end  []byte
		want int
	}{
		"shorter":            {bytes.Replace(forged, []byte(`"latencyUs":0,`), nil, 1), 15}, // proves nothing
		"forged":             {forged, 16},                                                  // verify is red, and nothing hides
		"with one behind it": {append(bytes.Clone(data[i:]), forged...), 17},
	} {
		c.sink.Tamper(name, append(bytes.Clone(data[:i]), test.end...))
		found := look()
		if uncertain, ok := found["u77"]; len(found) != test.want || ok && !uncertain {
			t.Errorf("Find() with a frame that is %s = %v, want %d decisions and u77 uncertain", what, found, test.want)
		}
	}
	c.sink.Tamper(name, data[:i-40]) // cut within what is certain: verify's to say
	if found := look(); len(found) != 14 {
		t.Errorf("Find() with a cut tail = %v, want 14 decisions", found)
	}
}

// Of two records of one thing the one is told that was answered for sure.
func TestTheSurerRecordIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &storetest.MemorySink{}
		var broken atomic.Bool
		faulty := &storetest.FaultySink{Sink: sink, Next: func(c storetest.SinkCall) storetest.SinkFault {
			switch {
			case broken.Load() && c.Op == "append":
				return storetest.SinkLosesReply
			case broken.Load():
				return storetest.SinkFails
			}
			return storetest.SinkWorks
		}}
		o := options()
		o.Lanes = 1
		log := openLog(t, faulty, o)
		d := decision("d")
		vote := &audit.Event{Kind: audit.KindApprovalVoted, TS: time.Now(), EventID: "e", ApprovalID: "apr_1-1"}
		for _, r := range []audit.Record{d, vote} {
			broken.Store(true)
			if _, err := log.Append(t.Context(), r); err == nil {
				t.Error("Append without outcome = nil, want an error")
			}
			broken.Store(false)
			<-time.After(time.Second)
			for range 2 {
				if _, err := log.Append(t.Context(), r); err != nil {
					t.Error(err)
				}
			}
		}
		closeLog(t, log)
		result, err := audit.Find(t.Context(), sink, audit.Search{Now: time.Now()})
		if err != nil || len(result.Entries) != 1 || result.Entries[0].Uncertain || result.Entries[0].Seq != 1 {
			t.Errorf("Find() = %+v, %v, want the first sure record", result.Entries, err)
		}
		story, err := audit.Why(t.Context(), sink, audit.Query{ID: "apr_1-1", Now: time.Now()})
		if err != nil || len(story.Events) != 1 || story.Events[0].Uncertain || story.Events[0].Seq != 1 {
			t.Errorf("Why() = %+v, %v, want the first sure record", story.Events, err)
		}
	})
}

// counting counts what is read, and can end a search.
type counting struct {
	audit.Reader
	bytes  atomic.Int64
	ranges atomic.Int64
	hook   func(n int64) error
}

func (c *counting) ReadRange(ctx context.Context, name string, from int64) (io.ReadCloser, error) {
	if n := c.ranges.Add(1); c.hook != nil {
		if err := c.hook(n); err != nil {
			return nil, err
		}
	}
	body, err := c.Reader.ReadRange(ctx, name, from)
	return &countingBody{body, c}, err
}

type countingBody struct {
	io.ReadCloser
	c *counting
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.c.bytes.Add(int64(n))
	return n, err
}

// hours writes a log of so many hours with so many decisions in each.
func hours(t *testing.T, n, each int) *archive {
	a := newArchive(t)
	for range n {
		for range each {
			a.now = a.now.Add(time.Hour / time.Duration(each))
			a.decide("PO-1", nil)
		}
	}
	return a
}

// A page of what is frequent reads the end of the log, however long that is.
func TestFindReadsTheEnd(t *testing.T) {
	a := hours(t, 50, 20)
	r := &counting{Reader: a.sink}
	result, err := audit.Find(t.Context(), r, audit.Search{Agent: "finance-agent", Now: a.now, Limit: 20})
	if err != nil || len(result.Entries) != 20 || !result.More {
		t.Fatalf("Find() = %d, more %t, %v, want 20 and more", len(result.Entries), result.More, err)
	}
	if n := r.ranges.Load(); n > 3*32 {
		t.Errorf("Find() of the newest page read %d times, want a few segments of 100", n)
	}
	one := newArchive(t) // an hour of 4 MB
	for range 200 {
		one.now = one.now.Add(12 * time.Second)
		one.decide("PO-1", func(d *audit.Decision) { d.Reason = strings.Repeat("x", 20_000) })
	}
	r = &counting{Reader: one.sink}
	if _, err = audit.Find(t.Context(), r, audit.Search{Now: one.now, Limit: 10}); err != nil {
		t.Fatal(err)
	}
	if n := r.bytes.Load(); n > 2<<20 {
		t.Errorf("Find() in one large segment read %d bytes, want its end", n)
	}
}

// A search that has to end goes on where it ended.
func TestFindEndsWithItsContext(t *testing.T) {
	a := newArchive(t)
	var rare []string
	for range 60 {
		a.now = a.now.Add(50 * time.Minute)
		a.decide("PO-1", nil)
		rare = append([]string{a.decide("PO-rare", nil).DecisionID}, rare...)
	}
	s := audit.Search{Text: "PO-rare", Now: a.now, Limit: 100}
	var found []string
	rounds := 0
	for more := true; more; rounds++ {
		if rounds > 100 {
			t.Fatal("the search does not get on")
		}
		ctx, cancel := context.WithCancel(t.Context())
		r := &counting{Reader: a.sink, hook: func(n int64) error {
			if n > 70 {
				cancel()
			}
			return nil
		}}
		result, err := audit.Find(ctx, r, s)
		if ended := ctx.Err() != nil; ended != errors.Is(err, context.Canceled) || !ended && err != nil || ended != result.More {
			t.Fatalf("Find() = more %t, %v, want both if the context ended: %t", result.More, err, ended)
		}
		found = append(found, idsOf(t, result.Entries)...)
		s.Page, more = result.Next, result.More
		cancel()
	}
	if rounds < 2 || !cmp.Equal(found, rare) {
		t.Errorf("in %d rounds (-want +got):\n%s", rounds, cmp.Diff(rare, found))
	}
}

// Lines longer than a block, and between blocks, are found whole and once.
func TestFindLongLines(t *testing.T) {
	a := newArchive(t)
	want := []string{}
	for i := range 35 {
		a.now = a.now.Add(time.Second)
		d := a.decide("PO-1", func(d *audit.Decision) { d.Reason = strings.Repeat("x", 300_000*(i%7)/(1+i%5)/6) })
		want = append([]string{d.DecisionID}, want...)
	}
	for _, limit := range []int{7, 200} {
		if got := a.everyPage(audit.Search{Limit: limit}); !cmp.Equal(got, want) {
			t.Errorf("pages of %d (-want +got):\n%s", limit, cmp.Diff(want, got))
		}
	}
}

// Minutes that come twice, since a clock was set back, are told in the order
// of their times.
func TestFindWhereAClockWasSetBack(t *testing.T) {
	a := newArchive(t)
	long := func(d *audit.Decision) { d.Reason = strings.Repeat("x", 100_000) }
	a.now = a.now.Add(25 * time.Minute)
	newest := a.decide("PO-1", long)
	a.now = a.now.Add(-8 * time.Minute)
	for range 20 {
		a.now = a.now.Add(time.Second)
		a.decide("PO-1", long)
	}
	if ids, _ := a.find(audit.Search{Limit: 1}); !cmp.Equal(ids, []string{newest.DecisionID}) {
		t.Errorf("Find() = %v, want %s, which was written first", ids, newest.DecisionID)
	}
}

func TestFindErrors(t *testing.T) {
	a := hours(t, 3, 2)
	broken := errors.New("the disk is gone")
	r := &counting{Reader: a.sink, hook: func(n int64) error {
		if n > 2 {
			return broken
		}
		return nil
	}}
	if result, err := audit.Find(t.Context(), r, audit.Search{Now: a.now}); !errors.Is(err, broken) || len(result.Entries) != 0 || result.More {
		t.Errorf("Find() on a broken disk = %+v, %v, want its error and nothing else", result, err)
	}
	for _, page := range []string{"x", "!", "MTIz", "eCB5"} {
		if _, err := audit.Find(t.Context(), a.sink, audit.Search{Now: a.now, Page: page}); !errors.Is(err, audit.ErrPage) {
			t.Errorf("Find(page %q) = %v, want ErrPage", page, err)
		}
	}
	empty := &storetest.MemorySink{}
	if result, err := audit.Find(t.Context(), empty, audit.Search{Now: a.now}); err != nil || result.Entries == nil || result.More {
		t.Errorf("Find() in no log = %+v, %v, want an empty page", result, err)
	}
	if got := fmt.Sprint(audit.Find(t.Context(), a.sink, audit.Search{Now: a.now, Since: a.now.Add(time.Hour)})); strings.Contains(got, "PO-1") {
		t.Errorf("Find() of the future = %s, want nothing", got)
	}
}
