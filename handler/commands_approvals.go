package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// serverFlags say which server a command calls, and as whom.
type serverFlags struct {
	URL    string `help:"Address of the server." default:"http://127.0.0.1:7071" placeholder:"URL"`
	Data   string `help:"Data directory of the server, to sign a token in." type:"path" default:".fabric"`
	As     string `help:"UPN of the person who acts." placeholder:"UPN"`
	Tenant string `help:"Their tenant; that of the sample packs if left out." placeholder:"GUID"`
	Token  string `help:"A token instead, of whoever acts." placeholder:"TOKEN"`
}

// client calls as the person named, else as the developer of this machine.
func (f *serverFlags) client(e *environment, roles ...string) (*apiClient, error) {
	token := f.Token
	if f.As != "" {
		if token != "" {
			return nil, usageError(fmt.Errorf("--as and --token: give one of them"))
		}
		var err error
		if token, err = mint(e, f.Data, f.Tenant, demoFlow, f.As, roles...); err != nil {
			return nil, err
		}
	}
	return newAPIClient(f.URL, token)
}

// listedApproval is what the command line reads of an approval.
type listedApproval struct {
	ID            string `json:"id"`
	Status        string `json:"status"`
	Title         string `json:"title"`
	AgentID       string `json:"agentId"`
	Requester     struct{ Name, Identity string }
	RequestDigest string `json:"requestDigest"`
	ApproveBy     string `json:"approveBy"`
	ExecuteBy     string `json:"executeBy"`
	Comment       string `json:"comment"`
	Facts         []struct{ Label, Value, Mark string }
	Requirements  []struct {
		PolicyID   string
		Approvers  []string
		Need, Have int
	}
	Votes []struct{ PolicyID, Person, Vote, At, Comment string }
	whole json.RawMessage
}

// UnmarshalJSON keeps the whole text for --json.
func (a *listedApproval) UnmarshalJSON(text []byte) error {
	type plain listedApproval
	if err := json.Unmarshal(text, (*plain)(a)); err != nil {
		return err
	}
	a.whole = append(json.RawMessage{}, text...)
	return nil
}

type approvalsListCommand struct {
	serverFlags
	Closed bool `help:"Those that are closed, instead of the open ones."`
	Limit  int  `help:"At most so many." default:"50"`
	JSON   bool `help:"Print JSON."`
}

func (approvalsListCommand) Help() string {
	return "What the person may decide on; without --as, everything, as the developer of this machine.\n" +
		"Example: handler approvals list --as mia@contoso.com"
}

func (c *approvalsListCommand) Run(e *environment) error {
	client, err := c.client(e, identity.RoleApprover)
	if err != nil {
		return err
	}
	approvals, err := c.pages(e, client)
	if err != nil {
		return err
	}
	whole := make([]json.RawMessage, len(approvals))
	for i, a := range approvals {
		whole[i] = a.whole
	}
	return e.write(c.JSON, whole, func(w io.Writer) error {
		if len(approvals) == 0 {
			_, err := fmt.Fprintln(w, "none")
			return err
		}
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, a := range approvals {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\tuntil %s\n", policy.Visible(a.ID), policy.Visible(a.Status), policy.Visible(a.Title),
				policy.Visible(a.mainFact()), policy.Visible(orNobody(a.Requester.Name)), policy.Visible(a.ApproveBy))
		}
		return table.Flush()
	})
}

func (c *approvalsListCommand) pages(e *environment, client *apiClient) ([]*listedApproval, error) {
	query := url.Values{"status": {"open"}, "limit": {"50"}}
	if c.Closed {
		query.Set("status", "closed")
	}
	all := []*listedApproval{}
	for len(all) < c.Limit {
		var page struct {
			Approvals []*listedApproval
			Next      string
		}
		if err := client.call(e.ctx, http.MethodGet, "/api/approvals?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Approvals...)
		if page.Next == "" {
			break
		}
		query.Set("page", page.Next)
	}
	return all[:min(len(all), c.Limit)], nil
}

func (a *listedApproval) mainFact() string {
	for _, f := range a.Facts {
		if strings.EqualFold(f.Label, "amount") {
			return f.Value
		}
	}
	return ""
}

func orNobody(name string) string {
	if name == "" {
		return "nobody"
	}
	return name
}

type approvalsShowCommand struct {
	serverFlags
	ID   string `arg:"" help:"Id of the approval."`
	JSON bool   `help:"Print JSON."`
}

func (approvalsShowCommand) Help() string {
	return "Example: handler approvals show apr_… --as mia@contoso.com"
}

func (c *approvalsShowCommand) Run(e *environment) error {
	client, err := c.client(e, identity.RoleApprover)
	if err != nil {
		return err
	}
	a, err := readApproval(e, client, c.ID)
	if err != nil {
		return err
	}
	return e.write(c.JSON, a.whole, a.writeText)
}

func readApproval(e *environment, client *apiClient, id string) (*listedApproval, error) {
	a := &listedApproval{}
	return a, client.call(e.ctx, http.MethodGet, "/api/approvals/"+url.PathEscape(id), nil, a)
}

func (a *listedApproval) writeText(w io.Writer) error {
	lines := []string{
		a.ID + "  " + a.Status, a.Title + " for " + orNobody(a.Requester.Name) + " (" + a.Requester.Identity + "), by " + a.AgentID,
	}
	for _, f := range a.Facts {
		lines = append(lines, strings.TrimRight("  "+f.Label+": "+f.Value+"  "+f.Mark, " "))
	}
	for _, r := range a.Requirements {
		lines = append(lines, fmt.Sprintf("needs %d of %s, has %d (%s)", r.Need, strings.Join(r.Approvers, ", "), r.Have, r.PolicyID))
	}
	for _, v := range a.Votes {
		lines = append(lines, fmt.Sprintf("%s: %s, %s %q", v.At, v.Person, v.Vote, v.Comment))
	}
	lines = append(lines, "to be decided by "+a.ApproveBy)
	if a.ExecuteBy != "" {
		lines = append(lines, "to be used before "+a.ExecuteBy)
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, policy.Visible(line)); err != nil {
			return err
		}
	}
	return nil
}

// voteFlags are those of the two votes.
type voteFlags struct {
	serverFlags
	ID      string `arg:"" help:"Id of the approval."`
	Comment string `help:"What the others and the requester may read." placeholder:"TEXT"`
	JSON    bool   `help:"Print JSON."`
}

type approveCommand struct{ voteFlags }

func (approveCommand) Help() string {
	return "Reads the approval, and votes for exactly what it says.\nExample: handler approvals approve apr_… --as mia@contoso.com"
}

func (c *approveCommand) Run(e *environment) error { return c.vote(e, "approve") }

type denyCommand struct{ voteFlags }

func (denyCommand) Help() string {
	return "Example: handler approvals deny apr_… --as mia@contoso.com --comment 'Not this year.'"
}

func (c *denyCommand) Run(e *environment) error { return c.vote(e, "deny") }

func (f *voteFlags) vote(e *environment, vote string) error {
	client, err := f.client(e, identity.RoleApprover)
	if err != nil {
		return err
	}
	shown, err := readApproval(e, client, f.ID)
	if err != nil {
		return err
	}
	ballot := map[string]string{"approvalId": f.ID, "vote": vote, "requestDigest": shown.RequestDigest, "comment": f.Comment}
	a := &listedApproval{}
	if err := client.call(e.ctx, http.MethodPost, "/api/approval-callback", ballot, a); err != nil {
		return err
	}
	return e.write(f.JSON, a.whole, a.writeText)
}

type revokeCommand struct{ voteFlags }

func (revokeCommand) Help() string {
	return "Example: handler approvals revoke apr_… --as mia@contoso.com"
}

func (c *revokeCommand) Run(e *environment) error {
	client, err := c.client(e, identity.RoleApprover)
	if err != nil {
		return err
	}
	a := &listedApproval{}
	if err := client.call(e.ctx, http.MethodPost, "/api/approvals/"+url.PathEscape(c.ID)+"/revoke", map[string]string{"comment": c.Comment}, a); err != nil {
		return err
	}
	return e.write(c.JSON, a.whole, a.writeText)
}
