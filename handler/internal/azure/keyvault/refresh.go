package keyvault

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

const (
	maxPages    = 40 // of 25 versions
	maxVersions = 8  // that are looked into, the newest enabled ones
	jitter      = 0.2
	settleSlack = 2 // readings that a slow instance may miss
)

// Refresh reads the versions of the key anew. After an error those that were
// known go on counting.
func (v *Vault) Refresh(ctx context.Context) error {
	v.reading.Lock()
	defer v.reading.Unlock()
	ctx, cancel := context.WithTimeout(ctx, together*v.o.CallLimit)
	defer cancel()
	list, err := v.listVersions(ctx)
	if err != nil {
		return err
	}
	for _, version := range list {
		if !version.enabled {
			version.fault = "is disabled"
			continue
		}
		if version.material, err = v.materialOf(ctx, version.name); err != nil {
			return err
		}
	}
	v.held.Store(&versions{list: list, settle: v.o.CacheAge + settleSlack*v.o.Refresh, read: v.o.Clock()})
	return nil
}

// listVersions are the newest versions, the oldest first: all the disabled ones
// among them, and at most maxVersions others.
func (v *Vault) listVersions(ctx context.Context) ([]*version, error) {
	var list []*version
	pager := v.keys.NewListKeyPropertiesVersionsPager(v.keyName, nil)
	err := eachPage(ctx, v, "list the versions of the key", pager, func(page azkeys.ListKeyPropertiesVersionsResponse) error {
		for _, properties := range page.Value {
			version, err := readVersion(properties)
			if err != nil {
				return err
			}
			list = append(list, version)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b *version) int {
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.name, b.name))
	})
	enabled := 0
	for i, version := range slices.Backward(list) {
		if version.enabled {
			enabled++
		}
		if enabled > maxVersions {
			return list[i+1:], nil
		}
	}
	return list, nil
}

// eachPage reads a list to its end, each page within the limit of a call.
func eachPage[T any](ctx context.Context, v *Vault, what string, pager *runtime.Pager[T], take func(T) error) error {
	for pages := 0; pager.More(); pages++ {
		if pages == maxPages {
			return fmt.Errorf("%s: more than %d pages", what, maxPages)
		}
		var page T
		err := v.call(ctx, what, func(ctx context.Context) (err error) {
			page, err = pager.NextPage(ctx)
			return err
		})
		if err != nil {
			return err
		}
		if err := take(page); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

func readVersion(p *azkeys.KeyProperties) (*version, error) {
	if p == nil || p.KID == nil || p.Attributes == nil || !names.MatchString(p.KID.Version()) {
		return nil, errors.New("a version without a name or attributes")
	}
	a := p.Attributes
	if a.Created == nil {
		return nil, errors.New("a version without the time when it was made")
	}
	return &version{
		name: p.KID.Version(), enabled: a.Enabled != nil && *a.Enabled,
		created: *a.Created, notBefore: valueOf(a.NotBefore), expires: valueOf(a.Expires),
	}, nil
}

// materialOf is what is known of a version, or what the vault says of it.
func (v *Vault) materialOf(ctx context.Context, name string) (material, error) {
	if known := v.held.Load(); known != nil {
		for _, version := range known.list {
			if version.name == name && version.kind != "" {
				return version.material, nil
			}
		}
	}
	var answer azkeys.GetKeyResponse
	err := v.call(ctx, "read the key", func(ctx context.Context) (err error) {
		answer, err = v.keys.GetKey(ctx, v.keyName, name, nil)
		return err
	})
	if err != nil {
		return material{}, err
	}
	if answer.Key == nil || answer.Key.Kty == nil || answer.Key.KID == nil || answer.Key.KID.Version() != name {
		return material{}, errors.New("read the key: the answer is not the version that was asked for")
	}
	return readMaterial(answer.Key), nil
}

func readMaterial(k *azkeys.JSONWebKey) material {
	m := material{kind: string(*k.Kty), curve: string(valueOf(k.Crv))}
	for _, operation := range k.KeyOps {
		m.operations = append(m.operations, string(valueOf(operation)))
	}
	switch {
	case m.kind != string(azkeys.KeyTypeEC) && m.kind != string(azkeys.KeyTypeECHSM):
		m.fault = "is no elliptic curve key"
	case m.curve != string(azkeys.CurveNameP256):
		m.fault = "is not on P-256"
	case !slices.Contains(m.operations, string(azkeys.KeyOperationSign)):
		m.fault = "may not sign"
	default:
		m.setKey(k.X, k.Y)
	}
	return m
}

func (m *material) setKey(x, y []byte) {
	const coordinate, uncompressed = 32, 4 // SEC 1
	m.fault = "is no point of P-256"
	if len(x) != coordinate || len(y) != coordinate {
		return
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{uncompressed}, x, y))
	if err != nil {
		return
	}
	public, err := grant.NewPublicKey(key)
	if err != nil {
		return
	}
	m.key, m.public, m.fault = key, public, ""
}

// valueOf is what p points to, and the zero value for nil.
func valueOf[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// keepFresh reads the versions again and again until ctx ends.
func (v *Vault) keepFresh(ctx context.Context) {
	defer close(v.stopped)
	failing := false
	for {
		pause := time.Duration(float64(v.o.Refresh) * (1 - jitter + 2*jitter*rand.Float64()))
		select {
		case <-ctx.Done():
			return
		case <-v.again:
		case <-time.After(pause):
		}
		err := v.Refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil || failing {
			v.o.Tell(err)
		}
		failing = err != nil
		v.rest(ctx)
	}
}

// leastPause is between two readings, whatever asks for them.
const leastPause = 10 * time.Second

// rest keeps refused signatures from making a reading each.
func (v *Vault) rest(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(min(leastPause, v.o.Refresh)):
	}
}

// readSoon has the versions read at once.
func (v *Vault) readSoon() {
	select {
	case v.again <- struct{}{}:
	default:
	}
}
