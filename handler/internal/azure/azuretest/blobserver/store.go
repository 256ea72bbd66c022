package blobserver

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Immutability is what an account's owner has put on a container.
type Immutability struct {
	Policy    bool // of retention, with appends to append blobs allowed
	LegalHold bool
	NoAppends bool // the policy does not allow them
	Versions  bool // immutability by version
}

func (i Immutability) held() bool { return i.Policy || i.LegalHold }

// container is guarded by the server's lock.
type container struct {
	blobs        map[string]*blob
	immutability Immutability
}

// blob is guarded by the server's lock. Its bytes never change once they are
// there, so that readers may keep them.
type blob struct {
	kind        string // AppendBlob or BlockBlob
	contentType string
	data        []byte
	blocks      int
	sealed      bool
	etag        string
	modified    time.Time
}

// change gives b a new ETag.
func (s *Server) change(b *blob) {
	s.etags++
	b.etag = `"0x8D` + strconv.FormatInt(int64(s.etags)+0x1000000, 16) + `"`
	b.modified = time.Now()
}

// Names are the blobs of a container, in order.
func (s *Server) Names(container string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.containers[container]
	if c == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(c.blobs))
}

// Contents are the blobs of a container by name. Callers must not change the
// bytes.
func (s *Server) Contents(container string) map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string][]byte{}
	if c := s.containers[container]; c != nil {
		for name, b := range c.blobs {
			all[name] = b.data
		}
	}
	return all
}

// Tamper puts data where name was, as no honest writer can, whatever forbids
// it; nil removes it.
func (s *Server) Tamper(container, name string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.containers[container]
	if data == nil {
		delete(c.blobs, name)
		return
	}
	b := &blob{kind: "AppendBlob", blocks: 1}
	if was := c.blobs[name]; was != nil {
		*b = *was
	}
	b.data = slices.Clone(data)
	s.change(b)
	c.blobs[name] = b
}

// SetImmutability puts a container under a policy.
func (s *Server) SetImmutability(container string, i Immutability) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.containers[container].immutability = i
}

// SetSkew moves the server's clock.
func (s *Server) SetSkew(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew = d
}
