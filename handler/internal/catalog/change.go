package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// The kinds of [Made], which are kinds of the audit log.
const (
	KindPublished = "policy.published" // publish, approvals-valid-from
	KindRollout   = "policy.rollout"   // rollout, promote, rollback
	KindSuspended = "policy.suspended"
	KindResumed   = "policy.resumed"
)

// PackVersion names a version of a pack.
type PackVersion struct {
	Pack    string
	Version int
}

// ParsePackVersion reads "finance@12".
func ParsePackVersion(s string) (PackVersion, error) {
	pack, version, _ := strings.Cut(s, "@")
	n, err := strconv.Atoi(version)
	if err != nil || n < 1 || strconv.Itoa(n) != version || !isPackName(pack) {
		return PackVersion{}, fmt.Errorf("%q names no version of a pack: write PACK@VERSION, such as finance@12", s)
	}
	return PackVersion{pack, n}, nil
}

func (v PackVersion) String() string { return v.Pack + "@" + strconv.Itoa(v.Version) }

// isPackName is policy-pack §1.1's pattern.
func isPackName(s string) bool {
	for i, c := range []byte(s) {
		if ok := c >= 'a' && c <= 'z' || i > 0 && (c >= '0' && c <= '9' || c == '-'); !ok {
			return false
		}
	}
	return s != "" && len(s) <= 63
}

// Reach is for whom a version serves that does not serve everybody.
type Reach struct {
	BasisPoints int      // of 10,000 agents
	Agents      []string // whatever their buckets
	Shadow      bool     // nobody: it decides for the record only, and the others say nothing
}

func (c *Reach) String() string {
	switch {
	case c == nil:
		return "everybody"
	case c.Shadow:
		return "shadow"
	}
	parts := []string{}
	if c.BasisPoints > 0 || len(c.Agents) == 0 {
		parts = append(parts, percent(c.BasisPoints))
	}
	if len(c.Agents) > 0 {
		parts = append(parts, "agents "+strings.Join(c.Agents, ", "))
	}
	return strings.Join(parts, " and ")
}

// percent writes basis points as people do.
func percent(basisPoints int) string {
	text := strconv.Itoa(basisPoints / 100)
	if rest := basisPoints % 100; rest > 0 {
		text += "." + strings.TrimRight(fmt.Sprintf("%02d", rest), "0")
	}
	return text + " %"
}

// Reach is for whom the entry serves; nil is everybody.
func (e Entry) Reach() *Reach {
	switch {
	case e.Mode == ModeShadow:
		return &Reach{Shadow: true}
	case e.Rollout != nil:
		return &Reach{BasisPoints: e.Rollout.BasisPoints, Agents: e.Rollout.Agents}
	}
	return nil
}

// change is one step of an operator, planned for one manifest.
type change struct {
	made    Made        // kind and detail
	next    Manifest    // without epoch, times and signature
	docs    []Published // what it publishes
	scope   scope
	warn    []policy.Finding
	nothing string // why there is nothing to do; "" if there is

	suspension *Suspension // who is suspended or resumed
	reason     string
}

// scope is the part of a manifest that a change is about. While that is as it
// was, the change still means the same.
type scope struct {
	packs     []string
	suspended string // as [Suspension.String]
	validFrom bool
}

// of is that part of a manifest, for comparing.
func (s scope) of(m *Manifest) string {
	var part struct {
		Packs     []Entry
		Suspended []Suspension
		ValidFrom time.Time
	}
	for _, e := range m.Packs {
		if slices.Contains(s.packs, e.Pack) {
			part.Packs = append(part.Packs, e)
		}
	}
	for _, x := range m.Suspended {
		if x.String() == s.suspended {
			part.Suspended = append(part.Suspended, Suspension{Kind: x.Kind, ID: x.ID})
		}
	}
	if s.validFrom {
		part.ValidFrom = m.ApprovalsValidFrom
	}
	text, err := json.Marshal(part)
	if err != nil {
		panic("a manifest that is no JSON: " + err.Error()) // of plain fields only
	}
	return string(text)
}

// clone is a copy that shares nothing that changes are made to.
func (m *Manifest) clone() Manifest {
	out := *m
	out.Packs, out.Suspended, out.Versions = slices.Clone(m.Packs), slices.Clone(m.Suspended), slices.Clone(m.Versions)
	if out.Packs == nil {
		out.Packs = []Entry{}
	}
	if out.Suspended == nil {
		out.Suspended = []Suspension{}
	}
	return out
}

// keptVersions is how many versions of a pack a manifest remembers.
const keptVersions = 50

// remember notes the versions that m and the manifest before it serve.
func (m *Manifest) remember(was *Manifest) {
	for _, e := range slices.Concat(was.Packs, m.Packs) {
		known := Known{e.Pack, e.Version, e.Hash}
		if !slices.Contains(m.Versions, known) {
			m.Versions = append(m.Versions, known)
		}
	}
	slices.SortFunc(m.Versions, func(a, b Known) int {
		return cmp.Or(cmp.Compare(a.Pack, b.Pack), cmp.Compare(b.Version, a.Version)) // the newest of a pack leads
	})
	kept, n := m.Versions[:0], 0
	for i, k := range m.Versions {
		if n++; i == 0 || k.Pack != m.Versions[i-1].Pack {
			n = 1
		}
		if n <= keptVersions {
			kept = append(kept, k)
		}
	}
	m.Versions = kept
}

// knows reports whether a version is one that was published under m's
// signature, or an earlier one's.
func (m *Manifest) knows(k Known) bool { return slices.Contains(m.Versions, k) }

// put makes these the entries of a pack.
func (m *Manifest) put(pack string, entries ...Entry) {
	m.Packs = slices.DeleteFunc(m.Packs, func(e Entry) bool { return e.Pack == pack })
	m.Packs = append(m.Packs, entries...)
	slices.SortStableFunc(m.Packs, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Pack, b.Pack), cmp.Compare(a.Version, b.Version))
	})
}

// version is a published version with what its document says of when and for
// whom it serves.
type version struct {
	PackVersion
	hash     string
	from, to time.Time // zero: always, never
	agents   []string
	tenants  []string
	callers  []string // applications
}

func (v *version) entry() Entry {
	return Entry{Pack: v.Pack, Version: v.Version, Hash: v.hash, Mode: ModeEnforce}
}

func (v *version) ended(now time.Time) bool { return !v.to.IsZero() && !v.to.After(now) }

// readVersion reads what is needed of a published document, which was checked.
func readVersion(hash string, text []byte) (version, error) {
	doc, err := parseDocument(text)
	if err != nil {
		return version{}, err
	}
	v := version{hash: hash, from: instantOf(doc, "effectiveFrom"), to: instantOf(doc, "effectiveTo")}
	v.Pack = doc.Get("pack").Text()
	v.Version, _ = strconv.Atoi(doc.Get("version").Text())
	for _, t := range doc.Get("tenants").Items() {
		v.tenants = append(v.tenants, t.Text())
	}
	for _, a := range doc.Get("agents").Items() {
		v.agents = append(v.agents, a.Get("id").Text())
		for _, c := range a.Get("callers").Items() {
			v.callers = append(v.callers, strings.TrimPrefix(c.Text(), "app:"))
		}
	}
	return v, nil
}

func parseDocument(text []byte) (strictjson.Value, error) {
	v, err := strictjson.Parse(text, strictjson.Limits{Depth: strictjson.MaxDepth, Names: 2_000_000})
	if err != nil {
		return strictjson.Value{}, fmt.Errorf("read a document: %w", err)
	}
	return v, nil
}

func instantOf(doc strictjson.Value, key string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, doc.Get(key).Text())
	return t
}

// lineup is what the versions of one pack do at an instant.
type lineup struct {
	serving   *version // everybody, or whomever the rollout does not reach
	scheduled *version // everybody from its effectiveFrom on
	rolling   *Entry
	shadow    *Entry
	all       []Entry
}

func lineupOf(entries []Entry, versions []version, now time.Time) lineup {
	l := lineup{all: entries}
	for i := range entries {
		e, v := &entries[i], &versions[i]
		switch {
		case e.Mode == ModeShadow:
			l.shadow = e
		case e.Rollout != nil:
			l.rolling = e
		case v.from.After(now):
			l.scheduled = v
		case !v.ended(now) && (l.serving == nil || l.serving.Version < v.Version):
			l.serving = v
		}
	}
	return l
}

// alone reports whether that version serves everybody and nothing is beside it.
func (l *lineup) alone(version int) bool {
	return len(l.all) == 1 && l.all[0].Version == version && l.all[0].Reach() == nil
}

// enforced is the highest version that decides for anybody, now or later.
func (l *lineup) enforced() int {
	highest := 0
	for _, e := range l.all {
		if e.Mode != ModeShadow {
			highest = max(highest, e.Version)
		}
	}
	return highest
}

// everybody are the entries in which v serves everybody. What serves now goes
// on until v takes effect.
func (l *lineup) everybody(v *version, now time.Time) []Entry {
	entries := []Entry{v.entry()}
	if v.from.After(now) && l.serving != nil && l.serving.Version != v.Version {
		entries = append(entries, l.serving.entry())
	}
	return entries
}

// cohort are the entries in which v serves a cohort, and what serves now all
// others.
func (l *lineup) cohort(v *version, c Reach) []Entry {
	mine := v.entry()
	var others []Entry
	if c.Shadow {
		mine.Mode = ModeShadow
		for _, e := range l.all {
			if e.Version != v.Version && e.Mode != ModeShadow {
				others = append(others, e)
			}
		}
		return append(others, mine)
	}
	// One salt a version: a higher share adds agents and moves none, and the
	// next version does not meet the same agents first.
	mine.Rollout = &Rollout{BasisPoints: c.BasisPoints, Salt: "v" + strconv.Itoa(v.Version), Agents: c.Agents}
	if l.serving != nil {
		mine.Rollout.Else = l.serving.Version
		others = append(others, l.serving.entry())
	}
	if l.shadow != nil && l.shadow.Version != v.Version {
		others = append(others, *l.shadow)
	}
	return append(others, mine)
}
