package httpapi

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// The line names the tenant that the record names: that of the decision, also
// where neither token nor request names one, and whatever a request claims.
func TestDecisionLineNamesTheTenantOfTheDecision(t *testing.T) {
	for name, test := range map[string]struct{ token, request, decided string }{
		"the only tenant of a local developer": {"", "", "contoso"},
		"a token's":                            {"contoso", "", "contoso"},
		"a token's, and the request lies":      {"contoso", "fabrikam", "contoso"},
		"none, of several":                     {"", "", ""},
	} {
		var out bytes.Buffer
		LogDecision(t.Context(), slog.New(slog.NewJSONHandler(&out, nil)), DecisionLine{
			Principal: identity.Principal{Kind: identity.Developer, Tenant: test.token},
			Request:   &authorize.Request{TenantID: test.request},
			Answer:    &authorize.Answer{Tenant: test.decided},
		})
		var line struct{ TenantID *string }
		if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.TenantID == nil || *line.TenantID != test.decided {
			t.Errorf("%s: LogDecision writes %s, %v, want tenantId %q", name, out.Bytes(), err, test.decided)
		}
	}
}
