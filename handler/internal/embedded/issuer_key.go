package embedded

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/MicahParks/jwkset"
)

const (
	issuerFile    = "issuer.pem"
	issuerKeyBits = 2048
)

// readOrMakeIssuerKey makes the key if there is none. Of two processes that
// make one at the same time, both use the one whose file was there first.
func readOrMakeIssuerKey(dir string) (*issuerKey, error) {
	key, err := readIssuerKey(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	private, err := rsa.GenerateKey(rand.Reader, issuerKeyBits)
	if err != nil {
		return nil, fmt.Errorf("make the issuer's key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("make the issuer's key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := createOnce(dir, issuerFile, text); err != nil {
		return nil, fmt.Errorf("keep the issuer's key: %w", err)
	}
	return readIssuerKey(dir)
}

func readIssuerKey(dir string) (*issuerKey, error) {
	path := filepath.Join(dir, issuerFile)
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the issuer's key: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the issuer's key %s is open to others: set its mode to 0600 or remove it", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the issuer's key: %w", err)
	}
	return parseIssuerKey(path, text)
}

func parseIssuerKey(path string, text []byte) (*issuerKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || len(rest) > 0 {
		return nil, fmt.Errorf("the issuer's key %s is not one PEM block: remove it and mint new tokens", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the issuer's key %s: %w", path, err)
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the issuer's key %s is not an RSA key: remove it and mint new tokens", path)
	}
	return newIssuerKey(private)
}

func newIssuerKey(private *rsa.PrivateKey) (*issuerKey, error) {
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return nil, fmt.Errorf("name the issuer's key: %w", err)
	}
	sum := sha256.Sum256(der)
	id := hex.EncodeToString(sum[:16])
	public, err := jwkset.NewJWKFromKey(private.Public(), jwkset.JWKOptions{
		Metadata: jwkset.JWKMetadataOptions{KID: id, ALG: jwkset.AlgRS256, USE: jwkset.UseSig},
	})
	if err != nil {
		return nil, fmt.Errorf("publish the issuer's key: %w", err)
	}
	return &issuerKey{private: private, id: id, public: public}, nil
}

// createOnce writes a file of mode 0600 whole or not at all, and leaves one
// that is there already.
func createOnce(dir, name string, text []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, name+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), filepath.Join(dir, name)); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
