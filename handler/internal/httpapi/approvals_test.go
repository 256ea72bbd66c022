package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// shelf is an approval reader with a few approvals a tenant, which shows an
// application its own only. Pages are numbers.
type shelf struct {
	perTenant int
	asked     []approval.ListQuery
	waited    []time.Duration
	fail      error
}

var _ ApprovalReader = (*shelf)(nil)

func (s *shelf) Get(_ context.Context, r approval.Reader, id string, _ time.Time) (approval.Approval, error) {
	if s.fail != nil && r.Tenant == "t" {
		return approval.Approval{}, s.fail
	}
	if id != "apr_1" || r.Tenant != "t" || r.Principal.Application == "bare" {
		return approval.Approval{}, approval.ErrNotFound
	}
	return sampleApproval(r.Tenant), nil
}

// Wait does not wait: it notes for how long it was asked to.
func (s *shelf) Wait(ctx context.Context, r approval.Reader, id string, atMost time.Duration, clock func() time.Time) (approval.Approval, error) {
	s.waited = append(s.waited, atMost)
	return s.Get(ctx, r, id, clock())
}

func (s *shelf) List(_ context.Context, r approval.Reader, q approval.ListQuery, _ time.Time) (approval.List, error) {
	s.asked = append(s.asked, q)
	page, err := strconv.Atoi("0" + q.Page)
	if err != nil {
		return approval.List{}, approval.ErrPage
	}
	list := approval.List{Approvals: []approval.Approval{sampleApproval(r.Tenant)}}
	if page+1 < s.perTenant {
		list.Next = strconv.Itoa(page + 1)
	}
	return list, s.fail
}

func sampleApproval(tenant string) approval.Approval {
	return approval.Approval{
		ID: "apr_1", Status: approval.Pending, Triggers: []string{"overLimit"}, PollAfter: 30 * time.Second, ApproveBy: decidedAt,
		Requirements: []policy.Requirement{{PolicyID: "finance/po-over-limit", Approvers: []string{"role:FinanceManager"}, Need: 1}},
		Tenant:       tenant, Agent: "finance-agent", Action: "CreatePO", Title: "Create purchase order",
		Requester: approval.Requester{Name: "ana@contoso.com", Identity: policy.Asserted}, Digest: "hmac-sha256:e",
		Facts: []approval.Fact{{Label: "Amount", Value: "70000 EUR"}}, OpenedAt: decidedAt,
		Votes: []approval.CountedVote{{PolicyID: "finance/po-over-limit", Person: "mia@contoso.com", Choice: approval.Approve, At: decidedAt, Comment: `"fine"`}},
	}
}

const wholeApproval = `{"id":"apr_1","status":"pending","final":false,"triggers":["overLimit"],"statusUrl":"https://x/api/approvals/apr_1","pollAfterSeconds":30,` +
	`"approveBy":"2026-11-21T19:52:00.123Z","executeBy":"","comment":"","requirements":[{"policyId":"finance/po-over-limit","approvers":["role:FinanceManager"],"need":1,"have":0}],` +
	`"tenantId":"t","agentId":"finance-agent","action":"CreatePO","title":"Create purchase order","requester":{"name":"ana@contoso.com","identity":"asserted"},` +
	`"requestDigest":"hmac-sha256:e","facts":[{"label":"Amount","value":"70000 EUR","mark":""}],"openedAt":"2026-11-21T19:52:00.123Z",` +
	`"votes":[{"policyId":"finance/po-over-limit","person":"mia@contoso.com","vote":"approve","at":"2026-11-21T19:52:00.123Z","comment":"\"fine\""}]}`

func approvalServer(s *shelf, tenants ...string) *testServer {
	edge := NewEdge(principals, nil, EdgeOptions{})
	options := ApprovalOptions{PublicURL: "https://x", Tenants: func() []string { return tenants }}
	mux := http.NewServeMux()
	mux.Handle("GET /api/approvals", edge.Route(Access{}, ListApprovals(s, options)))
	mux.Handle("GET /api/approvals/{id}", edge.Route(Access{}, GetApproval(s, options)))
	mux.Handle("/", edge.NotFound())
	return &testServer{handler: edge.Front(mux)}
}

// T51: what is not yours is answered as what is not there.
func TestGetApproval(t *testing.T) {
	server := approvalServer(&shelf{}, "s", "t")
	for _, as := range []string{"flow", "audi", ""} { // the developer looks in every tenant
		if got := server.get(t, "/api/approvals/apr_1", "Authorization", as); got.status != 200 || string(got.body) != wholeApproval {
			t.Errorf("%q: %d %s, want %s", as, got.status, got.body, wholeApproval)
		}
	}
	absent, foreign := server.get(t, "/api/approvals/apr_9", "Authorization", "flow"), server.get(t, "/api/approvals/apr_1", "Authorization", "bare")
	for name, got := range map[string]answer{"absent": absent, "foreign": foreign} {
		p := got.problem(t)
		if got.status != 404 || p.Detail != NotFound.Title {
			t.Errorf("%s: %d %s, want 404", name, got.status, got.body)
		}
	}
	unclear := approvalServer(&shelf{fail: errors.New("store unclear")}, "t", "s")
	for _, as := range []string{"flow", ""} {
		if got := unclear.get(t, "/api/approvals/apr_1", "Authorization", as); got.status != 503 {
			t.Errorf("%q, unclear: %d, want 503: never absent", as, got.status)
		}
	}
}

// The wait is 0 to 60 whole seconds, once.
func TestWaitQueries(t *testing.T) {
	for query, want := range map[string][]time.Duration{
		"": nil, "?wait=": nil, "?wait=0": nil, "?x=y": nil, "?WAIT=5": nil,
		"?wait=1": {time.Second}, "?wait=60&x=y": {time.Minute}, "?wait=05": {5 * time.Second},
	} {
		s := &shelf{}
		got := approvalServer(s).get(t, "/api/approvals/apr_1"+query, "Authorization", "flow")
		if got.status != 200 || string(got.body) != wholeApproval || !slices.Equal(s.waited, want) {
			t.Errorf("%s: %d %s, waited %v, want %v", query, got.status, got.body, s.waited, want)
		}
	}
	for _, query := range []string{
		"?wait=61", "?wait=-1", "?wait=+5", "?wait=%2B5", "?wait=1.0", "?wait=1e1", "?wait=5s", "?wait=x", "?wait=%20", "?wait=0x5",
		"?wait=256", "?wait=99999999999999999999", "?wait=1&wait=1", "?wait=&wait=", "?wait=%zz", "?wait=1;2",
	} {
		s := &shelf{}
		got := approvalServer(s).get(t, "/api/approvals/apr_1"+query, "Authorization", "flow")
		if p := got.problem(t); got.status != 400 || len(p.Errors) == 0 || len(s.waited) > 0 {
			t.Errorf("%s: %d %s, waited %v, want 400", query, got.status, got.body, s.waited)
		}
	}
	for _, c := range []struct{ as, id string }{{"flow", "apr_9"}, {"bare", "apr_1"}} {
		if got := approvalServer(&shelf{}).get(t, "/api/approvals/"+c.id+"?wait=60", "Authorization", c.as); got.status != 404 {
			t.Errorf("%s waits for %s: %d, want 404", c.as, c.id, got.status)
		}
	}
	s := &shelf{} // the developer waits in the tenant that has it
	if got := approvalServer(s, "s", "t", "u").get(t, "/api/approvals/apr_1?wait=7"); got.status != 200 || len(s.waited) != 2 {
		t.Errorf("the developer waits: %d, in %d tenants, want 200 in 2", got.status, len(s.waited))
	}
}

func TestListQueries(t *testing.T) {
	for query, want := range map[string]approval.ListQuery{
		"":                                  {Filter: approval.OnlyOpen},
		"?status=open":                      {Filter: approval.OnlyOpen},
		"?status=closed&limit=7&page=1&x=y": {Filter: approval.OnlyClosed, Limit: 7, Page: "1"},
		"?status=&limit=&page=":             {Filter: approval.OnlyOpen},
		"?limit=200":                        {Filter: approval.OnlyOpen, Limit: 200},
	} {
		s := &shelf{perTenant: 1}
		got := approvalServer(s).get(t, "/api/approvals"+query, "Authorization", "flow")
		if got.status != 200 || string(got.body) != `{"approvals":[`+wholeApproval+`],"next":""}` || len(s.asked) != 1 || s.asked[0] != want {
			t.Errorf("%s: %d %s, asked %v, want %v", query, got.status, got.body, s.asked, want)
		}
	}
	for _, query := range []string{"?status=all", "?limit=0", "?limit=201", "?limit=x", "?limit=-1", "?limit=1.0", "?page=x", "?a=%zz"} {
		got := approvalServer(&shelf{}).get(t, "/api/approvals"+query, "Authorization", "flow")
		if p := got.problem(t); got.status != 400 || len(p.Errors) == 0 {
			t.Errorf("%s: %d %s, want 400", query, got.status, got.body)
		}
	}
}

// The local developer pages through every tenant that the packs list.
func TestTheDeveloperListsEveryTenant(t *testing.T) {
	server := approvalServer(&shelf{perTenant: 2}, "s", "t", "u")
	var tenants []string
	page := ""
	for range 10 {
		got := server.get(t, "/api/approvals?page="+page)
		var list struct {
			Approvals []struct{ TenantID string }
			Next      string
		}
		if err := json.Unmarshal(got.body, &list); err != nil {
			t.Fatal(err)
		}
		for _, a := range list.Approvals {
			tenants = append(tenants, a.TenantID)
		}
		if page = list.Next; page == "" {
			break
		}
	}
	if want := []string{"s", "s", "t", "t", "u", "u"}; len(tenants) != len(want) || tenants[1] != "s" || tenants[2] != "t" || tenants[5] != "u" {
		t.Errorf("listed %v, want %v", tenants, want)
	}
	for _, page := range []string{"3~", "-1~", "x", "x~1", "0~x"} {
		if got := server.get(t, "/api/approvals?page="+page); got.status != 400 {
			t.Errorf("page %q: %d, want 400", page, got.status)
		}
	}
	if got := approvalServer(&shelf{}).get(t, "/api/approvals"); string(got.body) != `{"approvals":[],"next":""}` {
		t.Errorf("without packs: %s", got.body)
	}
}

func TestReadersAskInTheirOwnTenant(t *testing.T) {
	p := identity.Principal{Kind: identity.Application, Tenant: "own"}
	o := ApprovalOptions{Tenants: func() []string { return []string{"s", "t"} }}
	if got := o.tenants(p); len(got) != 1 || got[0] != "own" {
		t.Errorf("tenants(%v) = %v, want its own", p, got)
	}
}
