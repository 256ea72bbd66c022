package grant

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	effectivePrefix = "fabric-effective-v1\n"
	hashPrefix      = "sha256:"
)

// EffectiveHash names the parameters a call runs with. It is taken over the
// RFC 8785 form, in which an answer carries them too: how a number is spelled
// or where blanks stand does not matter, and every value does. What is no
// object has the hash of {}, as an answer writes it.
func EffectiveHash(parameters strictjson.Value) string {
	text := []byte(effectivePrefix)
	if parameters.Kind() == strictjson.Object {
		text = strictjson.AppendCanonical(text, parameters)
	} else {
		text = append(text, "{}"...)
	}
	sum := sha256.Sum256(text)
	return hashPrefix + hex.EncodeToString(sum[:])
}
