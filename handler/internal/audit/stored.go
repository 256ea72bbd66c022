package audit

import (
	"fmt"
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Encode writes a record as a JSON object, to be kept beside what it tells of
// and written into the log later with [Decode]. The object is no line of the
// log: it has no place in a chain.
func Encode(r Record) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	dst := appendText(nil, "kind", string(r.kind()))
	return closeObject(r.appendBody(dst), 0), nil
}

// Decode reads what [Encode] wrote. Its members are written as they stand.
func Decode(text []byte) (Record, error) {
	v, err := strictjson.Parse(text, strictjson.Limits{Depth: 2 * strictjson.MaxDepth, Names: 1 << 16})
	if err != nil {
		return nil, fmt.Errorf("%w: a stored record: %w", ErrRecord, err)
	}
	s := &stored{as: Kind(v.Get("kind").Text())}
	for _, m := range v.Members() {
		if m.Name != "kind" {
			s.members = append(s.members, m)
		}
	}
	s.ts, _ = time.Parse(timeLayout, v.Get("ts").Text())
	if s.id = v.Get("decisionId").Text(); !s.as.isDecision() {
		s.id = v.Get("eventId").Text()
	}
	return s, s.check()
}

// stored is a record that was encoded before.
type stored struct {
	as      Kind
	ts      time.Time
	id      string
	members []strictjson.Member
}

func (s *stored) kind() Kind { return s.as }

func (s *stored) check() error {
	if !s.as.isDecision() && !s.as.isEvent() && s.as != KindRefused && s.as != KindApprovalOpened {
		return fmt.Errorf("%w: %q is no kind of stored record", ErrRecord, s.as)
	}
	return checkIdentified(s.ts, s.id)
}

func (s *stored) appendBody(dst []byte) []byte {
	for _, m := range s.members {
		dst = strictjson.AppendAsSent(appendName(dst, m.Name), m.Value)
	}
	return dst
}
