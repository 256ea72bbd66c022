package embedded

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

// retireAfter is how long a key stays published that signs no more: as long as
// its last grant, and a minute for clocks that differ.
const retireAfter = grant.Lifetime + time.Minute

// GrantKeys signs grants with keys in the data directory, which it makes at
// first start. They are not those of the local issuer of tokens. Whoever can
// read the file can sign grants. It is safe for concurrent use.
type GrantKeys struct {
	file grantKeyFile // never changes
	now  func() time.Time
}

var _ grant.Signer = (*GrantKeys)(nil)

// OpenGrantKeys reads the keys of a data directory whose lock the caller
// holds, and makes one if there is none. Keys that are there and cannot be used
// are an error: with new ones, grants that are out would count for nothing.
func OpenGrantKeys(dir string, now func() time.Time) (*GrantKeys, error) {
	file, err := readGrantKeyFile(dir)
	if errors.Is(err, fs.ErrNotExist) {
		file, err = makeGrantKeyFile(dir)
	}
	if err != nil {
		return nil, err
	}
	return &GrantKeys{file, now}, nil
}

func makeGrantKeyFile(dir string) (grantKeyFile, error) {
	private, err := newGrantKey()
	if err != nil {
		return grantKeyFile{}, err
	}
	text, err := (&grantKeyFile{current: private}).encode()
	if err != nil {
		return grantKeyFile{}, err
	}
	if err := errors.Join(createOnce(dir, grantKeysName, text), syncDirectory(dir)); err != nil {
		return grantKeyFile{}, fmt.Errorf("keep the grant key: %w", err)
	}
	return readGrantKeyFile(dir)
}

func newGrantKey() (grantKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return grantKey{}, fmt.Errorf("make a grant key: %w", err)
	}
	return nameGrantKey(private)
}

// PublicKeys implements [grant.Signer].
func (k *GrantKeys) PublicKeys(context.Context) ([]grant.PublicKey, error) {
	return k.file.published(k.now()), nil
}

// Sign implements [grant.Signer].
func (k *GrantKeys) Sign(_ context.Context, kid string, digest [sha256.Size]byte) ([]byte, error) {
	if kid != k.file.current.public.ID() {
		return nil, errors.New("sign: only the current key signs")
	}
	r, s, err := ecdsa.Sign(rand.Reader, k.file.current.private, digest[:])
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature, nil
}

// ReadGrantKeys is the public part of the keys of a data directory. It needs
// no lock, also while a server has the directory.
func ReadGrantKeys(dir string, now time.Time) (grant.KeySet, error) {
	file, err := readGrantKeyFile(dir)
	if err != nil {
		return grant.KeySet{}, err
	}
	return grant.NewKeySet(file.published(now)...), nil
}

// Rotation is what a rotation did.
type Rotation struct {
	Current        string    // the key that signs from the next start on
	Previous       string    // the one that signed until now
	PublishedUntil time.Time // when the previous one leaves the key set
}

// RotateGrantKey makes a new key the current one. The private part of the old
// one is deleted; its public part stays published until its last grant is out.
// The caller holds the directory's lock, so that no server signs meanwhile.
func RotateGrantKey(dir string, now time.Time) (Rotation, error) {
	file, err := readGrantKeyFile(dir)
	if err != nil {
		return Rotation{}, err
	}
	key, err := newGrantKey()
	if err != nil {
		return Rotation{}, err
	}
	until := now.Add(retireAfter).UTC().Truncate(time.Second)
	next := grantKeyFile{current: key, retired: []retiredKey{{file.current.public, until}}}
	for _, r := range file.retired {
		if r.until.After(now) {
			next.retired = append(next.retired, r)
		}
	}
	text, err := next.encode()
	if err != nil {
		return Rotation{}, err
	}
	if err := replaceFile(dir, grantKeysName, text); err != nil {
		return Rotation{}, fmt.Errorf("keep the grant keys: %w", err)
	}
	return Rotation{Current: key.public.ID(), Previous: file.current.public.ID(), PublishedUntil: until}, nil
}
