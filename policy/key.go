package policy

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// Key is an environment's HMAC key: it makes request digests and hashed masks
// comparable inside one environment and meaningless outside. It is safe for
// concurrent use.
type Key struct {
	id   string
	macs sync.Pool // of hash.Hash, keyed: saves two SHA-256 blocks a use
}

// NewKey makes a key from its id, which is written beside every digest, and
// its secret of at least 32 bytes.
func NewKey(id string, secret []byte) *Key {
	own := append([]byte(nil), secret...)
	return &Key{id: id, macs: sync.Pool{New: func() any { return hmac.New(sha256.New, own) }}}
}

// ID names the key in records.
func (k *Key) ID() string { return k.id }

// Sum is HMAC-SHA-256 over message.
func (k *Key) Sum(message []byte) [sha256.Size]byte {
	mac := k.macs.Get().(hash.Hash)
	defer k.macs.Put(mac)
	mac.Reset()
	mac.Write(message)
	var sum [sha256.Size]byte
	mac.Sum(sum[:0])
	return sum
}
