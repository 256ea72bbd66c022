package catalog

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// maxManifest is the longest manifest, in bytes: 1,000 packs with room to spare.
const maxManifest = 1 << 20

// Canonical is the manifest as it is hashed and signed: RFC 8785, without the
// signature. Equal manifests give equal bytes.
func (m *Manifest) Canonical() []byte {
	bare := *m
	bare.Signature = ""
	return bare.encode()
}

// Encode is the manifest as it is stored: [Manifest.Canonical] with the
// signature.
func (m *Manifest) Encode() []byte { return m.encode() }

func (m *Manifest) encode() []byte {
	text, err := json.Marshal(m, json.Deterministic(true))
	if err != nil {
		panic("a manifest that is no JSON: " + err.Error()) // of plain fields only
	}
	value := jsontext.Value(text)
	if err := value.Canonicalize(); err != nil {
		panic("a manifest that is no JSON: " + err.Error())
	}
	return value
}

// ParseManifest reads a stored manifest, strictly. The error is a
// [*RefusedError]: what cannot be read must not lift a suspension.
func ParseManifest(text []byte) (Manifest, error) {
	if len(text) > maxManifest {
		return Manifest{}, refuseManifest("", fmt.Sprintf("%d bytes, at most %d", len(text), maxManifest))
	}
	_, err := strictjson.Parse(text, strictjson.Limits{Names: maxManifest})
	var fault *strictjson.Error
	switch {
	case errors.As(err, &fault):
		return Manifest{}, refuseManifest(fault.Pointer, fault.Detail)
	case err != nil:
		return Manifest{}, refuseManifest("", err.Error())
	}
	var m Manifest
	err = json.Unmarshal(text, &m, json.RejectUnknownMembers(true))
	var wrong *json.SemanticError
	switch {
	case errors.As(err, &wrong):
		return Manifest{}, refuseManifest(string(wrong.JSONPointer), "not what a manifest holds there")
	case err != nil:
		return Manifest{}, refuseManifest("", "not a manifest")
	}
	return m, nil
}

func refuseManifest(pointer, message string) error {
	return &RefusedError{Findings: []policy.Finding{{
		Check: "manifest", File: "manifest.json", Pointer: pointer, Message: message, Fix: "Publish again.",
	}}}
}
