package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// MemoryAnchors is an [audit.Anchors] in memory: the plainest code that keeps
// the contract. The zero value is empty.
type MemoryAnchors struct{ MemorySink }

var _ audit.Anchors = (*MemoryAnchors)(nil)

// Put implements [audit.Anchors].
func (m *MemoryAnchors) Put(ctx context.Context, name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := checkName(ctx, name); err != nil {
		return err
	}
	there, ok := m.objects[name]
	switch {
	case !ok:
		m.put(name, slices.Clone(data))
	case !bytes.Equal(there, data):
		return fmt.Errorf("put %s: %w", name, fs.ErrExist)
	}
	return nil
}

// CloneAnchors is a store of its own with the same objects.
func (m *MemoryAnchors) CloneAnchors() *MemoryAnchors {
	c := &MemoryAnchors{}
	for _, name := range m.Names() {
		c.Tamper(name, m.Bytes(name))
	}
	return c
}

// FaultyAnchors breaks the calls of a store as the faults of a sink say, which
// are then counted together: the op of a Put is "put".
type FaultyAnchors struct {
	Anchors audit.Anchors
	Faults  *FaultySink
}

var _ audit.Anchors = FaultyAnchors{}

// Put implements [audit.Anchors].
func (f FaultyAnchors) Put(ctx context.Context, name string, data []byte) error {
	snapshot := func() { data = slices.Clone(data) }
	return f.Faults.broken(ctx, "put", name, snapshot, func(ctx context.Context) error {
		return f.Anchors.Put(ctx, name, data)
	})
}

// ReadRange implements [audit.Reader].
func (f FaultyAnchors) ReadRange(ctx context.Context, name string, from int64) (io.ReadCloser, error) {
	var body io.ReadCloser
	err := f.Faults.broken(ctx, "read", name, nil, func(ctx context.Context) (err error) {
		body, err = f.Anchors.ReadRange(ctx, name, from)
		return err
	})
	if err != nil {
		return nil, err
	}
	return body, nil
}

// List implements [audit.Reader].
func (f FaultyAnchors) List(ctx context.Context, prefix string) ([]audit.Object, error) {
	var objects []audit.Object
	err := f.Faults.broken(ctx, "list", prefix, nil, func(ctx context.Context) (err error) {
		objects, err = f.Anchors.List(ctx, prefix)
		return err
	})
	if err != nil {
		return nil, err
	}
	return objects, nil
}
