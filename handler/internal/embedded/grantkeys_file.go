package embedded

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	grantKeysName = "grant-keys.json"
	maxGrantKeys  = 64 << 10
)

// grantKeyFile is the file of grant keys:
//
//	{"schema": 1, "current": {"kid": "…", "private": "<base64 of PKCS #8>"},
//	 "retired": [{"jwk": {…}, "until": "2026-11-21T20:08:00Z"}]}
type grantKeyFile struct {
	current grantKey
	retired []retiredKey // the last to retire first
}

type grantKey struct {
	private *ecdsa.PrivateKey
	public  grant.PublicKey
}

// retiredKey signs no more, and its private part is gone.
type retiredKey struct {
	public grant.PublicKey
	until  time.Time
}

func nameGrantKey(private *ecdsa.PrivateKey) (grantKey, error) {
	public, err := grant.NewPublicKey(&private.PublicKey)
	if err != nil {
		return grantKey{}, fmt.Errorf("name the grant key: %w", err)
	}
	return grantKey{private, public}, nil
}

// published are the keys that grants may be signed with, the current one first.
func (f *grantKeyFile) published(now time.Time) []grant.PublicKey {
	keys := []grant.PublicKey{f.current.public}
	for _, r := range f.retired {
		if r.until.After(now) {
			keys = append(keys, r.public)
		}
	}
	return keys
}

func (f *grantKeyFile) encode() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(f.current.private)
	if err != nil {
		return nil, fmt.Errorf("encode the grant key: %w", err)
	}
	text := fmt.Appendf(nil, `{"schema":1,"current":{"kid":%q,"private":%q},"retired":[`,
		f.current.public.ID(), base64.StdEncoding.EncodeToString(der))
	for i, r := range f.retired {
		if i > 0 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, `{"jwk":%s,"until":%q}`, r.public.JWK(), r.until.Format(time.RFC3339))
	}
	return append(text, "]}\n"...), nil
}

func readGrantKeyFile(dir string) (grantKeyFile, error) {
	path := filepath.Join(dir, grantKeysName)
	text, err := readSecretFile(path)
	if err != nil {
		return grantKeyFile{}, fmt.Errorf("read the grant keys: %w", err)
	}
	f, err := parseGrantKeyFile(text)
	if err != nil {
		return grantKeyFile{}, fmt.Errorf("the grant keys %s: %w", path, err)
	}
	return f, nil
}

// readSecretFile reads a plain file that only its owner may open. A link could
// be put there by somebody who cannot write the secret itself.
func readSecretFile(path string) ([]byte, error) {
	named, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !named.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a plain file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !os.SameFile(named, info):
		return nil, fmt.Errorf("%s was exchanged while it was opened", path)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s is open to others: set its mode to 0600", path)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxGrantKeys+1))
	if err == nil && len(text) > maxGrantKeys {
		err = fmt.Errorf("%s is too long", path)
	}
	return text, err
}

// parseGrantKeyFile reads the file. No error holds anything of it.
func parseGrantKeyFile(text []byte) (grantKeyFile, error) {
	v, err := strictjson.Parse(text, strictjson.Limits{Depth: 4, Names: 1000})
	if err != nil {
		return grantKeyFile{}, err
	}
	if v.Get("schema").Text() != "1" {
		return grantKeyFile{}, errors.New("not of schema 1")
	}
	var f grantKeyFile
	if f.current, err = parseGrantKey(v.Get("current")); err != nil {
		return grantKeyFile{}, fmt.Errorf("current: %w", err)
	}
	for _, item := range v.Get("retired").Items() {
		set, err := grant.ParseKeySet(strictjson.AppendCanonical(nil, strictjson.ObjectOf(
			strictjson.Member{Name: "keys", Value: strictjson.ArrayOf(item.Get("jwk"))})))
		if err != nil {
			return grantKeyFile{}, fmt.Errorf("retired: %w", err)
		}
		until, err := time.Parse(time.RFC3339, item.Get("until").Text())
		if err != nil {
			return grantKeyFile{}, errors.New("retired: until is no time")
		}
		f.retired = append(f.retired, retiredKey{set.Keys()[0], until})
	}
	return f, nil
}

func parseGrantKey(v strictjson.Value) (grantKey, error) {
	der, err := base64.StdEncoding.Strict().DecodeString(v.Get("private").Text())
	if err != nil {
		return grantKey{}, errors.New("the key is not base64")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return grantKey{}, errors.New("the key is not PKCS #8")
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return grantKey{}, errors.New("the key is not an EC key")
	}
	key, err := nameGrantKey(private)
	if err == nil && v.Get("kid").Text() != key.public.ID() {
		err = errors.New("the kid is not that of the key")
	}
	return key, err
}

// replaceFile writes a file of mode 0600 in the place of another, whole or not
// at all. The name stands for the old one or the new one, whatever happens.
func replaceFile(dir, name string, text []byte) error {
	f, err := os.CreateTemp(dir, name+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		if gone := os.Remove(f.Name()); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return err
	}
	return syncDirectory(dir)
}
