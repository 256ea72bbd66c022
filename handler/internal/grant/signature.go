package grant

import (
	"crypto/elliptic"
	"errors"
	"math/big"
)

const signatureLength = 2 * coordinate // r and s, big-endian: RFC 7518 §3.4

// Of the two signatures (r, s) and (r, n-s) that fit one key and text, grants
// carry the one with the smaller s. Thus nobody makes a second token out of a
// first.

// lowS is the signature with the smaller s; signers give either.
func lowS(signature []byte) ([]byte, error) {
	if len(signature) != signatureLength {
		return nil, errors.New("the signer gave no ES256 signature")
	}
	if isLowS(signature) {
		return signature, nil
	}
	s := new(big.Int).SetBytes(signature[coordinate:])
	n := elliptic.P256().Params().N
	if s.Cmp(n) >= 0 {
		return nil, errors.New("the signer gave no ES256 signature")
	}
	low := append([]byte(nil), signature...)
	s.Sub(n, s).FillBytes(low[coordinate:])
	return low, nil
}

// isLowS reports whether s is in the lower half, in a signature of the right
// length.
func isLowS(signature []byte) bool {
	half := new(big.Int).Rsh(elliptic.P256().Params().N, 1)
	return new(big.Int).SetBytes(signature[coordinate:]).Cmp(half) <= 0
}
