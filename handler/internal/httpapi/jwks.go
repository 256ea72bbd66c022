package httpapi

import (
	"context"
	"net/http"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// KeyPublisher says which public keys count: [grant.Issuer].
type KeyPublisher interface {
	KeySet(ctx context.Context) (grant.KeySet, error)
}

// JWKS is GET /.well-known/fabric-jwks.json: the keys that grants are checked
// with, without asking anybody further.
func JWKS(keys KeyPublisher) Handler {
	return func(w http.ResponseWriter, r *http.Request, _ identity.Principal) error {
		set, err := keys.KeySet(r.Context())
		if err != nil {
			return err
		}
		writeBody(w, http.StatusOK, jsonType, set.Document())
		return nil
	}
}
