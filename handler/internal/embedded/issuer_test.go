package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

const (
	testTenant = "11111111-1111-1111-1111-111111111111"
	testApp    = "aaaaaaaa-0000-4000-8000-000000000001"
)

func testIssuer(dir string) *Issuer {
	return NewIssuer(dir, "access_as_user", func() time.Time { return time.Unix(1700000000, 0) })
}

func validate(t *testing.T, i *Issuer, token string) (identity.Principal, error) {
	t.Helper()
	v, err := identity.NewValidator(i.Config())
	if err != nil {
		t.Fatal(err)
	}
	return v.Validate(t.Context(), token)
}

func TestMintedTokensValidate(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name string
		who  TokenFor
		want identity.Principal
	}{
		{
			"a person",
			TokenFor{
				Tenant: testTenant, Application: testApp, UPN: "ana@contoso.com", ObjectID: "CCCCCCCC-0000-4000-8000-00000000000A",
				Roles: []string{"Fabric.Approver"}, Groups: []string{"g-1"},
			},
			identity.Principal{
				Kind: identity.Person, Tenant: testTenant, Application: testApp, UPN: "ana@contoso.com", ObjectID: "cccccccc-0000-4000-8000-00000000000a",
				AppRoles: []string{"Fabric.Approver"}, Groups: []string{"g-1"}, GroupsKnown: true,
			},
		},
		{
			"an application",
			TokenFor{Tenant: testTenant, Application: testApp, AppOnly: true, Roles: []string{"Fabric.Authorize"}},
			identity.Principal{
				Kind: identity.Application, Tenant: testTenant, Application: testApp, ObjectID: derivedID(testTenant, testApp, ""),
				AppRoles: []string{"Fabric.Authorize"}, Groups: []string{}, GroupsKnown: true,
			},
		},
	} {
		token, err := testIssuer(dir).Mint(c.who)
		if err != nil {
			t.Fatalf("%s: Mint() = %v", c.name, err)
		}
		got, err := validate(t, testIssuer(dir), token) // another process on the same directory
		if err != nil || !cmp.Equal(got, c.want) {
			t.Errorf("%s: Validate(Mint()) = %v, %v, want %v", c.name, got, err, c.want)
		}
	}
}

// A person without --oid is the same person in every token, and nobody else.
func TestDerivedObjectIDs(t *testing.T) {
	first := derivedID(testTenant, testApp, "ana@contoso.com")
	if same := derivedID(testTenant, "another", "ANA@contoso.com"); same != first {
		t.Errorf("derivedID(same person) = %q, want %q", same, first)
	}
	if other := derivedID(testTenant, testApp, "mia@contoso.com"); other == first {
		t.Errorf("derivedID(another person) = %q, want another id", other)
	}
}

func TestMintRefusesWhatNobodyCouldUse(t *testing.T) {
	for name, who := range map[string]TokenFor{
		"nobody":                      {Tenant: testTenant, Application: testApp},
		"a person and an application": {Tenant: testTenant, Application: testApp, AppOnly: true, UPN: "ana@contoso.com"},
		"no tenant":                   {Application: testApp, UPN: "ana@contoso.com"},
		"no application":              {Tenant: testTenant, UPN: "ana@contoso.com"},
		"a UPN with a blank":          {Tenant: testTenant, Application: testApp, UPN: "ana smith@contoso.com"},
		"a lifetime in the past":      {Tenant: testTenant, Application: testApp, UPN: "ana@contoso.com", Lifetime: -time.Hour},
	} {
		if token, err := testIssuer(t.TempDir()).Mint(who); err == nil {
			t.Errorf("%s: Mint() = %d characters, want an error", name, len(token))
		}
	}
}

func TestTheKeyIsForItsOwnerOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("file modes are not this system's")
	}
	dir := filepath.Join(t.TempDir(), "data")
	token, err := testIssuer(dir).Mint(TokenFor{Tenant: testTenant, Application: testApp, AppOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, issuerFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the key = %v, %v, want 0600", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := validate(t, testIssuer(dir), token); err == nil {
		t.Error("Validate() with a key open to others = nil, want an error")
	}
	if _, err := testIssuer(dir).Mint(TokenFor{Tenant: testTenant, Application: testApp, AppOnly: true}); err == nil || !strings.Contains(err.Error(), "0600") {
		t.Errorf("Mint() with a key open to others = %v, want what to do", err)
	}
}

// Starting costs no key: none is made before a token is signed.
func TestReadingMakesNoKey(t *testing.T) {
	dir := t.TempDir()
	if _, err := testIssuer(dir).KeyRead(t.Context(), "k"); !errors.Is(err, jwkset.ErrKeyNotFound) {
		t.Errorf("KeyRead() = %v, want ErrKeyNotFound", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("KeyRead() left %v", entries)
	}
}

func TestADamagedKeyIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, issuerFile), []byte("half a ke"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := testIssuer(dir).Mint(TokenFor{Tenant: testTenant, Application: testApp, AppOnly: true}); err == nil {
		t.Error("Mint() with a damaged key = nil, want an error")
	}
}

// Tokens of another data directory are another issuer's.
func TestAnotherDirectorysTokens(t *testing.T) {
	mine, theirs := testIssuer(t.TempDir()), testIssuer(t.TempDir())
	who := TokenFor{Tenant: testTenant, Application: testApp, AppOnly: true}
	if _, err := mine.Mint(who); err != nil {
		t.Fatal(err)
	}
	token, err := theirs.Mint(who)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := validate(t, mine, token); err == nil {
		t.Errorf("Validate(another's token) = %v, want an error", p)
	}
}

func TestFirstUseByManyMakesOneKey(t *testing.T) {
	dir := t.TempDir()
	ids := make([]string, 4)
	var wait sync.WaitGroup
	for n := range ids {
		wait.Go(func() {
			key, err := testIssuer(dir).signingKey()
			if err != nil {
				t.Error(err)
				return
			}
			ids[n] = key.id
		})
	}
	wait.Wait()
	for _, id := range ids {
		if id != ids[0] || id == "" {
			t.Errorf("key ids = %q, want one", ids)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left in the directory = %v, want the key alone", entries)
	}
}
