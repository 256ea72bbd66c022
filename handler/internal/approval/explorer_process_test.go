package approval_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// step is what an actor does next. The one without a name is that it is over.
type step struct {
	name    string // get, list, put, append or ""
	write   *written
	was     approval.Revision
	entry   logged
	reports []report // all that it has learnt since it began
}

// report is something that an actor was told, for the referee to judge.
type report func(*state) (fault string)

// written is a document as it is stored.
type written struct {
	*storetest.ApprovalSnapshot
	record approval.Record
	digest string
}

// logged is an event in the log.
type logged struct {
	id, approval, generation, decision string
	kind                               approval.Kind
	status                             approval.Status
	voter                              string
	choice                             approval.Choice
}

func loggedOf(e approval.Entry) logged {
	l := logged{
		id: e.Event.ID, approval: e.Document.ID(), generation: e.Document.Current.Generation.String(), decision: e.Event.DecisionID,
		kind: e.Event.Kind, status: e.Event.Status,
	}
	if v := e.Document.Current.VoteOf(&e.Event); v != nil {
		l.voter, l.choice = v.Voter.ID, v.Choice
	}
	return l
}

// actor does one thing, once.
type actor struct {
	name string
	act  func(*process) error
}

// process plays an actor again up to the call that it has no answer to. The
// service is deterministic: what it does next depends on what it was told, and
// on nothing else.
type process struct {
	scene   *scene
	actor   *actor
	service *approval.Service
	history []answer
	heard   int // answers that were given
	stopped *step
	ids     int
	reports []report
}

// errStop ends the play of an actor at its next call.
var errStop = errors.New("its next call")

func replay(s *scene, i int, history []answer) *step {
	p := &process{scene: s, actor: &s.actors[i], history: history, heard: 1}
	p.service = p.serve()
	_ = p.actor.act(p) // what it returns was reported
	if p.stopped == nil {
		p.stopped = &step{}
	}
	p.stopped.reports = p.reports
	return p.stopped
}

// serve makes the service of the process.
func (p *process) serve() *approval.Service {
	bug := &p.scene.bug
	var store approval.Store = playedStore{p}
	if bug.over != nil {
		store = bug.over(store)
	}
	var log approval.Log = playedLog{p}
	if bug.log != nil {
		log = bug.log(log)
	}
	judge := &world{named: map[string]bool{"mia": true, "omar": true, bug.names: true}}
	newID := bug.newID
	if newID == nil {
		newID = func() string { p.ids++; return p.actor.name + strconv.Itoa(p.ids) }
	}
	return approval.New(store, approval.Keys{Current: key}, log, judge, approval.Options{NewID: func(time.Time) string { return newID() }})
}

// now is the clock as the process reads it.
func (p *process) now() time.Time {
	if p.scene.bug.late {
		return noon
	}
	return p.history[0].now
}

// currentID is the id of the approval that there was when it began.
func (p *process) currentID() string { return p.history[0].id }

// report notes what the actor was told, unless that is the end of its play.
func (p *process) report(r report) {
	if p.stopped == nil {
		p.reports = append(p.reports, r)
	}
}

// ask is the answer to a call.
func (p *process) ask(c step) (answer, error) {
	if p.heard < len(p.history) && p.stopped == nil {
		p.heard++
		return p.history[p.heard-1], nil
	}
	if p.stopped == nil {
		p.stopped = &c
	}
	return answer{}, errStop
}

// again tries once more after an error that a client tries again after.
func (p *process) again(try func() error) error {
	err := try()
	if errors.Is(err, approval.ErrUnclear) || errors.Is(err, storetest.ErrLog) {
		err = try()
	}
	return err
}

// playedStore is the store as an actor sees it.
type playedStore struct{ p *process }

func (s playedStore) read(name string) (approval.Record, error) {
	a, err := s.p.ask(step{name: name})
	switch {
	case err != nil:
		return approval.Record{}, err
	case a.kind == fail:
		return approval.Record{}, approval.ErrUnclear
	case a.doc == nil:
		return approval.Record{}, approval.ErrNotFound
	}
	r := a.doc.record
	r.Revision = s.revision()
	return r, nil
}

// revision names the last answer. The service never goes back to an earlier.
func (s playedStore) revision() approval.Revision {
	return approval.Revision(strconv.Itoa(s.p.heard))
}

func (s playedStore) Get(context.Context, string, string) (approval.Record, error) {
	return s.read("get")
}

func (s playedStore) List(context.Context, approval.Query) (approval.Page, error) {
	r, err := s.read("list")
	if errors.Is(err, approval.ErrNotFound) {
		return approval.Page{}, nil
	}
	return approval.Page{Records: []approval.Record{r}}, err
}

func (s playedStore) Put(_ context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	a, err := s.p.ask(step{name: "put", write: writtenOf(r), was: was})
	switch {
	case err != nil:
		return "", err
	case a.kind == fail, a.kind == lose:
		return "", approval.ErrUnclear
	case a.kind == refuse, a.conflict:
		return "", approval.ErrConflict
	}
	return s.revision(), nil
}

func (s playedStore) Due(context.Context, time.Time, int, string) (approval.Page, error) {
	return approval.Page{}, nil
}

func (s playedStore) CountOpen(context.Context, approval.Count) (int, error) { return 0, nil }

// playedLog is the log as an actor sees it.
type playedLog struct{ p *process }

func (l playedLog) Append(_ context.Context, e approval.Entry) (audit.Receipt, error) {
	a, err := l.p.ask(step{name: "append", entry: loggedOf(e)})
	if err == nil && a.kind != proceed {
		err = storetest.ErrLog
	}
	if err != nil {
		return audit.Receipt{}, err
	}
	return audit.Receipt{Segment: "memory", Seq: 1, Hash: "sha256:1"}, nil
}

func (playedLog) Refuse(context.Context, approval.Refusal) error { return nil }

func writtenOf(r approval.Record) *written {
	snapshot, err := storetest.SnapshotOf(r)
	if err != nil {
		panic(err) // the service wrote it
	}
	sum := sha256.Sum256(r.Body)
	return &written{ApprovalSnapshot: snapshot, record: r, digest: string(sum[:])}
}
