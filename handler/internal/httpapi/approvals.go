package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// ApprovalReader reads approvals for whoever may see them:
// [approval.Service].
type ApprovalReader interface {
	Get(ctx context.Context, r approval.Reader, id string, now time.Time) (approval.Approval, error)
	Wait(ctx context.Context, r approval.Reader, id string, atMost time.Duration, clock func() time.Time) (approval.Approval, error)
	List(ctx context.Context, r approval.Reader, q approval.ListQuery, now time.Time) (approval.List, error)
}

// ApprovalOptions are what the handlers of approvals need besides.
type ApprovalOptions struct {
	PublicURL string           // of links, without a slash at the end
	Tenants   func() []string  // that the packs list: those of the local developer, who has none
	Now       func() time.Time // nil: time.Now
	Stopping  <-chan struct{}  // closed when the server stops: nobody waits any longer; nil: never
}

func (o ApprovalOptions) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// tenants are those in which p may read: its own.
func (o ApprovalOptions) tenants(p identity.Principal) []string {
	if p.Kind == identity.Developer {
		return o.Tenants()
	}
	return []string{p.Tenant}
}

// find does something with one approval in the tenants of p, one after the
// other, until one knows it. Everybody but the local developer has one tenant.
func (o ApprovalOptions) find(p identity.Principal, do func(approval.Reader) (approval.Approval, error)) (approval.Approval, error) {
	for _, tenant := range o.tenants(p) {
		a, err := do(approval.Reader{Principal: p, Tenant: tenant})
		if !errors.Is(err, approval.ErrNotFound) {
			return a, err // unclear is not absent
		}
	}
	return approval.Approval{}, approval.ErrNotFound
}

// GetApproval is GET /api/approvals/{id}, which waits for a change if it is
// asked to. An approval that is not the caller's to see is answered as one that
// does not exist.
func GetApproval(reader ApprovalReader, o ApprovalOptions) Handler {
	return func(w http.ResponseWriter, r *http.Request, p identity.Principal) error {
		wait, err := decodeWait(r.URL.RawQuery)
		if err != nil {
			return err
		}
		id := r.PathValue("id")
		read := func(from approval.Reader) (approval.Approval, error) {
			return reader.Get(r.Context(), from, id, o.now())
		}
		if wait > 0 {
			ctx, done := o.waiting(r)
			defer done()
			read = func(from approval.Reader) (approval.Approval, error) { return reader.Wait(ctx, from, id, wait, o.now) }
		}
		a, err := o.find(p, read)
		if err != nil {
			return err
		}
		writeApproval(w, &a, o.PublicURL)
		return nil
	}
}

func writeApproval(w http.ResponseWriter, a *approval.Approval, publicURL string) {
	writeBody(w, http.StatusOK, jsonType, appendWholeApproval(nil, a, publicURL))
}

// ListApprovals is GET /api/approvals: a page of what the caller may see.
func ListApprovals(reader ApprovalReader, o ApprovalOptions) Handler {
	return func(w http.ResponseWriter, r *http.Request, p identity.Principal) error {
		query, err := decodeListQuery(r.URL.RawQuery)
		if err != nil {
			return err
		}
		list, err := listTenants(r.Context(), reader, p, o.tenants(p), query, o.now())
		if err != nil {
			return err
		}
		body := []byte(`{"approvals":[`)
		for i := range list.Approvals {
			body = appendWholeApproval(separate(body, i), &list.Approvals[i], o.PublicURL)
		}
		body = appendMember(body, `],"next":`, list.Next)
		writeBody(w, http.StatusOK, jsonType, append(body, '}'))
		return nil
	}
}

// listTenants lists one tenant after the other; a page says which it is of.
// Everybody but the local developer has one tenant.
func listTenants(ctx context.Context, reader ApprovalReader, p identity.Principal, tenants []string, q approval.ListQuery, now time.Time) (approval.List, error) {
	n := 0
	if len(tenants) > 1 && q.Page != "" {
		number, page, _ := strings.Cut(q.Page, "~")
		var err error
		if n, err = strconv.Atoi(number); err != nil || n < 0 || n >= len(tenants) {
			return approval.List{}, approval.ErrPage
		}
		q.Page = page
	}
	if n >= len(tenants) {
		return approval.List{}, nil
	}
	list, err := reader.List(ctx, approval.Reader{Principal: p, Tenant: tenants[n]}, q, now)
	switch {
	case err != nil || len(tenants) == 1:
	case list.Next != "":
		list.Next = strconv.Itoa(n) + "~" + list.Next
	case n+1 < len(tenants):
		list.Next = strconv.Itoa(n+1) + "~"
	}
	return list, err
}

// decodeListQuery reads status, limit and page; other names are ignored.
func decodeListQuery(raw string) (approval.ListQuery, error) {
	q := approval.ListQuery{Filter: approval.OnlyOpen}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, badQuery("", "cannot be read")
	}
	switch values.Get("status") {
	case "", "open":
	case "closed":
		q.Filter = approval.OnlyClosed
	default:
		return q, badQuery("status", "must be open or closed")
	}
	if limit := values.Get("limit"); limit != "" {
		q.Limit, err = strconv.Atoi(limit)
		if err != nil || q.Limit < 1 || q.Limit > approval.MaxLimit {
			return q, badQuery("limit", "must be a whole number of 1 to "+strconv.Itoa(approval.MaxLimit))
		}
	}
	q.Page = values.Get("page")
	return q, nil
}

func badQuery(name, detail string) *Problem {
	text := strings.TrimSpace("the query "+name) + " " + detail
	return &Problem{Kind: Malformed, Detail: sentence(text), Errors: []FieldError{{"", text}}}
}

// appendWholeApproval writes an approval of its own: what an answer shows of
// it, and what it is about.
func appendWholeApproval(dst []byte, a *approval.Approval, publicURL string) []byte {
	shown := authorize.Approval{
		ID: a.ID, Status: a.Status.String(), Final: a.Final, Triggers: a.Triggers, StatusURL: publicURL + "/api/approvals/" + a.ID,
		PollAfterSeconds: int(a.PollAfter / time.Second), ApproveBy: a.ApproveBy, ExecuteBy: a.ExecuteBy,
		Comment: a.Comment, Requirements: a.Requirements,
	}
	dst = appendApproval(append(dst, '{'), &shown)
	dst = appendMember(dst, `,"tenantId":`, a.Tenant)
	dst = appendMember(dst, `,"agentId":`, a.Agent)
	dst = appendMember(dst, `,"action":`, a.Action)
	dst = appendMember(dst, `,"title":`, a.Title)
	dst = appendMember(dst, `,"requester":{"name":`, a.Requester.Name)
	dst = appendMember(dst, `,"identity":`, a.Requester.Identity.String())
	dst = appendMember(dst, `},"requestDigest":`, a.Digest)
	dst = append(dst, `,"facts":[`...)
	for i, f := range a.Facts {
		dst = appendMember(separate(dst, i), `{"label":`, f.Label)
		dst = appendMember(dst, `,"value":`, f.Value)
		dst = append(appendMember(dst, `,"mark":`, f.Mark), '}')
	}
	dst = appendTime(append(dst, ']'), `,"openedAt":`, a.OpenedAt)
	dst = append(dst, `,"votes":[`...)
	for i := range a.Votes {
		dst = appendVote(separate(dst, i), &a.Votes[i])
	}
	return append(dst, `]}`...)
}

func appendVote(dst []byte, v *approval.CountedVote) []byte {
	dst = appendMember(dst, `{"policyId":`, v.PolicyID)
	dst = appendMember(dst, `,"person":`, v.Person)
	dst = appendMember(dst, `,"vote":`, string(v.Choice))
	dst = appendTime(dst, `,"at":`, v.At)
	dst = strictjson.AppendString(append(dst, `,"comment":`...), v.Comment)
	return append(dst, '}')
}
