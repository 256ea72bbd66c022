package openapi_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

type oneKey struct{ key grant.PublicKey }

func (k oneKey) KeySet(context.Context) (grant.KeySet, error) { return grant.NewKeySet(k.key), nil }

type cover struct{}

func (cover) Mask(context.Context, identity.Principal, authorize.MaskRequest) (authorize.Masked, error) {
	return authorize.Masked{Output: strictjson.NullValue(), DecisionID: "01JD"}, nil
}

// What the handlers of grants answer is what the document says.
func TestGrantSchemas(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := grant.NewPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	checkSchema(t, "KeySet", call(t, httpapi.JWKS(oneKey{key})))

	const body = `{"grant":"a.b.c","output":{"iban":"DE"}}`
	checkSchema(t, "MaskRequest", []byte(body))
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/mask", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if err := httpapi.Mask(cover{})(w, r, identity.Principal{}); err != nil {
		t.Fatal(err)
	}
	checkSchema(t, "Masked", w.Body.Bytes())
}
