package keyvault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

// maxSecretVersions is how many earlier versions are looked into for the key
// before the current one.
const maxSecretVersions = 8

// EnvironmentKey reads the secret. The key before the current one is what the
// text has as "previous"; without it, what the newest enabled earlier version
// of the secret has as "current", if that is another key: until that version
// is disabled, what was opened and denied under it counts.
//
// A secret that is missing, disabled or damaged is an error, and never
// replaced: under another key no approval would be found again. No error holds
// anything of a secret. What is throttled or does not answer is tried a few
// times, within 10 s.
func (v *Vault) EnvironmentKey(ctx context.Context) (key grant.EnvironmentKey, err error) {
	err = v.patiently(ctx, func(ctx context.Context) error {
		key, err = v.environmentKey(ctx)
		return err
	})
	if err != nil {
		return grant.EnvironmentKey{}, fmt.Errorf("key vault: %w", err)
	}
	return key, nil
}

func (v *Vault) environmentKey(ctx context.Context) (grant.EnvironmentKey, error) {
	key, current, err := v.readSecret(ctx, "")
	if err != nil || key.Previous != nil {
		return key, err
	}
	earlier, err := v.earlierSecrets(ctx, current)
	if err != nil {
		return grant.EnvironmentKey{}, err
	}
	for _, name := range earlier {
		before, _, err := v.readSecret(ctx, name)
		if err != nil {
			return grant.EnvironmentKey{}, fmt.Errorf("version %s: %w", name, err)
		}
		if before.Current.ID() != key.Current.ID() {
			key.Previous = before.Current
			return key, nil
		}
	}
	return key, nil
}

// readSecret reads a version of the secret, "" for the current one, and says
// which one that was.
func (v *Vault) readSecret(ctx context.Context, name string) (key grant.EnvironmentKey, version string, err error) {
	var answer azsecrets.GetSecretResponse
	err = v.call(ctx, "read the secret", func(ctx context.Context) (err error) {
		answer, err = v.secrets.GetSecret(ctx, v.secretName, name, nil)
		return err
	})
	if err != nil {
		return grant.EnvironmentKey{}, "", err
	}
	if answer.Value == nil || answer.ID == nil {
		return grant.EnvironmentKey{}, "", errors.New("read the secret: the answer holds none")
	}
	key, err = grant.ParseEnvironmentKey([]byte(*answer.Value))
	return key, answer.ID.Version(), err
}

// earlierSecrets are the enabled versions of the secret but for one, the newest
// first.
func (v *Vault) earlierSecrets(ctx context.Context, current string) ([]string, error) {
	type dated struct {
		name    string
		created time.Time
	}
	var found []dated
	pager := v.secrets.NewListSecretPropertiesVersionsPager(v.secretName, nil)
	err := eachPage(ctx, v, "list the versions of the secret", pager, func(page azsecrets.ListSecretPropertiesVersionsResponse) error {
		for _, p := range page.Value {
			if p == nil || p.ID == nil || p.Attributes == nil || p.Attributes.Created == nil || !names.MatchString(p.ID.Version()) {
				return errors.New("a version without a name or attributes")
			}
			if p.ID.Version() != current && p.Attributes.Enabled != nil && *p.Attributes.Enabled {
				found = append(found, dated{p.ID.Version(), *p.Attributes.Created})
			}
		}
		return nil
	})
	slices.SortFunc(found, func(a, b dated) int {
		return cmp.Or(b.created.Compare(a.created), cmp.Compare(a.name, b.name))
	})
	var out []string
	for _, f := range found[:min(len(found), maxSecretVersions)] {
		out = append(out, f.name)
	}
	return out, err
}
