package approval

import (
	"encoding/base32"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	idPrefix         = "apr_"
	slotLength       = 26 // 130 bits of an HMAC
	generationLength = 10 // 50 bits of milliseconds
)

// lowerHex is base32hex in lower case: its order is that of the bits, so that
// generations sort by age.
var lowerHex = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// Call names the call that an approval is for. It comes from the validated
// token and the evaluator, never from a body.
type Call struct {
	Tenant      string // of the caller, a GUID
	Application string // client id of the asking application; "" for the local developer
	Digest      string // requestDigest under the current environment key
	// Previous is the requestDigest of the same call under the previous
	// environment key, while there is one, else "".
	Previous string
}

// Slot is where the approvals of a call are kept: an HMAC over the tenant, the
// asking application and the digest, in 26 characters of base32. GUIDs compare
// without case.
func Slot(key *policy.Key, tenant, application, digest string) string {
	// A list in canonical JSON is one text for each triple, whatever is in them.
	message := strictjson.AppendCanonical([]byte("fabric-slot-v1\n"), strictjson.ArrayOf(
		strictjson.StringOf(strings.ToLower(tenant)),
		strictjson.StringOf(strings.ToLower(application)),
		strictjson.StringOf(digest)))
	sum := key.Sum(message)
	return lowerHex.EncodeToString(sum[:])[:slotLength]
}

// Generation names one approval among those of its slot by its opening time,
// in milliseconds since 1970.
type Generation int64

// next is a generation for now that is younger than g, even if the clock was
// set back, so that no id recurs.
func (g Generation) next(now time.Time) Generation {
	return max(g+1, Generation(now.UnixMilli()))
}

// time is when the approval was opened.
func (g Generation) time() time.Time { return time.UnixMilli(int64(g)).UTC() }

// String is the generation in ten characters that sort by age.
func (g Generation) String() string {
	var text [generationLength]byte
	for i := range text {
		shift := 5 * (generationLength - 1 - i)
		text[i] = "0123456789abcdefghijklmnopqrstuv"[g>>shift&31]
	}
	return string(text[:])
}

func parseGeneration(text string) (g Generation, ok bool) {
	if len(text) != generationLength {
		return 0, false
	}
	for i := range len(text) {
		digit, ok := digitOf(text[i])
		if !ok {
			return 0, false
		}
		g = g<<5 | Generation(digit)
	}
	return g, true
}

func digitOf(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'v':
		return c - 'a' + 10, true
	}
	return 0, false
}

// ID is apr_<slot>-<generation>.
func ID(slot string, g Generation) string { return idPrefix + slot + "-" + g.String() }

// ParseID takes an id apart. It reports false for anything that [ID] cannot
// have written.
func ParseID(id string) (slot string, g Generation, ok bool) {
	rest, found := strings.CutPrefix(id, idPrefix)
	if !found || len(rest) != slotLength+1+generationLength || rest[slotLength] != '-' {
		return "", 0, false
	}
	slot = rest[:slotLength]
	if !validSlot(slot) {
		return "", 0, false
	}
	g, ok = parseGeneration(rest[slotLength+1:])
	return slot, g, ok
}

func validSlot(slot string) bool {
	for i := range len(slot) {
		if _, ok := digitOf(slot[i]); !ok {
			return false
		}
	}
	return len(slot) == slotLength
}
