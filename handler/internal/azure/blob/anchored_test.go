package blob_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/blobserver"
	"github.com/authorization-fabric/fabric/handler/internal/azure/blob"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// sign is a signer of whose statements no two are alike.
func sign(_ context.Context, payload []byte) (string, error) {
	return rand.Text() + "." + base64.RawURLEncoding.EncodeToString(payload), nil
}

func unseal(_ context.Context, statement string) ([]byte, string, error) {
	_, text, _ := strings.Cut(statement, ".")
	payload, err := base64.RawURLEncoding.DecodeString(text)
	return payload, "k", err
}

// R2: every fault at every call of a log whose anchors are in a container of
// the same service: their births, those while it grows and those at the end.
func TestEveryFaultAtEveryStepOfAnchors(t *testing.T) {
	for _, fault := range blobserver.Faults(700 * time.Millisecond) {
		t.Run(fault.String(), func(t *testing.T) {
			for at := range 24 {
				synctest.Test(t, func(t *testing.T) { anchoredTrial(t, fault, at) })
				if t.Failed() {
					t.Fatalf("at call %d", at)
				}
			}
		})
	}
}

func anchoredTrial(t *testing.T, fault blobserver.Fault, at int) {
	s := blobserver.New(t, blobserver.Options{Memory: true, Containers: []string{"audit", "anchors"}, Next: func(c blobserver.Call) blobserver.Fault {
		if c.Number == at {
			return fault
		}
		return blobserver.Fault{}
	}})
	tr, o := &trial{T: t, server: s}, small()
	o.Anchors = &audit.AnchorOptions{Store: open(t, s, "anchors", blob.Options{}), Sign: sign, Every: 100 * time.Millisecond}
	tr.open(o)
	for range 8 {
		if err := tr.append(); err != nil && !errors.Is(err, audit.ErrUnavailable) {
			t.Errorf("Append = %v, want ErrUnavailable", err)
		}
		<-time.After(100 * time.Millisecond)
	}
	tr.recover()
	tr.end()
	logs, anchors := &storetest.MemorySink{}, &storetest.MemoryAnchors{}
	for name, data := range s.Contents("audit") {
		logs.Tamper(name, append([]byte{}, data...))
	}
	for name, data := range s.Contents("anchors") {
		anchors.Tamper(name, append([]byte{}, data...))
	}
	report, err := audit.Verify(t.Context(), logs, audit.VerifyOptions{Anchors: anchors, Open: unseal})
	if err != nil || !report.Clean || !report.Anchors.Checked || report.Anchors.Count == 0 {
		t.Errorf("Verify() with anchors = %+v, %v, want clean", report.Findings, err)
	}
}
