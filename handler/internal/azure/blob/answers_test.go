package blob_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/blobserver"
	"github.com/authorization-fabric/fabric/handler/internal/azure/blob"
)

// What something in between says, and a success that is not to this append,
// proves nothing.
func TestAnswersOfOthers(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a proxy's 403":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"a proxy's 404":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"a bare 201":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) },
		"another position": receipt("7", "1"),
		"no blocks":        receipt("0", "0"),
		"too many blocks":  receipt("0", "2"),
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(answer)
			defer s.Close()
			c, err := blob.NewContainer(s.URL+"/devstoreaccount1/audit", nil, blob.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.Append(t.Context(), "a.jsonl", 0, []byte("x\n")); got != audit.Unknown || err == nil {
				t.Errorf("Append = %v, %v, want unknown", got, err)
			}
		})
	}
}

func receipt(offset, blocks string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Ms-Blob-Append-Offset", offset)
		w.Header().Set("X-Ms-Blob-Committed-Block-Count", blocks)
		w.WriteHeader(http.StatusCreated)
	}
}

// An answer that is cut is no end of a blob; a long blob is read whole, as it
// was when the read began.
func TestCutAnswer(t *testing.T) {
	s := blobserver.New(t, blobserver.Options{})
	c := open(t, s, "audit", blob.Options{})
	long := bytes.Repeat([]byte("0123456789abcde\n"), 5<<20/16)
	s.Tamper("audit", "a.jsonl", long)
	body, err := c.ReadRange(t.Context(), "a.jsonl", 16)
	if err != nil {
		t.Fatal(err)
	}
	s.Tamper("audit", "a.jsonl", append(long, "more\n"...))
	if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, long[16:]) {
		t.Errorf("read of a blob that grows = %d bytes, %v, want %d", len(got), err, len(long)-16)
	}
	body, err = c.ReadRange(t.Context(), "a.jsonl", 0)
	if err != nil {
		t.Fatal(err)
	}
	s.Script(func(blobserver.Call) blobserver.Fault { return blobserver.Fault{Reply: blobserver.Torn} })
	if _, err := io.ReadAll(body); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("read of a cut answer = %v, want an error that is not the end of the blob", err)
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{
		"", "https://acc.blob.core.windows.net", "https://acc.blob.core.windows.net/audit?sv=2024&sig=SECRET",
		"https://acc.blob.core.windows.net/audit/more", "https://acc.blob.core.windows.net.evil.example/audit", "https://example.com/audit",
		"http://acc.blob.core.windows.net/audit", "http://10.0.0.1:1/devstoreaccount1/audit", "http://127.0.0.1:1/other/audit",
		"https://user:SECRET@acc.blob.core.windows.net/audit", "https://acc.blob.core.windows.net/Audit", "https://acc.blob.core.windows.net/audit#x",
	} {
		c, err := blob.NewContainer(address, fakeCredential{}, blob.Options{})
		if err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("NewContainer(%q) = %v, %v, want an error without the secret", address, c, err)
		}
	}
	if _, err := blob.NewContainer("https://acc.blob.core.windows.net/audit", nil, blob.Options{}); err == nil {
		t.Error("NewContainer() without a credential = nil, want an error")
	}
}

// The doctor learns what protects a container, and how the clocks differ.
func TestState(t *testing.T) {
	s := blobserver.New(t, blobserver.Options{})
	for given, want := range map[blobserver.Immutability]blob.Protection{
		{}: blob.Unprotected, {Policy: true}: blob.PolicyHeld, {LegalHold: true}: blob.LegallyHeld, {Policy: true, LegalHold: true}: blob.PolicyAndHold,
	} {
		s.SetImmutability("audit", given)
		s.SetSkew(-5 * time.Minute)
		state, err := open(t, s, "audit", blob.Options{}).State(t.Context())
		if err != nil || !state.Exists || state.Protection != want || (state.Clock+5*time.Minute).Abs() > 2*time.Second {
			t.Errorf("State() under %+v = %+v, %v, want %v and 5 minutes behind", given, state, err, want)
		}
	}
	if state, err := open(t, s, "missing", blob.Options{}).State(t.Context()); err != nil || state.Exists {
		t.Errorf("State() of no container = %+v, %v, want that it does not exist", state, err)
	}
	s.Script(func(c blobserver.Call) blobserver.Fault {
		if c.Op == "properties" {
			return blobserver.Refused(http.StatusForbidden, "AuthorizationPermissionMismatch")
		}
		return blobserver.Fault{}
	})
	if state, err := open(t, s, "audit", blob.Options{}).State(t.Context()); err != nil || !state.Exists || state.Protection != blob.ProtectionUnknown {
		t.Errorf("State() that may not be asked = %+v, %v, want unknown protection", state, err)
	}
}
