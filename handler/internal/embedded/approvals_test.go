package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

func openApprovals(t *testing.T, path string) *Approvals {
	t.Helper()
	a, err := OpenApprovals(path)
	if err != nil {
		t.Fatalf("OpenApprovals = %v", err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	return a
}

func TestApprovalsContract(t *testing.T) {
	storetest.Approvals(t, func(t *testing.T) approval.Store {
		return openApprovals(t, filepath.Join(t.TempDir(), "approvals.db"))
	})
}

func TestApprovalService(t *testing.T) {
	storetest.ApprovalService(t, func(t *testing.T) approval.Store {
		a := openApprovals(t, filepath.Join(t.TempDir(), "approvals.db"))
		a.db.NoSync = true // thousands of writes, and no power is cut here
		return a
	})
}

func TestApprovalsHaveOneOpener(t *testing.T) {
	path := filepath.Join(t.TempDir(), "approvals.db")
	first := openApprovals(t, path)
	if _, err := OpenApprovals(path); !errors.Is(err, ErrHeld) {
		t.Errorf("second OpenApprovals = %v, want ErrHeld", err)
	}
	if _, err := first.Put(t.Context(), approval.Record{Tenant: "t", Slot: "s"}, ""); err != nil {
		t.Errorf("Put of the first opener = %v", err)
	}
}

// A vote or a use that is written where nobody will find it did not happen.
func TestPutIntoALostFile(t *testing.T) {
	for name, spoil := range lose() {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "data")
			makeDirectory(t, root)
			path := filepath.Join(root, "approvals.db")
			a := openApprovals(t, path)
			revision, err := a.Put(t.Context(), approval.Record{Tenant: "t", Slot: "s"}, "")
			if err != nil {
				t.Fatal(err)
			}
			spoil(t, root, path)
			if got, err := a.Put(t.Context(), approval.Record{Tenant: "t", Slot: "s"}, revision); !errors.Is(err, approval.ErrUnclear) || !errors.Is(err, errLost) {
				t.Errorf("Put into a lost file = %q, %v, want ErrUnclear and errLost", got, err)
			}
		})
	}
}

func TestApprovalsSurviveReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "approvals.db")
	a, err := OpenApprovals(path)
	if err != nil {
		t.Fatal(err)
	}
	want := approval.Record{Tenant: "t", Slot: "s", Body: []byte("{}"), Index: approval.Index{Keys: []approval.Key{"k"}}}
	if want.Revision, err = a.Put(t.Context(), want, ""); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a = openApprovals(t, path)
	got, err := a.Get(t.Context(), "t", "s")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Get after reopening = %v (-want +got):\n%s", err, diff)
	}
	again, err := a.Put(t.Context(), want, want.Revision)
	if err != nil || again == want.Revision {
		t.Errorf("Put after reopening = %q, %v, want another revision than %q", again, err, want.Revision)
	}
}

func TestApprovalsFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "approvals.db")
	openApprovals(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the file = %v, %v, want -rw-------", info.Mode(), err)
	}
}

func TestOpenApprovalsOfSomethingElse(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte("this is no database, and longer than nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{garbage, dir, filepath.Join(dir, "none", "approvals.db")} {
		a, err := OpenApprovals(path)
		if err == nil {
			t.Errorf("OpenApprovals(%s) = %v, want an error", path, a)
		}
	}
}

func BenchmarkListOfManyOpen(b *testing.B) {
	a, err := OpenApprovals(filepath.Join(b.TempDir(), "approvals.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = a.Close() })
	a.db.NoSync = true
	for i := range 20_000 {
		r := approval.Record{Tenant: "t", Slot: fmt.Sprint(i), Body: make([]byte, 3000), Index: approval.Index{
			Keys: []approval.Key{"all", approval.Key(fmt.Sprintf("approver:%d", i%7))},
		}}
		if _, err := a.Put(b.Context(), r, ""); err != nil {
			b.Fatal(err)
		}
	}
	q := approval.Query{Tenant: "t", Keys: []approval.Key{"approver:1", "approver:2"}, Limit: 50}
	for b.Loop() {
		if page, err := a.List(b.Context(), q); err != nil || len(page.Records) != 50 {
			b.Fatal(err)
		}
	}
}
