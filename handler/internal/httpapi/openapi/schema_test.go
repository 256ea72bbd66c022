package openapi_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi/openapi"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

func checkSchema(t *testing.T, name string, text []byte) {
	t.Helper()
	document, err := openapi.Document("test", "http://localhost", nil)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource("openapi.json", parsed); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("openapi.json#/components/schemas/" + name)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %.300s: %v", name, text, err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s: %.300s: %v", name, text, err)
	}
}

type developer struct{}

func (developer) Authenticate(context.Context, http.Header) (identity.Principal, error) {
	return identity.Principal{Kind: identity.Developer}, nil
}

// call is what a handler answers.
func call(t *testing.T, h httpapi.Handler) []byte {
	t.Helper()
	edge := httpapi.NewEdge(developer{}, nil, httpapi.EdgeOptions{})
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	edge.Route(httpapi.Access{}, h).ServeHTTP(w, r)
	return w.Body.Bytes()
}

const request = `{"correlationId":"c-1","tenantId":null,"agentId":"finance-agent","userUPN":"ana@contoso.com","action":"CreatePO",` +
	`"resource":{"type":"PurchaseOrder","id":"PO-1","region":"","attributes":{"a":[1]}},"parameters":{"amount":1},"context":{"risk":"low"}}`

// What is answered is what the document says, and each schema's required
// members are all there are.
func TestAnswersFitTheirSchemas(t *testing.T) {
	checkSchema(t, "AuthorizeRequest", []byte(request))
	at := time.Date(2026, 11, 21, 19, 52, 0, 0, time.UTC)
	full := authorize.Answer{
		Decision: policy.RequireApproval, Advice: []string{"a"}, PolicyIDs: []string{"p"},
		Policy:              authorize.PolicyState{Packs: []policy.PackRef{{Pack: "finance", Version: 1}}},
		EffectiveParameters: strictjson.ObjectOf(strictjson.Member{Name: "amount", Value: strictjson.NumberOf("1")}),
		Obligations:         []policy.Obligation{{Type: "mask", Path: "output.a", Method: "last4"}},
		Approval:            authorize.Approval{ApproveBy: at, Triggers: []string{"always"}, Requirements: []policy.Requirement{{PolicyID: "p", Need: 1}}},
		Alternatives:        []policy.Alternative{{Parameter: "amount", Value: "1", Outcome: policy.Mask}},
		EvaluatedAt:         at, Warnings: []string{"w"}, Trace: []policy.TraceLine{{Stage: "s"}},
	}
	empty := authorize.Answer{EvaluatedAt: at}
	for _, a := range []authorize.Answer{full, empty} {
		checkSchema(t, "Answer", httpapi.AppendAnswer(nil, &a))
	}
	checkSchema(t, "Live", call(t, httpapi.Live()))
	for _, lacks := range [][]httpapi.Lack{nil, {{Component: "policy", Detail: "none"}}} {
		checkSchema(t, "Ready", call(t, httpapi.Ready(func(context.Context) []httpapi.Lack { return lacks })))
	}
	standing := httpapi.Standing{
		Roles:  []policy.RoleGrant{{Pack: "finance", Role: "FinanceAnalyst", Via: "user:ana@contoso.com"}},
		Agents: []httpapi.Agent{{ID: "a", Title: "A"}}, Missing: []httpapi.Missing{{Code: "c", Detail: "d"}},
	}
	checkSchema(t, "Whoami", call(t, httpapi.Whoami(func(context.Context, identity.Principal) (httpapi.Standing, error) { return standing, nil })))
}

func TestProblemsFitTheirSchema(t *testing.T) {
	errs := []error{errors.New("x"), &identity.UnauthenticatedError{Reason: "r"}, &httpapi.Problem{Kind: httpapi.Conflict, ApprovalStatus: "expired"}}
	for _, kind := range httpapi.Kinds() {
		errs = append(errs, &httpapi.Problem{Kind: kind, Errors: []httpapi.FieldError{{Pointer: "/a", Detail: "d"}}})
	}
	for _, err := range errs {
		checkSchema(t, "Problem", call(t, func(http.ResponseWriter, *http.Request, identity.Principal) error { return err }))
	}
}

// approvals is a reader that holds one.
type approvals struct{}

func (approvals) Get(context.Context, approval.Reader, string, time.Time) (approval.Approval, error) {
	return approval.Approval{
		ID: "apr_1", Status: approval.Pending, Facts: []approval.Fact{{Label: "Amount", Value: "1", Mark: "pinned"}},
		Votes: []approval.CountedVote{{Choice: approval.Deny, At: time.Unix(0, 0)}},
	}, nil
}

func (a approvals) Wait(ctx context.Context, r approval.Reader, id string, _ time.Duration, clock func() time.Time) (approval.Approval, error) {
	return a.Get(ctx, r, id, clock())
}

func (a approvals) List(ctx context.Context, r approval.Reader, _ approval.ListQuery, now time.Time) (approval.List, error) {
	one, err := a.Get(ctx, r, "", now)
	return approval.List{Approvals: []approval.Approval{one, one}}, err
}

func TestApprovalsFitTheirSchemas(t *testing.T) {
	o := httpapi.ApprovalOptions{Tenants: func() []string { return []string{"t"} }}
	checkSchema(t, "Approval", call(t, httpapi.GetApproval(approvals{}, o)))
	checkSchema(t, "Approvals", call(t, httpapi.ListApprovals(approvals{}, o)))
	checkSchema(t, "Approval", call(t, httpapi.CloseApproval(func(ctx context.Context, r approval.Reader, id, _ string, now time.Time) (approval.Approval, error) {
		return approvals{}.Get(ctx, r, id, now)
	}, o)))
}

// recorder records outcomes.
type recorder struct{}

func (recorder) Outcome(context.Context, identity.Principal, authorize.Outcome) (authorize.Receipt, error) {
	return authorize.Receipt{Segment: "s", Seq: 1, Hash: "sha256:h"}, nil
}

// What the decoders take fits the schema of its body.
func TestBodiesOfApprovalsFitTheirSchemas(t *testing.T) {
	for _, body := range []string{
		`{"approvalId":"apr_1","vote":"deny","requestDigest":"d"}`,
		`{"approvalId":"apr_1","vote":"approve","requestDigest":"d","comment":null,"responder":null}`,
		`{"approvalId":"apr_1","vote":"approve","requestDigest":"d","comment":"c","responder":{"userId":"u","userTenantId":null,"email":"","nonce":"n"}}`,
	} {
		if _, err := httpapi.DecodeBallot([]byte(body)); err != nil {
			t.Errorf("DecodeBallot(%s) = %v", body, err)
		}
		checkSchema(t, "Ballot", []byte(body))
	}
	for _, body := range []string{`{"outcome":"executed"}`, `{"outcome":"failed","detail":null}`, `{"outcome":"unknown","detail":"d"}`} {
		if _, err := httpapi.DecodeOutcome([]byte(body)); err != nil {
			t.Errorf("DecodeOutcome(%s) = %v", body, err)
		}
		checkSchema(t, "OutcomeReport", []byte(body))
	}
	for _, body := range []string{`{}`, `{"comment":null}`, `{"comment":"c"}`} {
		checkSchema(t, "Comment", []byte(body))
	}
	checkSchema(t, "OutcomeRecorded", call(t, func(w http.ResponseWriter, r *http.Request, p identity.Principal) error {
		r = httptest.NewRequestWithContext(r.Context(), http.MethodPost, "/", strings.NewReader(`{"outcome":"executed"}`))
		r.Header.Set("Content-Type", "application/json")
		return httpapi.Outcome(recorder{})(w, r, p)
	}))
}
