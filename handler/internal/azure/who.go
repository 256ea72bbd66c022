package azure

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// whoLimit is how long a token may take.
const whoLimit = 10 * time.Second

// Who names the holder of a credential for the audit log, as the token that
// Entra gives it for a scope says: its UPN, else "oid:" and the object id. It
// is our own token, so its signature is the service's to check.
func Who(ctx context.Context, credential Credential, scope string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, whoLimit)
	defer cancel()
	token, err := TokenErrors(credential).GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
	if err != nil {
		return "", fmt.Errorf("who is signed in: %w", Cause(err))
	}
	var claims struct{ UPN, OID string }
	parts := strings.Split(token.Token, ".")
	if len(parts) != 3 {
		return "", errors.New("who is signed in: the token is no JWT")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return "", errors.New("who is signed in: the token cannot be read")
	}
	switch {
	case claims.UPN != "":
		return claims.UPN, nil
	case claims.OID != "":
		return "oid:" + claims.OID, nil
	}
	return "", errors.New("who is signed in: the token names nobody")
}
