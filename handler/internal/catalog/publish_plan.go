package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// refuseStep is a step that is not made, and what to do instead.
func refuseStep(check, what, message, fix string) error {
	return &RefusedError{Findings: []policy.Finding{{Check: check, File: what, Message: message, Fix: fix}}}
}

func refuseEnded(v *version) error {
	return refuseStep("publish.ended", v.String(), "it ended at "+v.to.Format(time.RFC3339)+" and would serve nobody", "Publish a version that is in effect.")
}

// reader reads what a step needs. Documents never change, so each is read once.
type reader struct {
	ctx      context.Context //nolint:containedctx // of one step, handed to plans with the rest
	editor   Editor
	env      string
	now      time.Time
	manifest *Manifest // that the step is planned for
	counted  bool      // its epochs are: it is no folder that is served as it is
	signed   bool      // it says, under its signature, what was published

	mu    sync.Mutex        // a catalog that checks reads several at a time
	texts map[string][]byte // guarded by mu: by hash
}

func (p *Publisher) newReader(ctx context.Context) *reader {
	return &reader{
		ctx: ctx, editor: p.editor, env: p.options.Environment,
		now: p.options.Now().UTC().Truncate(time.Millisecond), signed: p.options.Authentic != nil, texts: map[string][]byte{},
	}
}

func (r *reader) text(hash string) ([]byte, error) {
	if text := r.known(hash, nil); text != nil {
		return text, nil
	}
	text, err := r.editor.Document(r.ctx, hash)
	if err != nil {
		return nil, fmt.Errorf("read document %s: %w", hash, err)
	}
	if Hash(text) != hash {
		return nil, refuseStep("hash", hash, "the document is not the one that was published: its hash is another", "Publish it again as a new version.")
	}
	return r.known(hash, text), nil
}

// known is a text that was read; one that is given is kept.
func (r *reader) known(hash string, text []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if text != nil {
		r.texts[hash] = text
	}
	return r.texts[hash]
}

// version finds a version among those that were published.
func (r *reader) version(v PackVersion) (*version, error) {
	all, err := r.editor.Versions(r.ctx, r.env, v.Pack)
	if err != nil {
		return nil, fmt.Errorf("list the versions of %s: %w", v.Pack, err)
	}
	i := slices.IndexFunc(all, func(p Published) bool { return p.Pack == v.Pack && p.Version == v.Version })
	if i < 0 {
		return nil, refuseStep("publish.unknown", v.String(), "it was never published for "+r.env, published(all))
	}
	if r.signed && !r.manifest.knows(Known{v.Pack, v.Version, all[i].Hash}) {
		return nil, refuseStep("publish.signature", v.String(), "no signed manifest says that this is what was published under that number",
			"Publish it as a new version. It was long ago, or somebody else wrote into the store.")
	}
	return r.entryVersion(Entry{Pack: v.Pack, Version: v.Version, Hash: all[i].Hash})
}

func published(all []Published) string {
	if len(all) == 0 {
		return "Publish it."
	}
	names := make([]string, 0, len(all))
	for _, p := range all {
		names = append(names, PackVersion{p.Pack, p.Version}.String())
	}
	return "Published are " + strings.Join(names, ", ") + "."
}

// entryVersion reads the version that an entry names, and demands that it is.
func (r *reader) entryVersion(e Entry) (*version, error) {
	text, err := r.text(e.Hash)
	if err != nil {
		return nil, err
	}
	v, err := readVersion(e.Hash, text)
	if err != nil {
		return nil, err
	}
	if named := (PackVersion{e.Pack, e.Version}); v.PackVersion != named {
		return nil, refuseStep("hash", named.String(), "its document is "+v.String(), "Publish it again as a new version.")
	}
	return &v, nil
}

func (r *reader) lineup(m *Manifest, pack string) (*lineup, error) {
	var entries []Entry
	var versions []version
	for _, e := range m.Packs {
		if e.Pack != pack {
			continue
		}
		v, err := r.entryVersion(e)
		if err != nil {
			return nil, err
		}
		entries, versions = append(entries, e), append(versions, *v)
	}
	l := lineupOf(entries, versions, r.now)
	return &l, nil
}

// everyVersion reads all documents of the manifest.
func (r *reader) everyVersion() ([]version, error) {
	all := make([]version, 0, len(r.manifest.Packs))
	for _, e := range r.manifest.Packs {
		text, err := r.text(e.Hash)
		if err != nil {
			return nil, err
		}
		v, err := readVersion(e.Hash, text)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// knowsAgents refuses a cohort of an agent that nobody declares: the rollout
// would reach nobody and say nothing.
func (r *reader) knowsAgents(agents []string, more ...*version) error {
	all, err := r.everyVersion()
	if err != nil {
		return err
	}
	for _, v := range more {
		all = append(all, *v)
	}
	for _, a := range agents {
		if !slices.ContainsFunc(all, func(v version) bool { return slices.Contains(v.agents, a) }) {
			return refuseStep("publish.agent", "", "no pack declares the agent "+quote(a), "Name agents by their id in the pack.")
		}
	}
	return nil
}

// warnUnknown tells when nothing that is served names who is suspended. It is
// suspended all the same: an id that is mistyped must be noticed, not refused.
func (r *reader) warnUnknown(s Suspension) ([]policy.Finding, error) {
	all, err := r.everyVersion()
	if err != nil {
		return nil, err
	}
	known := func(v version) bool {
		names := map[SuspendedKind][]string{SuspendAgent: v.agents, SuspendCaller: v.callers, SuspendTenant: v.tenants}[s.Kind]
		return slices.ContainsFunc(names, func(name string) bool { return Suspension{Kind: s.Kind, ID: name}.String() == s.String() })
	}
	// In a folder that is served as it is, other documents bind callers and tenants.
	if slices.ContainsFunc(all, known) || !r.counted {
		return nil, nil
	}
	return []policy.Finding{{
		Severity: policy.Warning, Check: "suspend.unknown", File: string(s.Kind) + " " + s.ID,
		Message: "no pack that is served names it", Fix: "Compare the id with the packs: suspending a mistyped one stops nobody.",
	}}, nil
}

// check is what is wrong with a suspension.
func (s Suspension) check() error {
	switch {
	case !slices.Contains([]SuspendedKind{SuspendAgent, SuspendCaller, SuspendTenant}, s.Kind):
		return refuseStep("suspend.kind", "", quote(string(s.Kind))+" cannot be suspended", "Name an agent, a caller or a tenant.")
	case s.ID == "" || len(s.ID) > 256:
		return refuseStep("suspend.id", "", "it has no id, or one of more than 256 bytes", "Name its id.")
	case len(s.Reason) > 1000:
		return refuseStep("suspend.reason", "", "the reason is longer than 1,000 bytes", "Say it shorter.")
	}
	return nil
}

// edit is what a step on one pack comes to.
type edit struct {
	kind, detail, nothing string
	entries               []Entry
}

// makeOfPack makes a step on a pack of which a published version is named.
func (p *Publisher) makeOfPack(ctx context.Context, v PackVersion, plan func(*reader, *lineup, *version) (edit, error)) (Step, error) {
	return p.make(ctx, func(r *reader, m *Manifest) (change, error) {
		if err := r.wantCounted(); err != nil {
			return change{}, err
		}
		found, err := r.version(v)
		if err != nil {
			return change{}, err
		}
		l, err := r.lineup(m, v.Pack)
		if err != nil {
			return change{}, err
		}
		e, err := plan(r, l, found)
		if err != nil {
			return change{}, err
		}
		c := change{made: Made{Kind: e.kind, Detail: e.detail}, next: m.clone(), scope: scope{packs: []string{v.Pack}}, nothing: e.nothing}
		if e.nothing == "" {
			c.next.put(v.Pack, e.entries...)
		}
		return c, nil
	})
}

// wantCounted refuses a folder of packs that is served as it is.
func (r *reader) wantCounted() error {
	if !r.counted {
		return refuseStep("publish.folder", "manifest.json", "this is a folder of packs that is served as it is", "Change its files, or publish into another folder.")
	}
	return nil
}

// admits says whether a version may serve a cohort beside what serves now.
func (l *lineup) admits(v *version, c *Reach, now time.Time) error {
	refuse := func(message, fix string) error { return refuseStep("publish.rollout", v.String(), message, fix) }
	serves := l.serving != nil && l.serving.Version == v.Version
	switch {
	case c.BasisPoints < 0 || c.BasisPoints > 10_000:
		return refuse("a share is 0 to 100 percent", "Name one.")
	case serves:
		return refuse("it serves everybody, and nothing else would serve the others", "Roll out another version, or roll back.")
	case l.scheduled != nil && (l.scheduled.Version == v.Version || !c.Shadow):
		return refuse(l.scheduled.String()+" serves everybody from "+l.scheduled.from.Format(time.RFC3339)+" on", "Roll back first.")
	case v.ended(now):
		return refuseEnded(v)
	case c.Shadow:
		return nil
	case l.rolling != nil && l.rolling.Version != v.Version:
		return refuse(l.rolling.name()+" is being rolled out", "Promote it or roll back first: a pack has one rollout at a time.")
	case v.from.After(now):
		return refuse("it takes effect at "+v.from.Format(time.RFC3339)+", and until then its cohort would have no policy", "Roll it out then.")
	}
	return nil
}

// planPublish plans a publication on a manifest.
func (p *Publisher) planPublish(r *reader, m *Manifest, docs []policy.Document, o Publication) (change, error) {
	if err := r.wantCounted(); err != nil {
		return change{}, err
	}
	docs, notices, err := r.seal(m, docs)
	if err != nil {
		return change{}, err
	}
	c := change{next: m.clone(), warn: notices}
	var names []string
	for _, d := range docs {
		v, err := readVersion(Hash(d.Text), d.Text)
		if err != nil {
			return change{}, err
		}
		if err := r.publishOne(m, &c, &v, o); err != nil {
			return change{}, err
		}
		c.docs = append(c.docs, Published{Environment: r.env, Pack: v.Pack, Version: v.Version, Hash: v.hash, Text: d.Text})
		names = append(names, v.String())
	}
	if slices.EqualFunc(c.next.Packs, m.Packs, func(a, b Entry) bool { return a.Hash == b.Hash && sameReach(a, b) }) {
		c.nothing = strings.Join(names, ", ") + " serves so already"
	}
	c.made = Made{Kind: KindPublished, Detail: "published " + strings.Join(names, ", ") + " to " + o.To.String()}
	return c, nil
}

func sameReach(a, b Entry) bool { return a.Reach().String() == b.Reach().String() }

// publishOne adds one version to the change.
func (r *reader) publishOne(m *Manifest, c *change, v *version, o Publication) error {
	if slices.Contains(c.scope.packs, v.Pack) {
		return refuseStep("publish.twice", v.String(), "the documents hold two versions of the pack", "Publish one at a time.")
	}
	c.scope.packs = append(c.scope.packs, v.Pack)
	l, err := r.lineup(m, v.Pack)
	if err != nil {
		return err
	}
	if err := r.mayPublish(l, v, o); err != nil {
		return err
	}
	if o.To == nil {
		if v.from.After(r.now) && l.rolling != nil {
			return refuseStep("publish.rollout", v.String(), l.rolling.name()+" is being rolled out", "Promote it or roll back first, or publish a version that is in effect at once.")
		}
		c.next.put(v.Pack, l.everybody(v, r.now)...)
		return nil
	}
	if err := l.admits(v, o.To, r.now); err != nil {
		return err
	}
	if err := r.knowsAgents(o.To.Agents, v); err != nil {
		return err
	}
	c.next.put(v.Pack, l.cohort(v, *o.To)...)
	return nil
}

// mayPublish holds a version against what was published before, and its start
// against the clock.
func (r *reader) mayPublish(l *lineup, v *version, o Publication) error {
	all, err := r.editor.Versions(r.ctx, r.env, v.Pack)
	if err != nil {
		return fmt.Errorf("list the versions of %s: %w", v.Pack, err)
	}
	highest, again := 0, false
	for _, was := range all {
		if highest = max(highest, was.Version); was.Version != v.Version {
			continue
		}
		if again = true; was.Hash != v.hash {
			return refuseReuse(v)
		}
	}
	distance := v.from.Sub(r.now).Abs()
	switch {
	case !again && v.Version < highest:
		return refuseStep("publish.version", v.String(), fmt.Sprintf("version %d was published before", highest),
			fmt.Sprintf("Versions only rise: raise the version to %d or more.", highest+1))
	case again && v.Version < l.enforced():
		return refuseStep("publish.version", v.String(), "it is older than what serves", "An older version comes back by rollback.")
	case v.ended(r.now):
		return refuseEnded(v)
	case !v.from.IsZero() && distance < leadTime && !o.Immediate && !slices.ContainsFunc(l.all, func(e Entry) bool { return e.Hash == v.hash }):
		return refuseStep("publish.soon", v.String(), fmt.Sprintf("its effectiveFrom is less than %d s away: some instances would switch before others", int(leadTime.Seconds())),
			"Move it further ahead, or publish with --immediate.")
	}
	return nil
}

func refuseReuse(v *version) error {
	return refuseStep("publish.version", v.String(), "this version is published already, with another content", "A published version never changes: raise the version.")
}

// seal turns documents into the published form of the packs among them. They
// are read together with the other packs that are served, as instances read
// them.
func (r *reader) seal(m *Manifest, docs []policy.Document) ([]policy.Document, []policy.Finding, error) {
	names := packNames(docs)
	var others []policy.Document
	for _, e := range m.Packs {
		if slices.Contains(names, e.Pack) || e.Reach() != nil {
			continue
		}
		text, err := r.text(e.Hash)
		if err != nil {
			return nil, nil, err
		}
		others = append(others, policy.Document{Name: e.name(), Text: text})
	}
	set, findings := policy.Load(slices.Concat(docs, others), policy.LoadOptions{Environment: r.env})
	if set == nil {
		return nil, nil, &RefusedError{Findings: findings}
	}
	sealed := set.Documents()
	for _, d := range others {
		delete(sealed, Hash(d.Text))
	}
	var out []policy.Document
	for hash, text := range sealed {
		r.known(hash, text)
		out = append(out, policy.Document{Name: hash, Text: text})
	}
	slices.SortFunc(out, func(a, b policy.Document) int { return strings.Compare(string(a.Text), string(b.Text)) })
	if len(out) == 0 {
		return nil, nil, &RefusedError{Findings: append(findings, policy.Finding{
			Check: "publish.none", Message: "none of the documents is a pack for " + r.env, Fix: "Name a pack, and its bindings for this environment.",
		})}
	}
	return out, findings, nil
}

// packNames are the packs that documents are or bind, as far as they can be read.
func packNames(docs []policy.Document) []string {
	var names []string
	for _, d := range docs {
		if v, err := parseDocument(d.Text); err == nil {
			names = append(names, v.Get("pack").Text())
		}
	}
	return names
}

var errNoRecord = errors.New("there is no audit log to record the step in")
