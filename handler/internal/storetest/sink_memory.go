package storetest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// MemorySink is an [audit.Sink] in memory: the plainest code that keeps the
// contract. The zero value is empty.
type MemorySink struct {
	mu      sync.Mutex
	objects map[string][]byte // guarded by mu
}

var _ audit.Sink = (*MemorySink)(nil)

// Create implements [audit.Sink].
func (m *MemorySink) Create(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := checkName(ctx, name); err != nil {
		return err
	}
	if _, ok := m.objects[name]; ok {
		return fmt.Errorf("create %s: %w", name, fs.ErrExist)
	}
	m.put(name, nil)
	return nil
}

// Append implements [audit.Sink].
func (m *MemorySink) Append(ctx context.Context, name string, position int64, data []byte) (audit.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := checkName(ctx, name); err != nil {
		return audit.Absent, err
	}
	there, ok := m.objects[name]
	if !ok {
		return audit.Absent, fmt.Errorf("append to %s: %w", name, fs.ErrNotExist)
	}
	if int64(len(there)) != position {
		return audit.Unknown, fmt.Errorf("append to %s at %d: %w", name, position, audit.ErrPosition)
	}
	m.put(name, slices.Concat(there, data))
	return audit.Durable, nil
}

// ReadRange implements [audit.Reader].
func (m *MemorySink) ReadRange(ctx context.Context, name string, from int64) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := checkName(ctx, name); err != nil {
		return nil, err
	}
	there, ok := m.objects[name]
	if !ok {
		return nil, fmt.Errorf("read %s: %w", name, fs.ErrNotExist)
	}
	if from < 0 || from > int64(len(there)) {
		return nil, fmt.Errorf("read %s from %d: %w", name, from, io.ErrUnexpectedEOF)
	}
	return io.NopCloser(bytes.NewReader(there[from:])), nil
}

// List implements [audit.Reader].
func (m *MemorySink) List(ctx context.Context, prefix string) ([]audit.Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var objects []audit.Object
	for name, data := range m.objects {
		if strings.HasPrefix(name, prefix) {
			objects = append(objects, audit.Object{Name: name, Size: int64(len(data))})
		}
	}
	slices.SortFunc(objects, func(a, b audit.Object) int { return cmp.Compare(a.Name, b.Name) })
	return objects, ctx.Err()
}

// Names are the objects there are, in order.
func (m *MemorySink) Names() []string {
	objects, _ := m.List(context.Background(), "")
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = o.Name
	}
	return names
}

// Bytes are the contents of an object, nil if there is none. Callers must not
// change them.
func (m *MemorySink) Bytes(name string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.objects[name]
}

// Tamper puts data where name was, as no honest writer can; nil removes it.
func (m *MemorySink) Tamper(name string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if data == nil {
		delete(m.objects, name)
		return
	}
	m.put(name, data)
}

// Clone is a sink of its own with the same objects.
func (m *MemorySink) Clone() *MemorySink {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &MemorySink{}
	for name, data := range m.objects {
		c.put(name, data)
	}
	return c
}

// put never changes bytes that a reader may hold.
func (m *MemorySink) put(name string, data []byte) {
	if m.objects == nil {
		m.objects = map[string][]byte{}
	}
	m.objects[name] = data
}

func checkName(ctx context.Context, name string) error {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("=._-/", c)
	}
	if !fs.ValidPath(name) || name == "." || strings.ContainsFunc(name, func(c rune) bool { return !plain(c) }) {
		return fmt.Errorf("%q is no name of an object: %w", name, fs.ErrInvalid)
	}
	return ctx.Err()
}

// DiscardSink is an [audit.Sink] that takes everything and keeps nothing: for
// benchmarks.
type DiscardSink struct{}

var _ audit.Sink = DiscardSink{}

// Create implements [audit.Sink].
func (DiscardSink) Create(context.Context, string) error { return nil }

// Append implements [audit.Sink].
func (DiscardSink) Append(context.Context, string, int64, []byte) (audit.Outcome, error) {
	return audit.Durable, nil
}

// ReadRange implements [audit.Reader].
func (DiscardSink) ReadRange(_ context.Context, name string, _ int64) (io.ReadCloser, error) {
	return nil, fmt.Errorf("read %s: %w", name, fs.ErrNotExist)
}

// List implements [audit.Reader].
func (DiscardSink) List(context.Context, string) ([]audit.Object, error) { return nil, nil }
