package audit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"time"
)

// VerifyOptions say what is verified. The zero value means everything.
type VerifyOptions struct {
	Environment string    // "" means all
	Since       time.Time // only segments opened then or later

	// Anchors are the signed statements about the log. Open returns the payload
	// of one, and the id of the key that signed it; an error means that it
	// counts for nothing. What it takes for a key decides what the anchors
	// prove: one that whoever changed the log could have put in place proves
	// nothing. Without either no anchor is checked, and the report says so.
	Anchors Reader
	Open    func(ctx context.Context, statement string) (payload []byte, keyID string, err error)

	// Progress is told now and then how many bytes have been read, and of how
	// many in all.
	Progress func(done, total int64)
}

// Verify derives every chain again from bytes alone, holds it against the
// anchors, and says what is wrong. It trusts no state. An error means that it
// could not look; what it found is then incomplete.
func Verify(ctx context.Context, r Reader, options VerifyOptions) (Report, error) {
	v := &verifier{options: options}
	if err := v.run(ctx, r); err != nil {
		return v.report, fmt.Errorf("verify: %w", err)
	}
	slices.SortStableFunc(v.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Segment, b.Segment), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Fault, b.Fault))
	})
	if err := v.acknowledge(ctx); err != nil {
		return v.report, fmt.Errorf("verify: %w", err)
	}
	v.report.Clean = len(v.report.Findings) == 0
	return v.report, nil
}

type verifier struct {
	index   *index
	ledger  *ledger // nil: no anchors are checked
	options VerifyOptions
	report  Report
	total   int64
	acks    []acknowledgement
}

// run finds everything. The anchors come before the log.
func (v *verifier) run(ctx context.Context, r Reader) (err error) {
	v.report = Report{
		Findings: []Finding{}, Acknowledged: []Acknowledged{}, Uncertain: []Uncertain{}, Open: []string{}, Ignored: []string{},
		Anchors: AnchorReport{Keys: []AnchorKey{}, Open: []AnchoredEnd{}},
	}
	if v.options.Anchors != nil && v.options.Open != nil {
		if v.ledger, err = readLedger(ctx, v.options); err != nil {
			return err
		}
	}
	if v.index, err = readIndex(ctx, r, v.options.Environment, v.options.Since); err != nil {
		return err
	}
	v.report.Ignored = append(v.report.Ignored, v.index.ignored...)
	v.statements()
	for _, s := range v.index.segments {
		v.total += s.object.Size
	}
	for _, s := range v.index.segments {
		if err := v.segment(ctx, s); err != nil {
			return err
		}
	}
	for _, o := range v.index.packs {
		if err := v.pack(ctx, o); err != nil {
			return err
		}
	}
	v.progress(0)
	return nil
}

// statements takes into the report what the anchors come to by themselves.
func (v *verifier) statements() {
	if v.ledger == nil {
		return
	}
	v.report.Anchors.Checked, v.report.Anchors.Count = true, v.ledger.count
	for _, id := range slices.Sorted(maps.Keys(v.ledger.keys)) {
		v.report.Anchors.Keys = append(v.report.Anchors.Keys, AnchorKey{ID: id})
	}
	v.report.Ignored = append(v.report.Ignored, v.ledger.ignored...)
	v.report.Findings = append(v.report.Findings, v.ledger.findings...)
	v.report.Findings = append(v.report.Findings, v.ledger.missing(v.index)...)
}

func (v *verifier) progress(bytes int64) {
	v.report.Bytes += bytes
	if v.options.Progress != nil {
		v.options.Progress(v.report.Bytes, max(v.total, v.report.Bytes))
	}
}

// segment checks one segment and what its first line says of others.
func (v *verifier) segment(ctx context.Context, s *indexed) error {
	checked, err := checkSegment(ctx, v.index.reader, s, v.ledger.of(s.object.Name), v.progress)
	if err != nil {
		return err
	}
	if s.object.Size > 0 {
		v.report.Segments++ // one that is empty was made ahead of need
	}
	v.report.Records += int64(checked.records)
	if checked.uncertain.Length > 0 {
		v.report.Uncertain = append(v.report.Uncertain, checked.uncertain)
	}
	if s.next() == nil && checked.records > 0 {
		v.report.Open = append(v.report.Open, s.object.Name)
	}
	v.report.Findings = append(v.report.Findings, checked.findings...)
	v.report.Findings = append(v.report.Findings, linkFindings(s)...)
	v.acks = append(v.acks, checked.acknowledgements(v.ledger != nil)...)
	return v.anchored(ctx, s, &checked)
}

// linkFindings is what is wrong between a segment and those that it names or
// that name it.
func linkFindings(s *indexed) (findings []Finding) {
	find := func(at *indexed, fault Fault, format string, args ...any) {
		findings = append(findings, Finding{
			Fault: fault, Segment: at.object.Name, Line: 1, Detail: fmt.Sprintf(format, args...),
		})
	}
	if s.err == nil && s.opened.segment.name() != s.object.Name {
		find(s, FaultMisplaced, "it is the first line of %s", s.opened.segment.name())
	}
	if !s.claimed {
		find(s, FaultMissing, "it follows %s, which is not there", s.opened.previous.segment)
	}
	for i, next := range s.named {
		switch {
		case i > 0:
			find(next, FaultForked, "%s follows %s too", s.named[0].object.Name, s.object.Name)
		case s.err == nil && (next.opened.ordinal != s.opened.ordinal+1 || next.id.lane != s.id.lane):
			find(next, FaultMissing, "it is number %d of lane %d and follows number %d of lane %d",
				next.opened.ordinal, next.id.lane, s.opened.ordinal, s.id.lane)
		}
	}
	return findings
}

// pack checks a kept pack document, whose name is its hash.
func (v *verifier) pack(ctx context.Context, o Object) error {
	data, err := readRange(ctx, v.index.reader, o.Name, 0, maxPack)
	if err != nil {
		return fmt.Errorf("read %s: %w", o.Name, err)
	}
	if path.Base(o.Name) != path.Base(packName("", string(appendHash(nil, data)))) {
		v.report.Findings = append(v.report.Findings, Finding{
			Fault: FaultPack, Segment: o.Name, Line: 1, Detail: "it does not have the hash that names it",
		})
	}
	return nil
}

// segmentCheck is what became of checking one segment.
type segmentCheck struct {
	records   int
	findings  []Finding
	uncertain Uncertain
	certain   int64 // where the uncertain end begins; -1 without one
	shown     bool  // the records of the uncertain end may be read

	anchored *anchor // the last one that the chain fits; nil if none
	acks     []placedLine
}

// checkSegment derives the chain of s and compares it with what anchors say of
// it, and its end with what its successor says.
func checkSegment(ctx context.Context, r Reader, s *indexed, stated []anchor, progress func(int64)) (segmentCheck, error) {
	body, err := r.ReadRange(ctx, s.object.Name, 0)
	if err != nil {
		return segmentCheck{}, fmt.Errorf("read %s: %w", s.object.Name, err)
	}
	w := &walk{
		checker: checker{segment: s.object.Name}, places: places{ahead: stated},
		lines: newLineReader(body, s.object.Size), progress: progress,
	}
	err = w.run(ctx, s)
	if err = errors.Join(err, body.Close()); err != nil {
		return segmentCheck{}, fmt.Errorf("read %s: %w", s.object.Name, err)
	}
	w.result.findings, w.result.anchored = append(w.checker.findings, w.cut...), w.places.reached
	return w.result, nil
}

// walk goes through the bytes of one segment.
type walk struct {
	checker  checker
	places   places
	cut      []Finding // behind an anchor
	lines    *lineReader
	progress func(int64)
	told     int64
	result   segmentCheck
}

const progressStep = 8 << 20

func (w *walk) run(ctx context.Context, s *indexed) error {
	next := s.next()
	w.result.certain = -1
	if err := w.read(ctx, next); err != nil {
		return err
	}
	w.first(s)
	w.cut = w.places.end(&w.checker)
	if next == nil {
		w.checker.finish("")
	} else if err := w.end(next.opened.previous); err != nil {
		return err
	}
	w.progress(w.lines.offset - w.told)
	return nil
}

// read takes the lines up to where next says that the segment is certain; all,
// if there is no next, or if it cannot be right about a segment like this.
func (w *walk) read(ctx context.Context, next *indexed) error {
	for next == nil || w.lines.offset < next.opened.previous.length || len(w.checker.findings) > 0 {
		line, err := w.lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		w.line(line, next)
	}
	return nil
}

// line takes one line. One without a line feed is the last. Where nobody names
// the end it is what a crash leaves, or is being written; elsewhere it was cut.
func (w *walk) line(line []byte, next *indexed) {
	c := &w.checker
	whole := bytes.HasSuffix(line, []byte{'\n'}) || len(line) >= maxLine
	switch {
	case !whole && next == nil:
		w.result.uncertain = Uncertain{Segment: c.segment, Offset: c.offset, Length: int64(len(line)), Torn: true}
		w.result.certain = c.offset
		return
	case !whole:
		c.release(nil)
		c.find(FaultCut, &checked{line: c.line + 1, seq: c.expected(), offset: c.offset}, "the segment ends within this line")
		return
	}
	if bytes.HasPrefix(line, []byte(acknowledgedPrefix)) {
		w.result.acks = append(w.result.acks, placedLine{c.line + 1, bytes.Clone(line)})
	}
	c.add(line)
	w.places.line(c)
	w.result.records++
	if w.lines.offset-w.told >= progressStep {
		w.progress(w.lines.offset - w.told)
		w.told = w.lines.offset
	}
}

// first looks at the first line once more: it must be an opening.
func (w *walk) first(s *indexed) {
	found := slices.ContainsFunc(w.checker.findings, func(f Finding) bool { return f.Line <= 2 })
	if s.err != nil && w.result.records > 0 && !found {
		w.checker.find(FaultMalformed, &checked{line: 1}, "not the first line of a segment")
	}
}

// end compares the end of the segment with what its successor says of it.
func (w *walk) end(said tail) error {
	c := &w.checker
	c.finish(said.tip)
	if len(c.findings) == 0 {
		c.compare(said)
	}
	if len(c.findings) > 0 {
		return nil // that explains where it ends
	}
	rest, err := io.ReadAll(io.LimitReader(w.lines.reader, said.uncertain.length+1))
	if err != nil {
		return err
	}
	w.lines.offset += int64(len(rest))
	w.rest(rest, said)
	return nil
}

// compare holds a chain that is sound in itself against what is said of it.
func (c *checker) compare(said tail) {
	last := c.last()
	switch {
	case c.offset < said.length:
		c.find(FaultCut, &checked{line: c.line + 1, seq: c.expected(), offset: c.offset},
			"the segment ends here, its successor says at %d", said.length)
	case last == nil:
	case c.offset > said.length:
		c.find(FaultRewritten, last, "the segment after it says that it ends at %d", said.length)
	case string(last.hash[:]) != said.tip:
		c.find(FaultRewritten, last, "the segment after it names another hash for its last line")
	}
}

// fits reports whether what follows the certain end is what may follow it.
func fits(rest []byte, u uncertain) bool {
	switch n := int64(len(rest)); {
	case n == u.length:
		return n == 0 || string(appendHash(nil, rest)) == u.hash
	case u.torn:
		return false
	default:
		return n < u.length
	}
}

// rest judges what follows the certain end. All of the frame are records that
// may never have been answered; less than all proves nothing and is shown by
// nobody.
func (w *walk) rest(rest []byte, said tail) {
	u, c := said.uncertain, &w.checker
	switch {
	case !fits(rest, u):
		w.wrongRest(rest, u)
	case len(rest) > 0:
		w.result.certain = said.length
		w.result.uncertain = Uncertain{Segment: c.segment, Offset: said.length, Length: int64(len(rest)), Torn: true}
		if !u.torn && int64(len(rest)) == u.length {
			w.result.shown = true
			w.result.uncertain.Torn, w.result.uncertain.Records = false, bytes.Count(rest, []byte{'\n'})
		}
	}
}

// wrongRest finds the line that is wrong behind the certain end.
func (w *walk) wrongRest(rest []byte, u uncertain) {
	c := &w.checker
	begin := checked{line: c.line + 1, seq: c.expected(), offset: c.offset}
	certain := c.last()
	if certain != nil {
		certain.sure = true
	}
	for line := range bytes.Lines(rest) {
		if bytes.HasSuffix(line, []byte{'\n'}) {
			c.add(line)
		}
	}
	c.release(nil)
	switch n := int64(len(rest)); {
	case len(c.findings) > 0:
	case n < u.length:
		c.find(FaultCut, &begin, "the torn line that its successor names is gone")
	case n > u.length && (u.length == 0 || string(appendHash(nil, rest[:u.length])) == u.hash):
		c.find(FaultExtended, &checked{line: c.line + 1, seq: c.expected(), offset: c.offset},
			"the segment goes on behind the end that its successor names")
	case n > u.length || c.last() == certain:
		c.find(FaultChanged, &begin, "not what its successor names as uncertain")
	default:
		c.find(FaultChanged, c.last(), "not what its successor names as uncertain")
	}
}
