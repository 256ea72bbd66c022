package keyvault

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

const (
	// retireAfter is how long a key stays published that signs no more: as long
	// as its last grant, and two minutes for clocks that differ and for who was
	// about to sign.
	retireAfter = grant.Lifetime + 2*time.Minute
	// handover is how long after its turn a version may still sign for whoever
	// chose it before.
	handover = 10 * time.Second
)

// version is one version of the key, as the vault told last.
type version struct {
	name string // the vault's

	enabled                     bool
	created, notBefore, expires time.Time // zero: not given

	material
}

// material is what never changes in a version.
type material struct {
	kind, curve string
	operations  []string
	fault       string // why it can never sign; "" where it can

	key    *ecdsa.PublicKey // nil with a fault
	public grant.PublicKey  // of key
}

// verifies reports whether a signature, r and s in 64 bytes, is the version's.
func (v *version) verifies(digest [sha256.Size]byte, signature []byte) bool {
	const half = 32
	if len(signature) != 2*half {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
	return ecdsa.Verify(v.key, digest[:], r, s)
}

// usable reports whether the version counts at all.
func (v *version) usable() bool { return v.enabled && v.fault == "" }

// valid reports whether the vault would sign with it at an instant.
func (v *version) valid(at time.Time) bool {
	return v.usable() && !at.Before(v.notBefore) && (v.expires.IsZero() || at.Before(v.expires))
}

// versions are the newest versions of the key, the oldest first. They are
// never changed.
type versions struct {
	list []*version
	// settle is how long after a version was made all verifiers know it.
	settle time.Duration
	read   time.Time // when the vault told them
}

// turn is when a version takes over from those before it.
func (vs *versions) turn(v *version) time.Time {
	turn := v.created.Add(vs.settle)
	if v.notBefore.After(turn) {
		return v.notBefore
	}
	return turn
}

// signing is the version that signs at an instant: the newest whose turn has
// come, else the oldest that can. nil: none can.
func (vs *versions) signing(at time.Time) *version {
	for _, v := range slices.Backward(vs.list) {
		if v.valid(at) && !at.Before(vs.turn(v)) {
			return v
		}
	}
	for _, v := range vs.list {
		if v.valid(at) {
			return v
		}
	}
	return nil
}

// mayStillSign is the version under a key id if it signs now, or did until a
// moment ago.
func (vs *versions) mayStillSign(now time.Time, kid string) *version {
	for _, at := range []time.Time{now, now.Add(-handover)} {
		if v := vs.signing(at); v != nil && v.public.ID() == kid && v.valid(now) {
			return v
		}
	}
	return nil
}

// published are the versions that verifiers need, the signing one first: those
// that signed in the time that a grant lives, and those that wait for their
// turn.
func (vs *versions) published(now time.Time) []*version {
	var out []*version
	add := func(v *version) {
		if v != nil && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	add(vs.signing(now))
	for _, v := range vs.list {
		if v.usable() && now.Before(vs.turn(v)) && (v.expires.IsZero() || now.Before(v.expires)) {
			add(v)
		}
	}
	from := now.Add(-retireAfter)
	add(vs.signing(from))
	for _, at := range vs.changes() {
		if at.After(from) && !at.After(now) {
			add(vs.signing(at))
		}
	}
	return out
}

// changes are the instants at which another version may begin to sign.
func (vs *versions) changes() []time.Time {
	var out []time.Time
	for _, v := range vs.list {
		out = append(out, vs.turn(v), v.notBefore, v.expires)
	}
	return out
}

// faults says for people why none of the versions signs.
func (vs *versions) faults(now time.Time) string {
	if len(vs.list) == 0 {
		return "there is none"
	}
	var out []string
	for _, v := range vs.list {
		out = append(out, v.name+" "+v.why(now))
	}
	return strings.Join(out, ", ")
}

// why says what keeps a version from signing, "" for nothing.
func (v *version) why(now time.Time) string {
	switch {
	case !v.enabled:
		return "is disabled"
	case v.fault != "":
		return v.fault
	case now.Before(v.notBefore):
		return "is not valid yet"
	case !v.expires.IsZero() && !now.Before(v.expires):
		return "has expired"
	}
	return ""
}
