package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// Sink runs the contract of [audit.Sink]. Open makes a fresh, empty sink and
// arranges for its end.
func Sink(t *testing.T, open func(t *testing.T) audit.Sink) {
	for name, test := range map[string]func(*testing.T, *sink){
		"a new object is empty":                    newObjectIsEmpty,
		"an object is created once":                createdOnce,
		"absent is not found":                      absentObject,
		"what was appended is read":                appendedIsRead,
		"an append needs the position":             appendNeedsPosition,
		"the same append twice is there once":      appendTwice,
		"of many appends at a position one counts": oneAppendCounts,
		"of many creators one wins":                oneObjectCreator,
		"a read starts where it is told":           readFrom,
		"a list is in order and complete":          listOfObjects,
		"names stay inside":                        namesStayInside,
		"an ended context changes nothing":         endedSinkContext,
		"the bytes given are not kept":             bytesAreNotKept,
		"the longest append":                       longestAppend,
	} {
		t.Run(name, func(t *testing.T) { test(t, &sink{T: t, Sink: open(t)}) })
	}
}

// sink is a sink under test, with calls that must succeed.
type sink struct {
	*testing.T
	audit.Sink
}

func (s *sink) create(name string) {
	s.Helper()
	if err := s.Create(s.Context(), name); err != nil {
		s.Fatalf("Create(%s) = %v, want nil", name, err)
	}
}

func (s *sink) append(name string, position int64, data string) {
	s.Helper()
	if got, err := s.Append(s.Context(), name, position, []byte(data)); got != audit.Durable || err != nil {
		s.Fatalf("Append(%s, %d, %q) = %v, %v, want durable", name, position, data, got, err)
	}
}

func (s *sink) read(name string, from int64) (string, error) {
	body, err := s.ReadRange(s.Context(), name, from)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(body)
	return string(data), errors.Join(err, body.Close())
}

func (s *sink) wantContent(name, want string) {
	s.Helper()
	if got, err := s.read(name, 0); got != want || err != nil {
		s.Errorf("ReadRange(%s, 0) = %q, %v, want %q", name, got, err, want)
	}
}

const first, second = "v1/env=dev/dt=2026-11-21/hh=19/a-1.jsonl", "v1/env=dev/dt=2026-11-21/hh=20/b.jsonl"

func newObjectIsEmpty(_ *testing.T, s *sink) {
	s.create(first)
	s.wantContent(first, "")
	s.create(second)
	s.wantContent(second, "")
}

func createdOnce(t *testing.T, s *sink) {
	s.create(first)
	s.append(first, 0, "one\n")
	if err := s.Create(t.Context(), first); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create again = %v, want fs.ErrExist", err)
	}
	s.wantContent(first, "one\n")
}

func absentObject(t *testing.T, s *sink) {
	s.create(second)
	if _, err := s.read(first, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadRange of nothing = %v, want fs.ErrNotExist", err)
	}
	if got, err := s.Append(t.Context(), first, 0, []byte("x")); got == audit.Durable || err == nil {
		t.Errorf("Append to nothing = %v, %v, want an error", got, err)
	}
	if _, err := s.read(first, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadRange after an append to nothing = %v, want fs.ErrNotExist", err)
	}
}

func appendedIsRead(_ *testing.T, s *sink) {
	s.create(first)
	s.append(first, 0, "one\n")
	s.append(first, 4, "two\n")
	s.create(second)
	s.append(second, 0, "other\n")
	s.append(first, 8, "three\n")
	s.wantContent(first, "one\ntwo\nthree\n")
	s.wantContent(second, "other\n")
}

func appendNeedsPosition(t *testing.T, s *sink) {
	s.create(first)
	s.append(first, 0, "one\n")
	for _, position := range []int64{0, 3, 5, 1 << 40, -1} {
		got, err := s.Append(t.Context(), first, position, []byte("two\n"))
		if got == audit.Durable || err == nil {
			t.Errorf("Append at %d of 4 = %v, %v, want an error", position, got, err)
		}
		if position >= 0 && (got != audit.Unknown || !errors.Is(err, audit.ErrPosition)) {
			t.Errorf("Append at %d of 4 = %v, %v, want unknown, ErrPosition", position, got, err)
		}
	}
	s.wantContent(first, "one\n")
}

func appendTwice(t *testing.T, s *sink) {
	s.create(first)
	s.append(first, 0, "one\n")
	if got, err := s.Append(t.Context(), first, 0, []byte("one\n")); got != audit.Unknown || !errors.Is(err, audit.ErrPosition) {
		t.Errorf("the same Append again = %v, %v, want unknown, ErrPosition", got, err)
	}
	s.wantContent(first, "one\n")
}

func oneAppendCounts(t *testing.T, s *sink) {
	s.create(first)
	const n = 16
	var durable [n]bool
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			got, _ := s.Append(t.Context(), first, 0, fmt.Appendf(nil, "%02d", i))
			durable[i] = got == audit.Durable
		})
	}
	all.Wait()
	winners := ""
	for i, won := range durable {
		if won {
			winners += fmt.Sprintf("%02d", i)
		}
	}
	if len(winners) != 2 {
		t.Errorf("durable are %q, want one", winners)
	}
	s.wantContent(first, winners)
}

func oneObjectCreator(t *testing.T, s *sink) {
	const n = 16
	var errs [n]error
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = s.Create(t.Context(), first) })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, fs.ErrExist) {
			t.Errorf("Create = %v, want nil or fs.ErrExist", err)
		}
	}
	if won != 1 {
		t.Errorf("%d creators won, want 1", won)
	}
}

func readFrom(t *testing.T, s *sink) {
	s.create(first)
	s.append(first, 0, "one\ntwo\n")
	for from, want := range map[int64]string{0: "one\ntwo\n", 4: "two\n", 7: "\n", 8: ""} {
		if got, err := s.read(first, from); got != want || err != nil {
			t.Errorf("ReadRange from %d = %q, %v, want %q", from, got, err, want)
		}
	}
	if got, err := s.read(first, 9); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("ReadRange from 9 of 8 = %q, %v, want io.ErrUnexpectedEOF", got, err)
	}
}

func listOfObjects(t *testing.T, s *sink) {
	names := []string{"v1/env=dev/a-b.json", "v1/env=dev/a/c.json", "v1/env=dev/a/d.json", "v1/env=dev/b.json", "v1/env=prod/a/c.json"}
	for i := range names {
		s.create(names[len(names)-1-i])
	}
	s.append("v1/env=dev/a/c.json", 0, "abc")
	for prefix, want := range map[string][]audit.Object{
		"":                  {{Name: names[0]}, {Name: names[1], Size: 3}, {Name: names[2]}, {Name: names[3]}, {Name: names[4]}},
		"v1/env=dev/":       {{Name: names[0]}, {Name: names[1], Size: 3}, {Name: names[2]}, {Name: names[3]}},
		"v1/env=dev/a":      {{Name: names[0]}, {Name: names[1], Size: 3}, {Name: names[2]}},
		"v1/env=dev/a/d":    {{Name: names[2]}},
		"v1/env=de":         {{Name: names[0]}, {Name: names[1], Size: 3}, {Name: names[2]}, {Name: names[3]}},
		"v1/env=test/":      nil,
		"v1/env=dev/a/c/d/": nil,
	} {
		got, err := s.List(t.Context(), prefix)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("List(%q) (-want +got):\n%s%v", prefix, diff, err)
		}
	}
}

func namesStayInside(t *testing.T, s *sink) {
	for _, name := range []string{"", ".", "..", "/a", "a/", "a//b", "../a", "a/../b", "./a", `a\b`, "a b", "a\x00", "ä", "a:b"} {
		if err := s.Create(t.Context(), name); err == nil {
			t.Errorf("Create(%q) = nil, want an error", name)
		}
		if got, err := s.Append(t.Context(), name, 0, []byte("x")); got == audit.Durable || err == nil {
			t.Errorf("Append(%q) = %v, %v, want an error", name, got, err)
		}
		if _, err := s.read(name, 0); err == nil {
			t.Errorf("ReadRange(%q) = nil, want an error", name)
		}
	}
}

func endedSinkContext(t *testing.T, s *sink) {
	s.create(first)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Create(ended, second); err == nil {
		t.Error("Create under an ended context = nil, want an error")
	}
	if got, err := s.Append(ended, first, 0, []byte("x")); got == audit.Durable || err == nil {
		t.Errorf("Append under an ended context = %v, %v, want an error", got, err)
	}
	if _, err := s.ReadRange(ended, first, 0); err == nil {
		t.Error("ReadRange under an ended context = nil, want an error")
	}
	s.wantContent(first, "")
}

func bytesAreNotKept(t *testing.T, s *sink) {
	s.create(first)
	data := []byte("one\n")
	if got, err := s.Append(t.Context(), first, 0, data); got != audit.Durable || err != nil {
		t.Fatalf("Append = %v, %v, want durable", got, err)
	}
	copy(data, "two\n")
	s.wantContent(first, "one\n")
}

func longestAppend(_ *testing.T, s *sink) {
	s.create(first)
	line := append(bytes.Repeat([]byte("0123456789abcde\n"), 3<<20/16), "end\n"...)
	s.append(first, 0, string(line))
	s.append(first, int64(len(line)), "more\n")
	s.wantContent(first, string(line)+"more\n")
}
