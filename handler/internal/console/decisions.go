package console

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// searched is how many decisions a search shows.
const searched = 50

// searchTime is how long one search may take: what is rare costs reading the
// whole span, and what was found by then is shown.
const searchTime = 8 * time.Second

// maxTerm bounds what is searched for, in bytes.
const maxTerm = 512

// decisionsView is the search and what it found.
type decisionsView struct {
	Fields  []field
	Mistake string
	Asked   bool // there was a search
	Rows    []decisionRow
	Next    string // address of what is older
	Since   string // how far back was looked, where the time was up
}

// field is one of the search's.
type field struct{ Name, Label, Hint, Type, Value string }

type decisionRow struct {
	ID, Time, Decision, Tone, Word, Code, Action, Resource, Agent, User, Doubt string
}

// decisions is GET /console/decisions, for auditors.
func (c *Console) decisions(w http.ResponseWriter, r *http.Request, s Session) error {
	if !s.Principal.Has(identity.RoleAuditor) {
		return errNotAuditor
	}
	query := r.URL.Query()
	search, mistake := c.searchOf(s, query)
	v := decisionsView{Fields: fieldsOf(query), Mistake: mistake, Asked: mistake == ""}
	if v.Asked {
		if err := c.find(r.Context(), &v, search, query); err != nil {
			return err
		}
	}
	c.render(w, r, s, http.StatusOK, "decisions", "Decisions", v)
	return nil
}

// find fills in what a search gives within its time.
func (c *Console) find(ctx context.Context, v *decisionsView, search audit.Search, query url.Values) error {
	limited, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	found, err := c.parts.Decisions.Find(limited, search)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		v.Since = stamp(found.Since)
	case err != nil:
		return err
	}
	for i := range found.Entries {
		v.Rows = append(v.Rows, decisionRowOf(&found.Entries[i]))
	}
	if found.Next != "" {
		next := maps.Clone(query)
		next["page"] = []string{found.Next}
		v.Next = "?" + next.Encode()
	}
	return nil
}

// searchOf reads a search; mistake says, in a sentence, why it is none.
func (c *Console) searchOf(s Session, query url.Values) (search audit.Search, mistake string) {
	now := c.options.Now()
	get := func(name string) string { return strings.TrimSpace(query.Get(name)) }
	search = audit.Search{
		Tenant: s.Principal.Tenant, Text: get("id"), Correlation: get("correlation"), Resource: get("resource"),
		Agent: get("agent"), User: get("user"), Now: now, Limit: searched, Page: query.Get("page"),
	}
	for _, term := range []string{search.Text, search.Correlation, search.Resource, search.Agent, search.User} {
		if len(term) > maxTerm {
			return audit.Search{}, "One of the fields is too long."
		}
	}
	var err1, err2 error
	search.Since, err1 = timeOf(get("since"))
	search.Until, err2 = timeOf(get("until"))
	switch {
	case err1 != nil || err2 != nil:
		return audit.Search{}, "A time is written as 2026-11-21T19:30, in UTC."
	case !search.Since.IsZero() && !search.Until.IsZero() && search.Until.Before(search.Since):
		return audit.Search{}, "The end of the time is before its beginning."
	}
	return search, ""
}

// timeOf reads what a browser sends for a date and time; "" is the zero time.
func timeOf(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse("2006-01-02T15:04", s); err == nil {
		return t, nil
	}
	return time.Parse("2006-01-02T15:04:05", s)
}

func fieldsOf(query url.Values) []field {
	fields := []field{
		{Name: "id", Label: "Decision or approval", Hint: "its id", Type: "text"},
		{Name: "correlation", Label: "Correlation", Hint: "its id", Type: "text"},
		{Name: "resource", Label: "Resource", Hint: "its id", Type: "text"},
		{Name: "agent", Label: "Agent", Hint: "its id", Type: "text"},
		{Name: "user", Label: "User", Hint: "UPN or object id", Type: "text"},
		{Name: "since", Label: "From", Hint: "UTC; 30 days ago if left empty", Type: "datetime-local"},
		{Name: "until", Label: "To", Hint: "UTC; now if left empty", Type: "datetime-local"},
	}
	for i := range fields {
		if value := query.Get(fields[i].Name); len(value) <= maxTerm {
			fields[i].Value = value
		}
	}
	return fields
}

func decisionRowOf(e *audit.Entry) decisionRow {
	r := recordOf(e)
	row := decisionRow{
		ID: sheet.Visible(r.DecisionID), Time: stamp(e.Time), Decision: decisionWords(&r, e.Kind), Tone: decisionTone(r.Decision),
		Word: sheet.Visible(r.Decision), Code: sheet.Visible(r.ReasonCode), Action: sheet.Visible(r.Action), Resource: r.resource(), Agent: sheet.Visible(r.AgentID), User: r.user(),
	}
	if e.Uncertain {
		row.Doubt = "perhaps never answered"
	}
	return row
}

// decisionWords is a decision in words, with what kind it was.
func decisionWords(r *record, kind audit.Kind) string {
	words := map[string]string{"ALLOW": "Allowed", "DENY": "Denied", "MASK": "Allowed, masked", "REQUIRE_APPROVAL": "Approval needed"}[r.Decision]
	if words == "" {
		words = sheet.Visible(r.Decision)
	}
	switch kind {
	case audit.KindPreview:
		return words + " (preview)"
	case audit.KindReplayed:
		return words + " (given again)"
	default:
		return words
	}
}

func decisionTone(decision string) string {
	switch decision {
	case "ALLOW", "MASK":
		return "good"
	case "DENY":
		return "bad"
	case "REQUIRE_APPROVAL":
		return "waiting"
	}
	return "done"
}
