package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// listed is how many approvals one page of the list holds. They are ordered
// among themselves: what a person has to look at fits on one.
const listed = 100

type worklistView struct {
	Closed   bool
	Groups   []group
	Empty    bool
	First    bool // the first page
	Next     string
	Auditor  bool
	Unmailed string // as in [Options]
}

// group is a part of the list under a heading of its own.
type group struct {
	Title string
	Rows  []row
}

// row is one approval in the list.
type row struct {
	ID, Headline, Title, Who, Agent string
	Status                          string
	When                            string // due or closed
	Risk                            string
	order                           order
}

// order ranks rows: yours first, then by risk, then by age.
type order struct {
	group  int
	risk   int
	score  strictjson.Decimal
	opened time.Time
}

// worklist is GET /console/approvals: what the person may see, what waits for
// them first.
func (c *Console) worklist(w http.ResponseWriter, r *http.Request, s Session) error {
	query := r.URL.Query()
	q := approval.ListQuery{Filter: approval.OnlyOpen, Limit: listed, Page: query.Get("page")}
	v := worklistView{Closed: query.Get("status") == "closed", First: q.Page == "", Unmailed: c.options.Unmailed()}
	if v.Closed {
		q.Filter = approval.OnlyClosed
	}
	now := c.options.Now()
	list, err := c.parts.Approvals.List(r.Context(), readerOf(s), q, now)
	if err != nil {
		return err
	}
	rows, err := c.rows(r.Context(), s, list.Approvals, now)
	if err != nil {
		return err
	}
	v.Groups, v.Empty = grouped(rows, v.Closed), len(rows) == 0
	if list.Next != "" {
		v.Next = "?" + url.Values{"status": {query.Get("status")}, "page": {list.Next}}.Encode()
	}
	title := "Approvals"
	if v.Closed {
		title = "Closed approvals"
	}
	c.render(w, r, s, http.StatusOK, "worklist", title, v)
	return nil
}

func readerOf(s Session) approval.Reader {
	return approval.Reader{Principal: s.Principal, Tenant: s.Principal.Tenant}
}

// rows looks at each approval, to say whom it waits for.
func (c *Console) rows(ctx context.Context, s Session, list []approval.Approval, now time.Time) ([]row, error) {
	rows := make([]row, 0, len(list))
	for i := range list {
		in, err := c.parts.Approvals.Inspect(ctx, readerOf(s), list[i].ID, now)
		if errors.Is(err, approval.ErrNotFound) {
			continue // gone, or no longer theirs, since it was listed
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, rowOf(in, now))
	}
	return rows, nil
}

func rowOf(in approval.Inspection, now time.Time) row {
	sh := sheet.Of(sheet.Input{Document: in.Document, Approval: in.Approval, Now: now})
	d := &in.Document.Current
	out := row{
		ID: sh.ID, Headline: sh.Headline, Title: sh.Title, Who: requester(&in.Approval), Agent: sh.Agent, Status: sh.Status,
		Risk: riskText(d), order: orderOf(&in),
	}
	switch in.Approval.Status {
	case approval.Pending:
		out.When = "Decide within " + span(in.Approval.ApproveBy.Sub(now))
	case approval.Approved:
		out.When = "Can be used for " + span(in.Approval.ExecuteBy.Sub(now))
	default:
		out.When = "Asked " + span(now.Sub(in.Approval.OpenedAt)) + " ago"
	}
	return out
}

// requester is who asks, in short: the page of the approval says more.
func requester(a *approval.Approval) string {
	switch {
	case a.Requester.Name == "":
		return "The agent on its own"
	case a.Requester.Identity == policy.Verified:
		return sheet.Visible(a.Requester.Name)
	}
	return sheet.Visible(a.Requester.Name) + ", not signed in"
}

func riskText(d *approval.Case) string {
	switch {
	case d.Risk != "" && d.RiskScore != "":
		return sheet.Visible(d.Risk + ", score " + d.RiskScore)
	case d.RiskScore != "":
		return "score " + sheet.Visible(d.RiskScore)
	}
	return sheet.Visible(d.Risk)
}

// The groups of the list, in order.
const (
	forYou = iota
	forOthers
	given
	groups
)

func orderOf(in *approval.Inspection) order {
	d := &in.Document.Current
	o := order{group: forOthers, risk: riskRank(d.Risk), opened: in.Approval.OpenedAt}
	switch {
	case in.Approval.Status == approval.Approved:
		o.group = given
	case len(in.MayVote) > 0 && in.Voted == "":
		o.group = forYou
	}
	var ok bool
	if o.score, ok = strictjson.ParseDecimal(d.RiskScore); !ok && d.Risk == "" {
		o.risk = unknownRisk
	}
	return o
}

// unknownRisk comes first: what is left out must not sink to the bottom.
const unknownRisk = 0

// riskRank orders the usual words; what is not known to be small counts as high.
func riskRank(word string) int {
	switch word {
	case "critical":
		return 1
	case "medium":
		return 3
	case "low":
		return 4
	}
	return 2
}

func compareRows(a, b row) int {
	return cmp.Or(
		cmp.Compare(a.order.risk, b.order.risk),
		b.order.score.Compare(a.order.score),
		a.order.opened.Compare(b.order.opened),
	)
}

// grouped puts rows under headings; closed ones stay as listed, newest first.
func grouped(rows []row, closed bool) []group {
	if closed {
		return []group{{"Closed", rows}}
	}
	titles := [groups]string{"Waiting for you", "Waiting for others", "Approved, not used yet"}
	var out []group
	for i, title := range titles {
		var in []row
		for _, r := range rows {
			if r.order.group == i {
				in = append(in, r)
			}
		}
		if len(in) > 0 {
			slices.SortStableFunc(in, compareRows)
			out = append(out, group{title, in})
		}
	}
	return out
}
