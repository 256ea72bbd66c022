package graph_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	directory "github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/graph"
	"github.com/authorization-fabric/fabric/handler/internal/azure/graph"
)

const group = "22222222-2222-2222-2222-222222222222"

// holder is a credential that gives tokens for any scope, or fails.
type holder struct{ err error }

func (h holder) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "for " + strings.Join(o.Scopes, " "), ExpiresOn: time.Now().Add(time.Hour)}, h.err
}

func newDirectory(t *testing.T, members int) (*directory.Server, *graph.Directory) {
	t.Helper()
	s := directory.New(t, directory.Options{Authorize: func(r *http.Request) error {
		if want := "Bearer for http://" + r.Host + "/.default"; r.Header.Get("Authorization") != want {
			return errors.New("another token")
		}
		return nil
	}})
	g := directory.Group{Name: "PO approvers", Mail: "po@contoso.com"}
	for i := range members {
		g.Members = append(g.Members, directory.User{ID: fmt.Sprintf("33333333-3333-3333-3333-%012d", i), UPN: fmt.Sprintf("u%d@contoso.com", i)})
	}
	s.Set(group, g)
	d, err := graph.NewDirectory(s.Endpoint(), holder{}, graph.Options{Client: &http.Client{}, CallLimit: 300 * time.Millisecond, GroupLimit: 3 * time.Second, MaxMembers: 7})
	if err != nil {
		t.Fatal(err)
	}
	return s, d
}

// A group is read whole, through all its pages, whatever is throttled between.
func TestGroup(t *testing.T) {
	for _, members := range []int{0, 1, 2, 5, 7} {
		s, d := newDirectory(t, members)
		s.Script(directory.Reply{Status: 429, RetryAfter: "0"}, directory.Reply{}, directory.Reply{Status: 503, RetryAfter: "0"})
		g, err := d.Group(t.Context(), group)
		if err != nil || len(g.Members) != members || g.Name != "PO approvers" || g.Mail != "po@contoso.com" {
			t.Errorf("Group of %d = %+v, %v", members, g, err)
		}
	}
}

// T08, FR22: a group that cannot be read whole is an error that names it, and
// holds nothing of what the directory said. A token goes to the directory only.
func TestGroupFaults(t *testing.T) {
	const member = `{"value":[{"id":"33333333-3333-3333-3333-333333333333"}]}`
	for _, test := range []struct {
		name    string
		replies []directory.Reply
		want    string
	}{
		{"unknown", []directory.Reply{{Status: 404}}, "no such group"},
		{"forbidden", []directory.Reply{{}, {Status: 403}}, "GroupMember.Read.All"},
		{"unauthorized", []directory.Reply{{Status: 401}}, "status 401"},
		{"silent", []directory.Reply{{Hang: true}}, "deadline exceeded"},
		{"a silent second page", []directory.Reply{{}, {}, {Hang: true}}, "deadline exceeded"},
		{"throttled for long", []directory.Reply{{Status: 429, RetryAfter: "600"}}, "status 429"},
		{"throttled for ever", []directory.Reply{{Status: 429, RetryAfter: "0"}, {Status: 429, RetryAfter: "0"}, {Status: 429, RetryAfter: "0"}, {Status: 429, RetryAfter: "0"}}, "status 429"},
		{"throttled beyond the time of a group", []directory.Reply{{Status: 429, RetryAfter: "25"}}, "deadline exceeded"},
		{"moved", []directory.Reply{{Status: 302}}, "status 302"},
		{"no JSON", []directory.Reply{{Body: "<html>"}}, "not what was asked for"},
		{"another group", []directory.Reply{{Body: `{"id":"x"}`}}, "another group"},
		{"a page without a list", []directory.Reply{{}, {Body: "{}"}}, "without a list"},
		{"a member without an id", []directory.Reply{{}, {Body: `{"value":[{"userPrincipalName":"a@b"}]}`}}, "without an object id"},
		{"another host's page", []directory.Reply{{}, {Next: "https://evil.example/v1.0/groups"}}, "another host"},
		{"another name of the host", []directory.Reply{{}, {Next: "http://localhost.evil.example/v1.0/x"}}, "another host"},
		{"a relative page", []directory.Reply{{}, {Next: "/v1.0/x"}}, "another host"},
		{"too long a page", []directory.Reply{{}, {Body: `{"value":[],"x":"` + strings.Repeat("x", 5<<20) + `"}`}}, "too long"},
		{"a member of an open end", []directory.Reply{{}, {Body: member[:20]}}, "not what was asked for"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, d := newDirectory(t, 5)
			s.Script(test.replies...)
			began := time.Now()
			g, err := d.Group(t.Context(), group)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), group) || len(g.Members) != 0 {
				t.Errorf("Group = %+v, %v, want %q", g, err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "somebody wrote") {
				t.Errorf("the error holds the body: %v", err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// Bounds: a group that is too large is an error, never a part of it; pages
// that lead in a circle end.
func TestGroupBounds(t *testing.T) {
	_, d := newDirectory(t, 8)
	if _, err := d.Group(t.Context(), group); err == nil || !strings.Contains(err.Error(), "more than 7 members") {
		t.Errorf("Group of 8 = %v", err)
	}
	s, d := newDirectory(t, 3)
	self := s.Endpoint() + "/groups/" + group + "/transitiveMembers/microsoft.graph.user?$count=true"
	s.Script(directory.Reply{}, directory.Reply{Next: self}, directory.Reply{Next: self})
	if _, err := d.Group(t.Context(), group); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("Group in a circle = %v", err)
	}
}

func TestNewDirectoryRefuses(t *testing.T) {
	for _, endpoint := range []string{"", "http://graph.microsoft.com/v1.0", "https://u@graph.microsoft.com", "https://graph.microsoft.com/?a", "graph.microsoft.com"} {
		if _, err := graph.NewDirectory(endpoint, holder{}, graph.Options{}); err == nil {
			t.Errorf("NewDirectory(%q) = nil", endpoint)
		}
	}
	s, _ := newDirectory(t, 1)
	d, err := graph.NewDirectory(s.Endpoint(), holder{errors.New("not signed in")}, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Group(t.Context(), group); err == nil || !strings.Contains(err.Error(), "not signed in") {
		t.Errorf("Group without a token = %v", err)
	}
	if _, err := d.Group(t.Context(), "../users"); err == nil || s.Requests() != 0 {
		t.Errorf("Group of no id = %v, %d requests", err, s.Requests())
	}
}
