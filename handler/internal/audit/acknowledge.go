package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Acknowledged is a finding that a person took note of, in the log itself. It
// covers this finding about these bytes and no other: should anything more
// become of the object, that is a finding again.
type Acknowledged struct {
	Finding Finding   `json:"finding"`
	By      string    `json:"by"`
	Reason  string    `json:"reason"`
	Time    time.Time `json:"time"`
	EventID string    `json:"eventId"`
}

// AcknowledgeOptions say what is acknowledged, by whom and why. All are
// required but Anchors.
type AcknowledgeOptions struct {
	Log      Reader
	Anchors  Reader
	Findings []Finding // of one object, as [Verify] reports them
	By       string
	Reason   string
	Now      time.Time
}

// Acknowledge makes the record by which a person takes note of findings about
// one object. It names the findings and the bytes that were there, and counts
// once it is in the log. Where anchors are checked it counts only once one
// covers it: hashes anybody can compute.
func Acknowledge(ctx context.Context, o AcknowledgeOptions) (*Event, error) {
	if len(o.Findings) == 0 || o.By == "" || strings.TrimSpace(o.Reason) == "" {
		return nil, errors.New("acknowledge: a finding, a name and a reason are needed")
	}
	object := o.Findings[0].Segment
	if slices.ContainsFunc(o.Findings, func(f Finding) bool { return f.Segment != object }) {
		return nil, errors.New("acknowledge: the findings are about more than one object")
	}
	e, err := readEvidence(ctx, o.Log, o.Anchors, object, -1)
	if err != nil {
		return nil, fmt.Errorf("acknowledge: %w", err)
	}
	return &Event{
		Kind: KindAuditAcknowledged, TS: o.Now.UTC(), UserUPN: o.By, Reason: o.Reason,
		EventID: ulid.MustNew(ulid.Timestamp(o.Now), rand.Reader).String(), Detail: acknowledgedDetail(object, e, o.Findings),
	}, nil
}

func acknowledgedDetail(object string, e evidence, findings []Finding) strictjson.Value {
	items := make([]strictjson.Value, len(findings))
	for i, f := range findings {
		items[i] = strictjson.ObjectOf(
			strictjson.Member{Name: "fault", Value: strictjson.StringOf(string(f.Fault))},
			strictjson.Member{Name: "line", Value: numberOf(int64(f.Line))},
			strictjson.Member{Name: "seq", Value: strictjson.StringOf(strconv.FormatUint(f.Seq, 10))}, // any number may stand in a line
			strictjson.Member{Name: "offset", Value: numberOf(f.Offset)},
			strictjson.Member{Name: "detail", Value: strictjson.StringOf(f.Detail)},
		)
	}
	return strictjson.ObjectOf(
		strictjson.Member{Name: "object", Value: strictjson.StringOf(object)},
		strictjson.Member{Name: "length", Value: numberOf(e.length)},
		strictjson.Member{Name: "hash", Value: strictjson.StringOf(e.hash)},
		strictjson.Member{Name: "findings", Value: strictjson.ArrayOf(items...)},
	)
}

func numberOf(n int64) strictjson.Value { return strictjson.NumberOf(strconv.FormatInt(n, 10)) }

// evidence is what an object was when somebody took note of it.
type evidence struct {
	length int64
	hash   string // "": it was not there
}

// readEvidence reads an object of the log, or an anchor: its first limit bytes,
// or all.
func readEvidence(ctx context.Context, log, anchors Reader, object string, limit int64) (evidence, error) {
	r := log
	if _, _, ok := parseAnchorName(object); ok {
		if r = anchors; r == nil {
			return evidence{}, errors.New("the finding is about an anchor, and there are none")
		}
	}
	body, err := r.ReadRange(ctx, object, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return evidence{}, nil
	}
	if err != nil {
		return evidence{}, fmt.Errorf("read %s: %w", object, err)
	}
	var from io.Reader = body
	if limit >= 0 {
		from = io.LimitReader(body, limit)
	}
	hash := sha256.New()
	n, err := io.Copy(hash, from)
	if err = errors.Join(err, body.Close()); err != nil {
		return evidence{}, fmt.Errorf("read %s: %w", object, err)
	}
	return evidence{n, hashPrefix + hex.EncodeToString(hash.Sum(nil))}, nil
}

const acknowledgedPrefix = linePrefix + string(KindAuditAcknowledged) + seqPart

// placedLine is a line of a segment, with its number.
type placedLine struct {
	line int
	data []byte
}

// acknowledgement is an acknowledgement as it stands in the log.
type acknowledgement struct {
	object   string
	evidence evidence
	findings []Finding
	by       string
	reason   string
	ts       time.Time
	eventID  string
}

// acknowledgements are those in a segment that count: behind an anchor, in a
// chain that leads to it; without anchors, in a segment that is sound.
func (c *segmentCheck) acknowledgements(anchors bool) (acks []acknowledgement) {
	sound := 0 // lines
	switch {
	case !anchors && len(c.findings) == 0:
		sound = c.records
	case anchors && c.anchored != nil:
		sound = int(c.anchored.seq) + 1
	}
	for _, f := range c.findings {
		sound = min(sound, f.Line-1)
	}
	for _, l := range c.acks {
		if a, ok := parseAcknowledgement(l.data); ok && l.line <= sound {
			acks = append(acks, a)
		}
	}
	return acks
}

func parseAcknowledgement(line []byte) (a acknowledgement, ok bool) {
	v, err := parseBody(line)
	if err != nil {
		return a, false
	}
	d := v.Get("detail")
	a = acknowledgement{
		object: d.Get("object").Text(), evidence: evidence{intOf(d.Get("length")), d.Get("hash").Text()},
		by: v.Get("userUPN").Text(), reason: v.Get("reason").Text(), ts: timeOf(v.Get("ts")), eventID: v.Get("eventId").Text(),
	}
	for _, f := range d.Get("findings").Items() {
		seq, err := strconv.ParseUint(f.Get("seq").Text(), 10, 64)
		if err != nil {
			return a, false
		}
		a.findings = append(a.findings, Finding{
			Fault: Fault(f.Get("fault").Text()), Segment: a.object, Line: int(intOf(f.Get("line"))), Seq: seq,
			Offset: intOf(f.Get("offset")), Detail: f.Get("detail").Text(),
		})
	}
	return a, a.object != ""
}

// acknowledge moves the findings that somebody took note of, while what they
// are about is still what it was then.
func (v *verifier) acknowledge(ctx context.Context) error {
	if len(v.acks) == 0 {
		return nil
	}
	holds := make([]bool, len(v.acks)) // whether the object is what it was
	for i, a := range v.acks {
		if !slices.ContainsFunc(v.report.Findings, func(f Finding) bool { return f.Segment == a.object }) {
			continue
		}
		now, err := readEvidence(ctx, v.index.reader, v.options.Anchors, a.object, a.evidence.length)
		if err != nil {
			return err
		}
		holds[i] = now == a.evidence
	}
	v.report.Findings = slices.DeleteFunc(v.report.Findings, func(f Finding) bool {
		for i, a := range v.acks {
			if holds[i] && slices.Contains(a.findings, f) {
				v.report.Acknowledged = append(v.report.Acknowledged, Acknowledged{f, a.by, a.reason, a.ts, a.eventID})
				return true
			}
		}
		return false
	})
	return nil
}
