package audit

import (
	"bufio"
	"fmt"
	"io"
)

// Report is what [Verify] found. Only Clean means that nothing is wrong, but for
// what a person acknowledged.
type Report struct {
	Clean     bool        `json:"clean"`
	Segments  int         `json:"segments"`
	Records   int64       `json:"records"`   // whole lines that count
	Bytes     int64       `json:"bytes"`     // read
	Findings  []Finding   `json:"findings"`  // by segment and line
	Uncertain []Uncertain `json:"uncertain"` // no findings: what an honest failure leaves
	Open      []string    `json:"open"`      // segments whose end no other names: a tail cut there is not seen
	Ignored   []string    `json:"ignored"`   // objects that are no part of the log

	Anchors      AnchorReport   `json:"anchors"`
	Acknowledged []Acknowledged `json:"acknowledged"` // findings that a person took note of: as wrong as ever, and not in Findings
}

// MarshalJSON implements [json.Marshaler], with everything escaped that a
// terminal could take for more than text.
func (r Report) MarshalJSON() ([]byte, error) {
	type plain Report
	return marshalVisible(plain(r))
}

// WriteText writes the report for people.
func (r Report) WriteText(w io.Writer) error {
	p := page{bufio.NewWriter(w)}
	p.findings("", r.Findings)
	for _, u := range r.Uncertain {
		what := fmt.Sprintf("%d records that may never have been answered", u.Records)
		if u.Torn {
			what = "a torn line, as a crash leaves it"
		}
		p.line("", "%s, byte %d: %s", u.Segment, u.Offset, what)
	}
	for _, a := range r.Acknowledged {
		p.line("", "acknowledged by %s on %s (%s):", a.By, stamp(a.Time), a.Reason)
		p.findings("  ", []Finding{a.Finding})
	}
	for _, name := range r.Open {
		p.line("", "%s: its end is not yet named by a next segment", name)
	}
	for _, e := range r.Anchors.Open {
		p.line("", "%s: %s", e.Segment, e.text())
	}
	p.anchors(r.Anchors)
	for _, name := range r.Ignored {
		p.line("", "%s: no part of the log", name)
	}
	verdict := "clean"
	if !r.Clean {
		verdict = "NOT CLEAN"
	}
	p.line("", "%s: %d findings, %d records in %d segments, %d bytes", verdict, len(r.Findings), r.Records, r.Segments, r.Bytes)
	return p.w.Flush()
}

func (p page) anchors(a AnchorReport) {
	if !a.Checked {
		p.line("", "anchors: not checked")
		return
	}
	p.line("", "anchors: %d that count", a.Count)
	for _, k := range a.Keys {
		p.line("", "anchors: signed by %s (%s)", k.ID, orNone(k.Source))
	}
}

// Fault is what is wrong at one place.
type Fault string

// The faults that [Verify] tells apart.
const (
	FaultChanged   Fault = "changed"   // a line is not what the chain says it was
	FaultMalformed Fault = "malformed" // a line that the writer would not have written
	FaultDropped   Fault = "dropped"   // lines are missing in front of this one
	FaultDoubled   Fault = "doubled"   // a line stands twice
	FaultSwapped   Fault = "swapped"   // a line stands where another one belongs
	FaultInserted  Fault = "inserted"  // a line that the chain does not know
	FaultCut       Fault = "cut"       // the segment ends before its successor says it did
	FaultExtended  Fault = "extended"  // the segment goes on behind its end
	FaultRewritten Fault = "rewritten" // the chain ends in another hash than its successor says
	FaultMissing   Fault = "missing"   // a segment that this one names is not there
	FaultForked    Fault = "forked"    // another segment names the same predecessor
	FaultMisplaced Fault = "misplaced" // the first line is of another segment
	FaultPack      Fault = "pack"      // a kept pack document does not have its hash

	// Of anchors: a [Finding] of the first two names the anchor itself.
	FaultForged     Fault = "forged"     // no key that counts signed it, or it is no anchor
	FaultStray      Fault = "stray"      // it was signed for another place
	FaultUnanchored Fault = "unanchored" // a segment holds records without the anchor of its birth
)

// Finding is one thing that is wrong. Line counts from 1; Seq is the sequence
// number that belongs there. Segment is the object: also a pack or an anchor.
type Finding struct {
	Fault   Fault  `json:"fault"`
	Segment string `json:"segment"`
	Line    int    `json:"line"`
	Seq     uint64 `json:"seq"`
	Offset  int64  `json:"offset"`
	Detail  string `json:"detail"`
}

// Uncertain is the end of a segment of which nobody was told that it is there:
// the frame of an append without outcome, or the torn line of a crash. Records
// in it may never have been answered.
type Uncertain struct {
	Segment string `json:"segment"`
	Offset  int64  `json:"offset"`
	Length  int64  `json:"length"`
	Records int    `json:"records"` // whole lines, where all of the frame is there
	Torn    bool   `json:"torn"`    // bytes that prove nothing, and are shown by nobody
}
