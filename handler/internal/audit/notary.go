package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	// signTimeout is what one call of a signer may take, which may be far away
	// and cold.
	signTimeout = 10 * time.Second
	// readBackTimeout is what reading back a segment may take.
	readBackTimeout = 30 * time.Second

	maxBirthPuts = 3
)

// errLoss means that a segment does not hold what its writer wrote: nothing is
// ever stated about it again.
var errLoss = errors.New("the log does not hold what was written")

// notary states what the segments of one log hold. A nil notary states nothing.
type notary struct {
	options *AnchorOptions
	clock   func() time.Time
	sink    *guard                      // for reading back, apart from the calls that callers wait for
	store   *guard                      // only its calls: the sink of the log is not behind it
	tell    func(segmentID, error) bool // writes a record of a failure

	ctx     context.Context // of everything beside the lanes; ends with close
	cancel  context.CancelFunc
	patient context.Context // of attempts that have time: ends when close begins
	hurry   context.CancelFunc
	work    sync.WaitGroup

	mu      sync.Mutex
	open    map[*anchoring]struct{} // guarded by mu: segments that grow, or whose end is not anchored
	closing bool                    // guarded by mu
	err     error                   // guarded by mu: the last failure since the last success
	loss    error                   // guarded by mu: stays
}

func newNotary(ctx context.Context, sink Sink, o *Options) *notary {
	if o.Anchors == nil {
		return nil
	}
	n := &notary{
		options: o.Anchors, clock: o.Clock, sink: newGuard(sink, readBackTimeout),
		store: newGuard(nil, o.CallTimeout), open: map[*anchoring]struct{}{},
	}
	n.ctx, n.cancel = context.WithCancel(ctx)
	n.patient, n.hurry = context.WithCancel(n.ctx)
	return n
}

// signing is a signature on its way. Its result may be read once done is
// closed.
type signing struct {
	anchor    anchor
	done      chan struct{}
	statement string
	err       error
}

// sign has an anchor signed beside the caller, who may leave and come back.
func (n *notary) sign(a anchor) *signing {
	s := &signing{anchor: a, done: make(chan struct{})}
	a.ts = n.clock().UTC()
	payload := a.payload()
	go func() {
		defer close(s.done)
		ctx, cancel := context.WithTimeout(n.ctx, signTimeout)
		defer cancel()
		s.err = within(ctx, func() (err error) {
			s.statement, err = n.options.Sign(ctx, payload)
			return err
		})
		if s.err == nil && s.statement == "" {
			s.err = errors.New("the signer signed nothing")
		}
	}()
	return s
}

// wait returns the statement once it is signed.
func (s *signing) wait(ctx context.Context) (string, error) {
	select {
	case <-s.done:
	case <-ctx.Done():
		return "", fmt.Errorf("sign the anchor: %w", ctx.Err())
	}
	if s.err != nil {
		return "", fmt.Errorf("sign the anchor: %w", s.err)
	}
	return s.statement, nil
}

// failed reports whether there is no statement and will be none.
func (s *signing) failed() bool {
	select {
	case <-s.done:
		return s.err != nil
	default:
		return false
	}
}

// put makes the object of a statement.
func (n *notary) put(ctx context.Context, name, statement string) error {
	a := n.store.call(ctx, func(ctx context.Context) answer {
		return answer{err: n.options.Store.Put(ctx, name, []byte(statement))}
	})
	if a.err != nil {
		return fmt.Errorf("put the anchor: %w", a.err)
	}
	return nil
}

// birth makes the anchor of a first line durable. Every attempt puts the same
// statement. The error is fs.ErrExist where somebody else's is there.
func (n *notary) birth(ctx context.Context, s *signing) error {
	statement, err := s.wait(ctx)
	if err != nil {
		n.note(err)
		return err
	}
	pause := firstPause
	for range maxBirthPuts {
		err = n.put(ctx, anchorName(s.anchor.segment.name(), s.anchor.seq), statement)
		if err == nil || errors.Is(err, fs.ErrExist) || !wait(ctx, pause) {
			break
		}
		pause *= 2
	}
	n.note(err)
	return err
}

// note remembers how the last attempt went.
func (n *notary) note(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.err = err
	if errors.Is(err, errLoss) && n.loss == nil {
		n.loss = err
	}
}

// AnchorLag says how long the oldest record has waited for an anchor to cover
// it, and why the last attempt failed: nil once one succeeds, but for a loss,
// which stays until the log is opened anew. After [Log.Close] it says what was
// left without. Without anchors both are zero. It makes no call of a store.
func (l *Log) AnchorLag() (time.Duration, error) {
	n := l.notary
	if n == nil {
		return 0, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	lag := time.Duration(0)
	for a := range n.open {
		if a.behind() {
			lag = max(lag, time.Since(a.since))
		}
	}
	if n.loss != nil {
		return lag, n.loss
	}
	return lag, n.err
}

// close anchors what ended, for the last time, and waits for it until ctx ends.
// What hangs is cut short and tried anew. Nobody runs a lane any more.
func (n *notary) close(ctx context.Context) {
	if n == nil {
		return
	}
	defer n.cancel()
	n.mu.Lock()
	n.closing = true
	n.hurry()
	for a := range n.open {
		a.attempts = 0
		a.start()
	}
	n.mu.Unlock()
	done := make(chan struct{})
	go func() {
		n.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		n.cancel()
		<-done
	}
}

// tellUnanchored records that a segment could not be anchored. The cause is
// named by its kind: what a store says may hold more than a log should.
func (l *Log) tellUnanchored(segment segmentID, cause error) bool {
	ctx, cancel := context.WithTimeout(l.notary.ctx, l.options.Deadline)
	defer cancel()
	now := l.options.Clock().UTC()
	reason := "the anchor could not be made"
	if errors.Is(cause, errLoss) {
		reason = errLoss.Error()
	}
	_, err := l.Append(ctx, &Event{
		Kind: KindAnchorFailed, TS: now, EventID: ulid.MustNew(ulid.Timestamp(now), rand.Reader).String(), Reason: reason,
		KeyID:  l.options.KeyID,
		Detail: strictjson.ObjectOf(strictjson.Member{Name: "segment", Value: strictjson.StringOf(segment.name())}),
	})
	return err == nil
}
