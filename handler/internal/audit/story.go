package audit

import (
	"encoding/json"
	"time"
)

// Story answers "why did this agent do that?" from the log alone.
type Story struct {
	ID        string           `json:"id"`
	Since     time.Time        `json:"since"` // where was looked
	Until     time.Time        `json:"until"`
	Decisions []DecisionStory  `json:"decisions"` // newest first
	More      bool             `json:"more"`      // there are older ones
	Events    []Entry          `json:"events"`    // what was found besides, newest first
	Segments  []SegmentVerdict `json:"segments"`  // of every segment that the story rests on
}

// MarshalJSON implements [json.Marshaler], with everything escaped that a
// terminal could take for more than text.
func (s Story) MarshalJSON() ([]byte, error) {
	type plain Story
	return marshalVisible(plain(s))
}

// DecisionStory is one decision and what belongs to it.
type DecisionStory struct {
	Decision Entry      `json:"decision"`
	Roles    []HeldRole `json:"roles"`
	Rules    []RuleText `json:"rules"`    // the rules that decided, as they were
	Approval []Entry    `json:"approval"` // what became of its approval, refused votes too, oldest first
	Replays  []Entry    `json:"replays"`  // the same answer, given again
	Masks    []Entry    `json:"masks"`    // its obligations, applied to an output
	Outcomes []Entry    `json:"outcomes"` // what the application that asked says became of it
}

// HeldRole is a role of the subject and the membership it is held through.
type HeldRole struct {
	Role string `json:"role"`
	Via  string `json:"via"`
}

// RuleText is a rule at the version that decided. Missing says why there is no
// text.
type RuleText struct {
	ID      string          `json:"id"`
	Pack    string          `json:"pack"`
	Version int64           `json:"version"`
	Hash    string          `json:"hash"`
	Section string          `json:"section"`
	Text    json.RawMessage `json:"text,omitempty"`
	Missing string          `json:"missing"`
}

// Integrity is what is known of a segment.
type Integrity string

// The verdicts on a segment.
const (
	Verified Integrity = "verified" // the chain holds, and the next segment names its end
	OpenEnd  Integrity = "open"     // the chain holds; a tail that was cut off would not show
	Failed   Integrity = "failed"   // something is wrong: see the findings
)

// SegmentVerdict is the integrity of one segment.
type SegmentVerdict struct {
	Segment   string    `json:"segment"`
	Integrity Integrity `json:"integrity"`
	Findings  []Finding `json:"findings"`
}
