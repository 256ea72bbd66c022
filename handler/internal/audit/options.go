package audit

import (
	"errors"
	"time"
)

// Options say what a [Log] is and what it may use. Environment, Instance and
// Clock are required; a zero limit means its default.
type Options struct {
	Environment string // of the names of segments
	Instance    string // one process, in the names of segments
	Writer      string // version of the program
	KeyID       string // of the key that signs anchors and grants

	// Clock is read for the times of segments, never for durations.
	Clock func() time.Time

	// Continue lets each lane name the newest segment of that lane in the sink
	// as its predecessor, whoever wrote it. It needs a sink that admits one
	// process at a time.
	Continue bool

	Anchors *AnchorOptions // nil: nothing is stated about the log in a second place

	Lanes int // 2

	// What may wait for an append: over any of these nothing more is admitted.
	QueueRecords int           // 4,096
	QueueBytes   int           // 8 MiB
	QueueAge     time.Duration // 1 s, of the oldest record that no append has taken

	RecordBytes int // 2 MiB: the longest line
	BatchBytes  int // 1 MiB: no further record joins an append of this size

	// When a lane moves to a new segment, besides every UTC hour.
	SegmentBlocks int   // 45,000 appends
	SegmentBytes  int64 // 256 MiB

	CallTimeout  time.Duration // 600 ms, of one call of the sink
	Deadline     time.Duration // 2 s, until a record is durable or failed
	CloseTimeout time.Duration // 5 s, of Close
}

func (o Options) withDefaults() (Options, error) {
	if err := checkNames(o.Environment, o.Instance); err != nil {
		return o, err
	}
	if o.Clock == nil {
		return o, errors.New("audit: no clock")
	}
	if err := o.Anchors.check(); err != nil {
		return o, err
	}
	setDefault(&o.Lanes, 2)
	setDefault(&o.QueueRecords, 4096)
	setDefault(&o.QueueBytes, 8<<20)
	setDefault(&o.QueueAge, time.Second)
	setDefault(&o.RecordBytes, 2<<20)
	setDefault(&o.BatchBytes, 1<<20)
	setDefault(&o.SegmentBlocks, 45_000)
	setDefault(&o.SegmentBytes, 256<<20)
	setDefault(&o.CallTimeout, 600*time.Millisecond)
	setDefault(&o.Deadline, 2*time.Second)
	setDefault(&o.CloseTimeout, 5*time.Second)
	return o, nil
}

func setDefault[T int | int64 | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}
