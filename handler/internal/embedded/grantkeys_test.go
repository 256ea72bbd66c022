package embedded

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

var grantNoon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func openGrantKeys(t *testing.T, dir string, now time.Time) *GrantKeys {
	t.Helper()
	k, err := OpenGrantKeys(dir, func() time.Time { return now })
	if err != nil {
		t.Fatalf("OpenGrantKeys = %v", err)
	}
	return k
}

func kidsOf(t *testing.T, k *GrantKeys) []string {
	t.Helper()
	keys, err := k.PublicKeys(t.Context())
	if err != nil {
		t.Fatalf("PublicKeys = %v", err)
	}
	var kids []string
	for _, key := range keys {
		kids = append(kids, key.ID())
	}
	return kids
}

func issueGrant(t *testing.T, k *GrantKeys, now time.Time) string {
	t.Helper()
	i := grant.NewIssuer("https://fabric.example", k, func(context.Context, string, []byte) error { return nil })
	token, _, err := i.Issue(t.Context(), grant.Facts{
		Audience: "dev", Agent: "finance-agent", Tenant: "t", Action: "CreatePO", DecisionID: "d",
		Effective: strictjson.ObjectOf(), RequestDigest: "hmac-sha256:" + strings.Repeat("0", 64), Now: now,
	})
	if err != nil {
		t.Fatalf("Issue = %v", err)
	}
	return token
}

func verifyGrant(token string, keys grant.Keys, now time.Time) error {
	_, err := grant.Verify(context.Background(), token, keys, grant.Expected{Issuer: "https://fabric.example", Audience: "dev", Now: now})
	return err
}

// The key is made once, for its owner, and is not the one that tokens are
// signed with.
func TestGrantKeyIsMadeAtFirstStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first := kidsOf(t, openGrantKeys(t, dir, grantNoon))
	second := kidsOf(t, openGrantKeys(t, dir, grantNoon))
	if len(first) != 1 || !slices.Equal(first, second) {
		t.Errorf("keys = %q, then %q, want the same one", first, second)
	}
	info, err := os.Stat(filepath.Join(dir, grantKeysName))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%s has mode %v, %v, want 0600", grantKeysName, info.Mode(), err)
	}
	if _, err := os.Stat(filepath.Join(dir, issuerFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v, want no such file", issuerFile, err)
	}
}

// During rotation there are two kids: grants of both count, and the old key
// leaves once its last grant is out.
func TestGrantKeyRotation(t *testing.T) {
	dir := t.TempDir()
	before := openGrantKeys(t, dir, grantNoon)
	old := issueGrant(t, before, grantNoon)
	r, err := RotateGrantKey(dir, grantNoon)
	if err != nil {
		t.Fatalf("RotateGrantKey = %v", err)
	}
	after := openGrantKeys(t, dir, grantNoon)
	if got, want := kidsOf(t, after), []string{r.Current, r.Previous}; !slices.Equal(got, want) || r.Previous != kidsOf(t, before)[0] {
		t.Errorf("keys after rotation = %q, want %q", got, want)
	}
	fresh := issueGrant(t, after, grantNoon)
	for _, c := range []struct {
		name  string
		token string
		now   time.Time
		ok    bool
	}{
		{"the old key's grant", old, grantNoon, true},
		{"the old key's grant in its last second", old, grantNoon.Add(grant.Lifetime - time.Second), true},
		{"the new key's grant", fresh, grantNoon, true},
		{"the old key's grant when it has ended", old, grantNoon.Add(grant.Lifetime), false},
	} {
		keys, err := ReadGrantKeys(dir, c.now)
		if err != nil {
			t.Fatalf("ReadGrantKeys = %v", err)
		}
		if err := verifyGrant(c.token, keys, c.now); (err == nil) != c.ok {
			t.Errorf("%s: Verify = %v, want accepted %v", c.name, err, c.ok)
		}
	}
	if got := kidsOf(t, openGrantKeys(t, dir, r.PublishedUntil)); !slices.Equal(got, []string{r.Current}) {
		t.Errorf("keys at %s = %q, want the new one only", r.PublishedUntil, got)
	}
}

// A key that was rotated away cannot sign again: its private part is gone.
func TestRetiredGrantKeySignsNoMore(t *testing.T) {
	dir := t.TempDir()
	before, err := os.ReadFile(filepath.Join(openedDir(t, dir), grantKeysName))
	if err != nil {
		t.Fatal(err)
	}
	private := strings.Split(string(before), `"private":"`)[1][:64]
	r, err := RotateGrantKey(dir, grantNoon)
	if err != nil {
		t.Fatalf("RotateGrantKey = %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, grantKeysName)); err != nil || strings.Contains(string(after), private) {
		t.Errorf("the file holds the old private key after rotation (%v)", err)
	}
	if signature, err := openGrantKeys(t, dir, grantNoon).Sign(t.Context(), r.Previous, [32]byte{}); err == nil {
		t.Errorf("Sign(%s) = %x, want an error", r.Previous, signature)
	}
}

func openedDir(t *testing.T, dir string) string {
	t.Helper()
	openGrantKeys(t, dir, grantNoon)
	return dir
}

// Several rotations inside a grant's life keep every key that is still needed.
func TestGrantKeyRotationTwice(t *testing.T) {
	dir := t.TempDir()
	kids := kidsOf(t, openGrantKeys(t, dir, grantNoon))
	for i, at := range []time.Duration{0, 10 * time.Minute, 18 * time.Minute} {
		r, err := RotateGrantKey(dir, grantNoon.Add(at))
		if err != nil {
			t.Fatalf("rotation %d = %v", i, err)
		}
		kids = append([]string{r.Current}, kids...)
	}
	if got := kidsOf(t, openGrantKeys(t, dir, grantNoon.Add(18*time.Minute))); !slices.Equal(got, kids[:3]) {
		t.Errorf("keys = %q, want the last three of %q", got, kids)
	}
}

// A file that is not as this program wrote it stops the start, and is neither
// replaced nor told.
func TestGrantKeysRefuseWhatIsWrong(t *testing.T) {
	edit := func(t *testing.T, dir, old, with string) {
		t.Helper()
		path := filepath.Join(dir, grantKeysName)
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), old) {
			t.Fatalf("%s holds no %q (%v)", path, old, err)
		}
		write(t, path, strings.Replace(string(text), old, with, 1))
	}
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"open to others": func(t *testing.T, dir string) { chmod(t, filepath.Join(dir, grantKeysName), 0o640) },
		"a link":         func(t *testing.T, dir string) { link(t, dir) },
		"a directory": func(t *testing.T, dir string) {
			remove(t, filepath.Join(dir, grantKeysName))
			_ = os.Mkdir(filepath.Join(dir, grantKeysName), 0o700)
		},
		"empty":          func(t *testing.T, dir string) { write(t, filepath.Join(dir, grantKeysName), "") },
		"another schema": func(t *testing.T, dir string) { edit(t, dir, `"schema":1`, `"schema":2`) },
		"another kid":    func(t *testing.T, dir string) { edit(t, dir, `"kid":"`, `"kid":"x`) },
		"no private key": func(t *testing.T, dir string) { edit(t, dir, `"private":"`, `"private":"!`) },
		"no key at all":  func(t *testing.T, dir string) { edit(t, dir, `"current"`, `"Current"`) },
		"a name twice":   func(t *testing.T, dir string) { edit(t, dir, `"schema":1`, `"schema":1,"schema":1`) },
		"retired without": func(t *testing.T, dir string) {
			edit(t, dir, `"retired":[`, `"retired":[{"jwk":{},"until":"2026-11-21T12:00:00Z"}`)
		},
		"very long":        func(t *testing.T, dir string) { edit(t, dir, "\n", strings.Repeat(" ", maxGrantKeys)) },
		"cut short":        func(t *testing.T, dir string) { edit(t, dir, "]}\n", "") },
		"something behind": func(t *testing.T, dir string) { edit(t, dir, "]}\n", "]}{}") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := openedDir(t, t.TempDir())
			spoil(t, dir)
			for call, err := range map[string]error{
				"OpenGrantKeys":  second(OpenGrantKeys(dir, time.Now)),
				"ReadGrantKeys":  second(ReadGrantKeys(dir, grantNoon)),
				"RotateGrantKey": second(RotateGrantKey(dir, grantNoon)),
			} {
				if err == nil || errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s = %v, want an error that says what is wrong", call, err)
				} else if !strings.Contains(err.Error(), grantKeysName) || strings.Contains(err.Error(), "MIG") {
					t.Errorf("%s = %v, want it to name the file and to tell nothing of it", call, err)
				}
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// link moves the keys away and puts a link in their place.
func link(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, grantKeysName)
	if err := errors.Join(os.Rename(path, path+".moved"), os.Symlink(path+".moved", path)); err != nil {
		t.Skipf("no links here: %v", err)
	}
}

// Where there are no keys a rotation makes none: there is nothing to rotate.
func TestRotateGrantKeyNeedsOne(t *testing.T) {
	if _, err := RotateGrantKey(t.TempDir(), grantNoon); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("RotateGrantKey of an empty directory = %v, want %v", err, os.ErrNotExist)
	}
}
