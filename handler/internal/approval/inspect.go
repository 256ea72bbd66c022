package approval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// Inspection is an approval for a person to look at and decide on.
type Inspection struct {
	Approval Approval
	Document *Document // read only
	// MayVote are the requirements for which the reader's vote would count
	// now; none of a closed approval.
	MayVote   []string
	Voted     Choice // what the reader said last; "" for nothing
	MayRevoke bool
	Earlier   bool // the approval has given way to a later one: Document tells of that
}

// Inspect is [Service.Get] with all there is to show to a person.
func (s *Service) Inspect(ctx context.Context, r Reader, id string, now time.Time) (Inspection, error) {
	p, err := placeOf(r, id)
	if err != nil {
		return Inspection{}, err
	}
	h, err := s.load(ctx, p.tenant, p.slot, now)
	if err != nil {
		return Inspection{}, err
	}
	a, ok := s.generation(h.doc, p.generation, now)
	if !ok || !s.visible(h.doc, r.Principal, now) {
		return Inspection{}, ErrNotFound
	}
	in := Inspection{Approval: a, Document: h.doc, Earlier: p.generation != h.doc.Current.Generation}
	if r.Principal.Kind == identity.Person && !in.Earlier {
		voter := voterOf(r.Principal)
		if v := h.doc.Current.lastVote(&voter); v != nil {
			in.Voted = v.Choice
		}
		if !a.Final && r.Principal.Has(identity.RoleApprover) {
			in.MayVote = s.counts(h.doc, &voter, false, now)
		}
	}
	in.MayRevoke = !a.Final && s.mayRevoke(r.Principal, h.doc, now)
	return in, nil
}

// Past is how often a requester asked, and what people said.
type Past struct {
	Asked, Approved, Denied int
	More                    bool // there were more than are counted
}

const (
	pastSpan    = 30 * 24 * time.Hour
	pastRecords = 500
	pastPage    = 25      // whole documents are read: few at a time
	pastBytes   = 8 << 20 // of documents, after which counting ends
)

// History counts what a requester has asked for in the last 30 days.
func (s *Service) History(ctx context.Context, tenant string, who Person, now time.Time) (Past, error) {
	var past Past
	user := UserKey(who.ID, who.UPN)
	if user == "" {
		return past, nil
	}
	query := Query{Tenant: lower(tenant), Keys: []Key{ByRequester(user)}, At: now, Limit: pastPage}
	for looked, size := 0, 0; looked < pastRecords && size < pastBytes; looked += pastPage {
		page, err := s.store.List(ctx, query)
		if err != nil {
			return Past{}, fmt.Errorf("list approvals of a requester: %w", err)
		}
		for _, r := range page.Records {
			if r.Index.Opened.Before(now.Add(-pastSpan)) {
				return past, nil
			}
			h, err := s.listed(ctx, r, now)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return Past{}, fmt.Errorf("count approvals of a requester: %w", err)
			}
			past.add(h.doc, now.Add(-pastSpan))
			size += len(r.Body)
		}
		if query.Page = page.Next; page.Next == "" {
			return past, nil
		}
	}
	past.More = true
	return past, nil
}

// add counts the approvals of one call since an instant, as far as its document
// remembers them.
func (p *Past) add(d *Document, since time.Time) {
	for _, l := range append([]Line{d.Current.line()}, d.Earlier...) {
		if l.OpenedAt.Before(since) {
			continue
		}
		p.Asked++
		switch {
		case l.Approved:
			p.Approved++
		case l.Status == Denied:
			p.Denied++
		}
	}
}
