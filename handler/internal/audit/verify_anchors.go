package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxAnchor is longer than any statement about a segment, in bytes.
	maxAnchor = 16 << 10
	// anchorReaders read anchors side by side: they are small and far away.
	anchorReaders = 16
)

// AnchorReport is what the anchors of a log came to.
type AnchorReport struct {
	Checked bool        `json:"checked"` // false: nobody gave them, or a key to open them
	Count   int         `json:"count"`   // statements that are signed and in their place
	Keys    []AnchorKey `json:"keys"`    // that signed them

	// Open says of each segment in [Report].Open how far it is anchored.
	Open []AnchoredEnd `json:"open"`
}

// AnchorKey is a key that signed anchors. What they prove rests on where it
// comes from.
type AnchorKey struct {
	ID     string `json:"id"`
	Source string `json:"source"` // for whoever called [Verify] to say
}

// AnchoredEnd is how far a segment is anchored whose end no other names.
// Behind that, a cut is not seen.
type AnchoredEnd struct {
	Segment  string    `json:"segment"`
	Anchored bool      `json:"anchored"` // false: not yet at all
	Seq      uint64    `json:"seq"`      // of the last line that an anchor covers
	Length   int64     `json:"length"`
	Time     time.Time `json:"time"`    // when that was stated
	Records  int64     `json:"records"` // behind it
}

// ledger is what the anchors say of a log. They are read before the log is:
// what they speak of was there then.
type ledger struct {
	reader   Reader
	open     func(ctx context.Context, statement string) (payload []byte, keyID string, err error)
	segments map[string]*stated // by name
	since    map[string]time.Time
	findings []Finding
	ignored  []string
	keys     map[string]struct{}
	count    int
}

// stated is what the anchors say of one segment.
type stated struct {
	id     segmentID
	places []anchor // that count, by length
	born   bool     // an anchor of the first line is there, whatever it says
}

// readLedger reads and opens the anchors of an environment (all, if "") whose
// segments were opened at since or later.
func readLedger(ctx context.Context, options VerifyOptions) (*ledger, error) {
	l := &ledger{
		reader: options.Anchors, open: options.Open, segments: map[string]*stated{},
		since: map[string]time.Time{}, keys: map[string]struct{}{},
	}
	prefix := "v1/"
	if options.Environment != "" {
		prefix = environmentPrefix(options.Environment)
	}
	objects, err := l.reader.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("list the anchors: %w", err)
	}
	wanted := objects[:0]
	for _, o := range objects {
		switch segment, _, ok := parseAnchorName(o.Name); {
		case !ok:
			l.ignored = append(l.ignored, o.Name)
		case !segment.opened.Before(options.Since):
			wanted = append(wanted, o)
		}
	}
	return l, l.readAll(ctx, wanted)
}

// readAll reads anchors, several at a time, and keeps them in the order of
// their names.
func (l *ledger) readAll(ctx context.Context, objects []Object) error {
	read := make([]readAnchor, len(objects))
	errs := make([]error, len(objects))
	turns := make(chan struct{}, anchorReaders)
	var all sync.WaitGroup
	for i, o := range objects {
		turns <- struct{}{}
		all.Go(func() {
			read[i], errs[i] = l.read(ctx, o.Name)
			<-turns
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("read the anchors: %w", err)
	}
	for i, o := range objects {
		l.add(o.Name, read[i])
	}
	for _, s := range l.segments {
		slices.SortStableFunc(s.places, func(a, b anchor) int {
			return cmp.Or(cmp.Compare(a.length, b.length), cmp.Compare(a.seq, b.seq))
		})
	}
	return nil
}

// readAnchor is one anchor as it was found.
type readAnchor struct {
	anchor
	keyID  string
	fault  Fault // "": it counts
	detail string
}

// read opens one anchor and holds it against its name. An error means that it
// could not look.
func (l *ledger) read(ctx context.Context, name string) (r readAnchor, err error) {
	statement, err := readRange(ctx, l.reader, name, 0, maxAnchor+1)
	if err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	if len(statement) > maxAnchor {
		return readAnchor{fault: FaultForged, detail: "it is longer than an anchor can be"}, nil
	}
	payload, keyID, err := l.open(ctx, string(statement))
	if err != nil {
		return readAnchor{fault: FaultForged, detail: "no key that counts signed it: " + err.Error()}, ctx.Err()
	}
	r.keyID = keyID
	var ok bool
	if r.anchor, ok = parseAnchor(payload); !ok {
		r.fault, r.detail = FaultForged, "what was signed is no anchor"
		return r, nil
	}
	segment, seq, _ := parseAnchorName(name)
	if r.segment != segment || r.seq != seq {
		r.fault = FaultStray
		r.detail = "it was signed for " + anchorName(r.segment.name(), r.seq)
	}
	return r, nil
}

// add takes what was read into account.
func (l *ledger) add(name string, r readAnchor) {
	segment, seq, _ := parseAnchorName(name)
	s := l.segments[segment.name()]
	if s == nil {
		s = &stated{id: segment}
		l.segments[segment.name()] = s
	}
	s.born = s.born || seq == 0
	if r.fault != "" {
		l.findings = append(l.findings, Finding{Fault: r.fault, Segment: name, Line: 1, Seq: seq, Detail: r.detail})
		return
	}
	s.places = append(s.places, r.anchor)
	l.keys[r.keyID] = struct{}{}
	l.count++
	if first, ok := l.since[segment.environment]; !ok || segment.opened.Before(first) {
		l.since[segment.environment] = segment.opened
	}
}

// of is what is stated about a segment.
func (l *ledger) of(name string) []anchor {
	if l == nil || l.segments[name] == nil {
		return nil
	}
	return l.segments[name].places
}

// missing are findings about segments that are stated to have been there.
func (l *ledger) missing(x *index) (findings []Finding) {
	for name, s := range l.segments {
		if x.byName[name] != nil || len(s.places) == 0 {
			continue
		}
		last := s.places[len(s.places)-1]
		findings = append(findings, Finding{
			Fault: FaultMissing, Segment: name, Line: 1, Seq: last.seq, Offset: last.length,
			Detail: fmt.Sprintf("it is anchored up to sequence number %d, and not there", last.seq),
		})
	}
	return findings
}

// unborn is the finding about a segment that holds records although its first
// line has no anchor: where that line says that it has one, and where segments
// had them before.
func (l *ledger) unborn(ctx context.Context, s *indexed, lines int) ([]Finding, error) {
	first, since := l.since[s.id.environment]
	demanded := s.err == nil && s.opened.anchored || since && !s.id.opened.Before(first)
	if known := l.segments[s.object.Name]; !demanded || lines < 2 || known != nil && known.born {
		return nil, nil
	}
	// The segment may have been opened since the anchors were listed.
	now, err := l.reader.List(ctx, anchorName(s.object.Name, 0))
	if err != nil || len(now) > 0 {
		return nil, err
	}
	return []Finding{{
		Fault: FaultUnanchored, Segment: s.object.Name, Line: 2, Seq: 1,
		Detail: "it holds records although its first line has no anchor",
	}}, nil
}

// places holds the lines of one segment against what is stated about it.
type places struct {
	ahead   []anchor
	reached *anchor // the last that was right
	wrong   bool    // one was not: what comes after it would not be either
}

// line compares the line that c took last with the anchors that end there.
func (p *places) line(c *checker) {
	for len(p.ahead) > 0 && p.ahead[0].length <= c.offset {
		a := &p.ahead[0]
		p.ahead = p.ahead[1:]
		switch {
		case p.wrong:
		case a.length == c.offset && a.seq == c.taken.seq && a.tip == c.taken.hash:
			p.reached = a
		default:
			p.wrong = true
			at := c.taken
			c.find(FaultRewritten, &at, "the anchor of sequence number %d says otherwise", a.seq)
		}
	}
}

// end is what is wrong if the segment ends where c is.
func (p *places) end(c *checker) []Finding {
	if len(p.ahead) == 0 || p.wrong {
		return nil
	}
	last := p.ahead[len(p.ahead)-1]
	return []Finding{{
		Fault: FaultCut, Segment: c.segment, Line: c.line + 1, Seq: c.expected(), Offset: c.offset,
		Detail: fmt.Sprintf("the segment ends here, an anchor says at %d or behind", last.length),
	}}
}

// anchored adds to the report what the anchors say.
func (v *verifier) anchored(ctx context.Context, s *indexed, c *segmentCheck) error {
	if v.ledger == nil {
		return nil
	}
	unborn, err := v.ledger.unborn(ctx, s, c.records)
	if err != nil {
		return fmt.Errorf("list the anchors of %s: %w", s.object.Name, err)
	}
	v.report.Findings = append(v.report.Findings, unborn...)
	if s.next() != nil || c.records == 0 {
		return nil
	}
	end := AnchoredEnd{Segment: s.object.Name, Records: int64(c.records)}
	if a := c.anchored; a != nil {
		end.Anchored, end.Seq, end.Length, end.Time = true, a.seq, a.length, a.ts
		end.Records = max(0, int64(c.records)-int64(a.seq)-1)
	}
	v.report.Anchors.Open = append(v.report.Anchors.Open, end)
	return nil
}

// text is how far a segment is anchored, for people.
func (e *AnchoredEnd) text() string {
	if !e.Anchored {
		return "not yet anchored"
	}
	return fmt.Sprintf("verified to the anchor of sequence number %d, %s; %d records behind it", e.Seq, stamp(e.Time), e.Records)
}

// KeptKey is a public key that a log keeps beside its records. It proves
// nothing by itself: whoever can write the log can put one there.
type KeptKey struct {
	ID  string // the name under which it is kept
	JWK []byte // whatever is there, unchecked
}

// KeptKeys reads the public keys that a log keeps (all environments, if "").
func KeptKeys(ctx context.Context, r Reader, environment string) ([]KeptKey, error) {
	prefix := "v1/"
	if environment != "" {
		prefix = environmentPrefix(environment)
	}
	objects, err := r.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("list the kept keys: %w", err)
	}
	var keys []KeptKey
	for _, o := range objects {
		if !isKept(o.Name, "keys") {
			continue
		}
		jwk, err := readRange(ctx, r, o.Name, 0, maxAnchor)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read %s: %w", o.Name, err)
		}
		id := strings.TrimSuffix(o.Name[strings.LastIndexByte(o.Name, '/')+1:], ".json")
		keys = append(keys, KeptKey{ID: id, JWK: jwk})
	}
	return keys, nil
}
