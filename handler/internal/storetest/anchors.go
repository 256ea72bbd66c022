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

// Anchors runs the contract of [audit.Anchors]. Open makes a fresh, empty store
// and arranges for its end.
func Anchors(t *testing.T, open func(t *testing.T) audit.Anchors) {
	for name, test := range map[string]func(*testing.T, *anchors){
		"what was put is read":             putIsRead,
		"the same again is no error":       putAgain,
		"nothing is put over another":      putOverAnother,
		"of many that differ one is there": onePutCounts,
		"of many alike none fails":         putsAlike,
		"absent is not found":              absentAnchor,
		"a read starts where it is told":   anchorFrom,
		"a list is in order and complete":  listOfAnchors,
		"names stay inside":                anchorsStayInside,
		"an ended context changes nothing": endedAnchorsContext,
		"the bytes given are not kept":     anchorBytesAreNotKept,
	} {
		t.Run(name, func(t *testing.T) { test(t, &anchors{T: t, Anchors: open(t)}) })
	}
}

// anchors is a store under test, with calls that must succeed.
type anchors struct {
	*testing.T
	audit.Anchors
}

const (
	birth = "v1/env=dev/dt=2026-11-21/hh=19/a-1.jsonl/000000000000.jws"
	later = "v1/env=dev/dt=2026-11-21/hh=19/a-1.jsonl/000000000107.jws"
)

func (a *anchors) put(name, data string) {
	a.Helper()
	if err := a.Put(a.Context(), name, []byte(data)); err != nil {
		a.Fatalf("Put(%s, %q) = %v, want nil", name, data, err)
	}
}

func (a *anchors) read(name string, from int64) (string, error) {
	body, err := a.ReadRange(a.Context(), name, from)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(body)
	return string(data), errors.Join(err, body.Close())
}

func (a *anchors) wantContent(name, want string) {
	a.Helper()
	if got, err := a.read(name, 0); got != want || err != nil {
		a.Errorf("ReadRange(%s, 0) = %q, %v, want %q", name, got, err, want)
	}
}

func putIsRead(_ *testing.T, a *anchors) {
	a.put(birth, "one")
	a.put(later, "two")
	a.wantContent(birth, "one")
	a.wantContent(later, "two")
}

func putAgain(_ *testing.T, a *anchors) {
	a.put(birth, "one")
	a.put(birth, "one")
	a.wantContent(birth, "one")
}

func putOverAnother(t *testing.T, a *anchors) {
	a.put(birth, "one")
	for _, other := range []string{"two", "on", "one\n", ""} {
		if err := a.Put(t.Context(), birth, []byte(other)); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Put(%q) over another = %v, want fs.ErrExist", other, err)
		}
	}
	a.wantContent(birth, "one")
}

func onePutCounts(t *testing.T, a *anchors) {
	const n = 16
	var won [n]bool
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			err := a.Put(t.Context(), birth, fmt.Appendf(nil, "%02d", i))
			if won[i] = err == nil; !won[i] && !errors.Is(err, fs.ErrExist) {
				t.Errorf("Put = %v, want nil or fs.ErrExist", err)
			}
		})
	}
	all.Wait()
	winners := ""
	for i := range won {
		if won[i] {
			winners += fmt.Sprintf("%02d", i)
		}
	}
	if len(winners) != 2 {
		t.Errorf("%q were put, want one", winners)
	}
	a.wantContent(birth, winners)
}

func putsAlike(t *testing.T, a *anchors) {
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := a.Put(t.Context(), birth, []byte("one")); err != nil {
				t.Errorf("Put of the same by many = %v, want nil", err)
			}
		})
	}
	all.Wait()
	a.wantContent(birth, "one")
}

func absentAnchor(t *testing.T, a *anchors) {
	a.put(later, "two")
	if _, err := a.read(birth, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadRange of nothing = %v, want fs.ErrNotExist", err)
	}
}

func anchorFrom(t *testing.T, a *anchors) {
	a.put(birth, "one two")
	for from, want := range map[int64]string{0: "one two", 4: "two", 7: ""} {
		if got, err := a.read(birth, from); got != want || err != nil {
			t.Errorf("ReadRange from %d = %q, %v, want %q", from, got, err, want)
		}
	}
	if got, err := a.read(birth, 8); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("ReadRange from 8 of 7 = %q, %v, want io.ErrUnexpectedEOF", got, err)
	}
}

func listOfAnchors(t *testing.T, a *anchors) {
	const other = "v1/env=dev/dt=2026-11-21/hh=20/b-1.jsonl/000000000000.jws"
	a.put(other, "three")
	a.put(later, "two")
	a.put(birth, "one")
	for prefix, want := range map[string][]audit.Object{
		"v1/env=dev/": {{Name: birth, Size: 3}, {Name: later, Size: 3}, {Name: other, Size: 5}},
		"v1/env=dev/dt=2026-11-21/hh=19/a-1.jsonl/": {{Name: birth, Size: 3}, {Name: later, Size: 3}},
		"v1/env=dev/dt=2026-11-21/hh=2":             {{Name: other, Size: 5}},
		"v1/env=test/":                              nil,
	} {
		got, err := a.List(t.Context(), prefix)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("List(%q) (-want +got):\n%s%v", prefix, diff, err)
		}
	}
}

func anchorsStayInside(t *testing.T, a *anchors) {
	for _, name := range []string{"", ".", "..", "/a", "a/", "a//b", "../a", "a/../b", "./a", `a\b`, "a b", "a\x00", "ä", "a:b"} {
		if err := a.Put(t.Context(), name, []byte("x")); err == nil {
			t.Errorf("Put(%q) = nil, want an error", name)
		}
		if _, err := a.read(name, 0); err == nil {
			t.Errorf("ReadRange(%q) = nil, want an error", name)
		}
	}
}

func endedAnchorsContext(t *testing.T, a *anchors) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Put(ended, birth, []byte("x")); err == nil {
		t.Error("Put under an ended context = nil, want an error")
	}
	if _, err := a.read(birth, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadRange after a Put under an ended context = %v, want fs.ErrNotExist", err)
	}
	if _, err := a.ReadRange(ended, birth, 0); err == nil {
		t.Error("ReadRange under an ended context = nil, want an error")
	}
}

func anchorBytesAreNotKept(_ *testing.T, a *anchors) {
	data := bytes.Clone([]byte("one"))
	if err := a.Put(a.Context(), birth, data); err != nil {
		a.Fatalf("Put = %v, want nil", err)
	}
	copy(data, "two")
	a.wantContent(birth, "one")
}
