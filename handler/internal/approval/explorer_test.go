package approval_test

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// The explorer lets a few actors, each a process of its own with one thing to
// do, take their steps in every order. A step is one call of the store or of
// the log. At each of them a process may die, the call may fail, its answer may
// get lost or say the contrary; and the clock may move between any two. States
// that two schedules share are explored once; a [referee] looks at every step.

var exploreAll = flag.Bool("explore", false, "explore the long scenes too, for minutes")

// scene is what is explored.
type scene struct {
	name   string
	before []func(*approval.Service) error // what happened at noon, without faults
	actors []actor
	clock  []time.Duration // what the clock moves by, one after the other
	faults int             // of one schedule, at most
	size   size
	bug    bug
}

// size is what exploring a scene takes.
type size uint8

const (
	small  size = iota // thousands of states
	medium             // ten thousands
	large              // hundreds of thousands, and more
)

// isExplored reports whether the scene is one of this run. The race detector
// makes everything ten times as long, and there is one goroutine.
func (s *scene) isExplored() bool {
	return *exploreAll || s.size == small || s.size == medium && !raceDetector
}

// bug is what a scene is seeded with; the zero bug is none.
type bug struct {
	name     string
	over     func(approval.Store) approval.Store // between the service and its calls
	log      func(approval.Log) approval.Log     // the same
	anyWrite func(was approval.Revision) bool    // writes that need no revision
	names    string                              // somebody whom the judge should not name
	newID    func() string
	late     bool // the service is told that it is still noon
}

// moveKind is what becomes of a call, or happens besides.
type moveKind uint8

const (
	proceed moveKind = iota // the call takes effect and is answered
	fail                    // it takes no effect; the answer is an error
	lose                    // it takes effect; the answer is an error
	refuse                  // it takes effect; the answer says that it did not
	die                     // the process ends before the call
	tick                    // the clock moves
)

var moveTexts = [...]string{"", " fails", " is answered by an error", " is refused and done", " is never made", ""}

type move struct {
	actor int
	kind  moveKind
}

// state is everything that what comes next depends on. Nothing in it is
// changed: every step makes another.
type state struct {
	*scene
	doc     *written // nil: nothing is stored
	version int
	log     []logged // each id once
	now     time.Time
	ticks   int
	faults  int
	actors  []progress
	uses    []used
}

// progress is how far an actor is.
type progress struct {
	now     time.Time // when it began; zero: it has not
	history []answer
	digest  string // of history
	version int    // of the document that it was told of last
	next    *step  // nil: it is over
	said    int    // reports that the referee has had
}

// answer is what an actor was told, the first time by the world it begins in.
type answer struct {
	kind     moveKind
	now      time.Time
	id       string
	doc      *written
	conflict bool
}

func (a answer) appendTo(text []byte) []byte {
	text = append(text, byte(a.kind), bit(a.conflict))
	text = append(strconv.AppendInt(text, a.now.UnixMilli(), 10), a.id...)
	if a.doc != nil {
		text = append(text, a.doc.digest...)
	}
	return text
}

// moves are what may happen next.
func (s *state) moves() []move {
	var moves []move
	for i, a := range s.actors {
		switch {
		case a.now.IsZero():
			moves = append(moves, move{i, proceed})
			continue
		case a.next == nil:
			continue
		}
		moves = append(moves, move{i, proceed})
		if s.faults == s.scene.faults {
			continue
		}
		moves = append(moves, move{i, fail}, move{i, die})
		if a.next.name == "put" {
			moves = append(moves, move{i, lose}, move{i, refuse})
		}
		if a.next.name == "append" {
			moves = append(moves, move{i, lose})
		}
	}
	if s.ticks < len(s.clock) {
		moves = append(moves, move{-1, tick})
	}
	return moves
}

// key is the same for states from which the same can happen.
func (s *state) key() [sha256.Size]byte {
	text := []byte{byte(s.ticks), byte(s.faults)}
	if s.doc != nil {
		text = append(text, s.doc.digest...)
	}
	for _, u := range s.uses {
		text = append(append(text, u.generation...), u.decision...)
	}
	for _, l := range s.log {
		text = append(append(text, '|'), l.id...)
	}
	for i := range s.actors {
		a := &s.actors[i]
		// A revision that is not the current one never will be.
		text = append(text, '|', bit(a.next == nil), bit(a.version == s.version))
		text = append(text, a.digest...)
	}
	return sha256.Sum256(text)
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// explorer explores one scene.
type explorer struct {
	scene *scene
	calls map[string]*step              // what an actor does next, by what it was told
	seen  map[[sha256.Size]byte]float64 // schedules that go on from a state
	fault string                        // the first that the referee found
}

// explored is what was seen.
type explored struct {
	states    int
	schedules float64
}

func explore(s *scene) (x explored, fault string) {
	e := &explorer{scene: s, calls: map[string]*step{}, seen: map[[sha256.Size]byte]float64{}}
	x.schedules = e.from(e.begin(), nil)
	x.states = len(e.seen)
	return x, e.fault
}

// begin is the state at noon, after what happened before.
func (e *explorer) begin() *state {
	s := &state{scene: e.scene, now: noon, actors: make([]progress, len(e.scene.actors))}
	w, ids := memoryWorld(), 0
	w.named["omar"] = true
	w.options.NewID = func(time.Time) string { ids++; return fmt.Sprint("before", ids) }
	for _, do := range e.scene.before {
		if err := do(w.service()); err != nil {
			panic(err) // without faults
		}
	}
	for _, entry := range w.log.Entries() {
		s.log = append(s.log, loggedOf(entry))
	}
	slot := approval.Slot(key, tenant, flow, call0.Digest)
	if r, err := w.store.Get(context.Background(), tenant, slot); err == nil {
		s.doc, s.version = writtenOf(r), 1
	}
	return s
}

// from explores everything that may follow a state and counts the schedules.
func (e *explorer) from(s *state, path []string) float64 {
	key := s.key()
	if n, ok := e.seen[key]; ok {
		return n
	}
	moves, n := s.moves(), 0.0
	for _, m := range moves {
		next, label, fault := e.step(s, m)
		if fault != "" {
			e.fault = fault + "\n\t" + strings.Join(append(path, label), "\n\t")
		} else {
			n += e.from(next, append(slices.Clip(path), label))
		}
		if e.fault != "" {
			return n
		}
	}
	if len(moves) == 0 {
		n = 1
		if fault := s.atTheEnd(); fault != "" {
			e.fault = fault + "\n\t" + strings.Join(path, "\n\t")
		}
	}
	e.seen[key] = n
	return n
}

// step makes the state after one move.
func (e *explorer) step(s *state, m move) (next *state, label, fault string) {
	n := *s
	n.actors = slices.Clone(s.actors)
	if m.kind == tick {
		n.now = s.now.Add(s.clock[s.ticks])
		n.ticks++
		return &n, "clock " + n.now.Format(time.DateTime), ""
	}
	a := &n.actors[m.actor]
	name := s.scene.actors[m.actor].name
	if m.kind != proceed {
		n.faults++
	}
	switch {
	case a.now.IsZero():
		a.now = n.now
		e.tell(&n, m.actor, answer{now: n.now, id: n.currentID()})
		label = name + " begins"
	case m.kind == die:
		label = name + ": " + a.next.name + moveTexts[die]
		a.next = nil
		return &n, label, ""
	default:
		label = name + ": " + a.next.name + moveTexts[m.kind]
		told, fault := n.perform(a, m.kind)
		if fault != "" {
			return &n, label, name + " " + fault
		}
		e.tell(&n, m.actor, told)
	}
	fault = n.hear(a)
	if a.next.name == "" {
		a.next = nil
	}
	if fault != "" {
		fault = name + " " + fault
	}
	return &n, label, fault
}

// perform lets the actor's call happen, or fail.
func (s *state) perform(a *progress, kind moveKind) (told answer, fault string) {
	told.kind = kind
	if kind == fail {
		return told, ""
	}
	switch a.next.name {
	case "put":
		stale := a.version != s.version || (a.next.was == "") != (s.doc == nil)
		if stale && (s.bug.anyWrite == nil || !s.bug.anyWrite(a.next.was)) {
			return answer{conflict: true}, ""
		}
		fault = s.written(a, a.next.write)
		s.doc = a.next.write
		s.version++
		a.version = s.version
	case "append":
		known := slices.ContainsFunc(s.log, func(l logged) bool { return l.id == a.next.entry.id })
		if !known {
			s.log = append(slices.Clip(s.log), a.next.entry)
		}
	default:
		told.doc, a.version = s.doc, s.version
	}
	return told, fault
}

// tell gives the actor an answer, upon which it makes its next call.
func (e *explorer) tell(s *state, i int, told answer) {
	a := &s.actors[i]
	a.history = append(slices.Clip(a.history), told)
	sum := sha256.Sum256(told.appendTo([]byte(a.digest)))
	a.digest = string(sum[:])
	key := string(rune('0'+i)) + a.digest
	if e.calls[key] == nil {
		e.calls[key] = replay(e.scene, i, a.history)
	}
	a.next = e.calls[key]
}

// hear gives the referee what the actor has learnt since.
func (s *state) hear(a *progress) (fault string) {
	for _, report := range a.next.reports[a.said:] {
		if fault = report(s); fault != "" {
			return fault
		}
	}
	a.said = len(a.next.reports)
	return ""
}

func TestExplorer(t *testing.T) {
	var states, scenesSeen int
	var schedules float64
	for _, s := range scenes() {
		if !s.isExplored() {
			continue
		}
		begun := time.Now()
		x, fault := explore(&s)
		if fault != "" {
			t.Errorf("%s: %s", s.name, fault)
		}
		t.Logf("%-62s %8d states %10.3g schedules %s", s.name, x.states, x.schedules, time.Since(begun).Round(time.Millisecond))
		scenesSeen, states, schedules = scenesSeen+1, states+x.states, schedules+x.schedules
	}
	t.Logf("%d scenes: %d states, %.3g schedules", scenesSeen, states, schedules)
}
