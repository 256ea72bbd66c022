package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// Reader is who reads approvals, in which tenant: the principal's own, and for
// the local developer, who has none, one that the packs list.
type Reader struct {
	Principal identity.Principal
	Tenant    string
}

func (r Reader) tenant() (string, error) {
	tenant := lower(r.Tenant)
	if tenant == "" || r.Principal.Kind != identity.Developer && tenant != lower(r.Principal.Tenant) {
		return "", ErrNotFound
	}
	return tenant, nil
}

// Get reads one approval by its id. It is [ErrNotFound] for whoever is neither
// the asking application nor a named approver nor an auditor, exactly as for an
// id that does not exist.
func (s *Service) Get(ctx context.Context, r Reader, id string, now time.Time) (Approval, error) {
	slot, generation, ok := ParseID(id)
	tenant, err := r.tenant()
	if err != nil || !ok {
		return Approval{}, ErrNotFound
	}
	h, err := s.load(ctx, tenant, slot, now)
	if errors.Is(err, ErrNotFound) {
		return Approval{}, ErrNotFound
	}
	if err != nil {
		return Approval{}, err
	}
	if a, ok := s.generation(h.doc, generation, now); ok && s.visible(h.doc, r.Principal, now) {
		return a, nil
	}
	return Approval{}, ErrNotFound
}

// visible reports whether p may read d, whose tenant is p's.
func (s *Service) visible(d *Document, p identity.Principal, now time.Time) bool {
	switch {
	case p.Has(identity.RoleAuditor):
		return true
	case p.Application != "" && asked(p, d):
		return true
	default:
		return p.Kind == identity.Person && s.concerns(d, p, now)
	}
}

// concerns reports whether a person may vote on d now, or has.
func (s *Service) concerns(d *Document, p identity.Principal, now time.Time) bool {
	voter := voterOf(p)
	return d.Current.hasVoted(&voter) || len(s.approvers.Judge(voter, false, d, now)) > 0
}

// hasVoted reports whether a vote is certainly of that person. Whoever cannot
// be compared may be the same where votes are counted, and not where one reads.
func (c *Case) hasVoted(v *Voter) bool {
	return slices.ContainsFunc(c.Votes, func(old Vote) bool {
		comparable := v.ID != "" && old.Voter.ID != "" || v.UPN != "" && old.Voter.UPN != ""
		return comparable && old.Voter.same(v)
	})
}

// Bounds of a list.
const (
	DefaultLimit = 50
	MaxLimit     = 200
	listReads    = 10      // times its limit is how many documents are looked at for one page,
	listLooks    = 500     // and no more: who may see one is a decision of its own
	listChunk    = 20      // whole documents are read: few at a time
	listBytes    = 4 << 20 // of documents, after which a page ends
)

// ListQuery is a page of the approvals that a reader may see.
type ListQuery struct {
	Filter Filter
	Limit  int    // 0 means [DefaultLimit]; at most [MaxLimit]
	Page   string // "" for the first
}

// List is a page of approvals, newest first. Next continues it; "" ends. A
// page may be shorter than its limit, or empty, before the end.
type List struct {
	Approvals []Approval
	Next      string
}

// List returns what the reader may see. [ErrPage]: the page token is not one
// of ours.
func (s *Service) List(ctx context.Context, r Reader, q ListQuery, now time.Time) (List, error) {
	list := List{Approvals: []Approval{}}
	tenant, err := r.tenant()
	if err != nil {
		return list, nil //nolint:nilerr // whoever has no tenant sees nothing
	}
	query := Query{Tenant: tenant, Keys: s.lists(r.Principal, tenant, now), Filter: q.Filter, At: now, Page: q.Page}
	if len(query.Keys) == 0 {
		return list, nil
	}
	limit, size := q.limit(), 0
	for looked := 0; looked < min(listReads*limit, listLooks) && size < listBytes; looked += query.Limit {
		// Asking for no more than is missing keeps Next exact.
		query.Limit = min(limit-len(list.Approvals), listChunk)
		page, err := s.store.List(ctx, query)
		if err != nil {
			return List{}, fmt.Errorf("list approvals: %w", err)
		}
		if list.Approvals, err = s.appendVisible(ctx, list.Approvals, page.Records, r.Principal, q.Filter, now); err != nil {
			return List{}, err
		}
		for i := range page.Records {
			size += len(page.Records[i].Body)
		}
		list.Next, query.Page = page.Next, page.Next
		if page.Next == "" || len(list.Approvals) == limit {
			break
		}
	}
	return list, nil
}

func (q ListQuery) limit() int {
	if q.Limit <= 0 {
		return DefaultLimit
	}
	return min(q.Limit, MaxLimit)
}

// lists are the store's lists in which everything stands that p may see.
func (s *Service) lists(p identity.Principal, tenant string, now time.Time) []Key {
	if p.Has(identity.RoleAuditor) {
		return []Key{Everything}
	}
	var keys []Key
	if p.Kind == identity.Application && p.Application != "" {
		keys = append(keys, ByApplication(p.Application))
	}
	if p.Kind == identity.Person {
		for _, name := range []string{UserKey(p.ObjectID, ""), UserKey("", p.UPN)} {
			if name != "" {
				keys = append(keys, ByRequester(name))
			}
		}
		keys = append(keys, s.approvers.Lists(tenant, p, now)...)
	}
	return keys
}

func (s *Service) appendVisible(ctx context.Context, to []Approval, records []Record, p identity.Principal, f Filter, now time.Time) ([]Approval, error) {
	for _, r := range records {
		h, err := s.listed(ctx, r, now)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list approvals: %w", err)
		}
		// The list may be behind the document.
		if a := s.view(h.doc, now); f.admits(a.Status) && s.visible(h.doc, p, now) {
			to = append(to, a)
		}
	}
	return to, nil
}

// listed is the document of a record that a list gave. One that is not settled
// is read anew: a list shows no more than a look at each of its entries would.
func (s *Service) listed(ctx context.Context, r Record, now time.Time) (held, error) {
	h, err := heldFrom(r)
	if err != nil || s.settled(h.doc, now) {
		return h, err
	}
	return s.load(ctx, r.Tenant, r.Slot, now)
}

func (f Filter) admits(s Status) bool {
	switch f {
	case OnlyOpen:
		return s.Open()
	case OnlyClosed:
		return !s.Open()
	case AnyState:
	}
	return true
}

func lower(s string) string { return strings.ToLower(s) }
