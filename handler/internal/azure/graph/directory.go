package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/authorization-fabric/fabric/handler/internal/azure"
)

// Endpoint is Microsoft Graph of the public cloud.
const Endpoint = "https://graph.microsoft.com/v1.0"

// Options of a [Directory]. The zero Options are right.
type Options struct {
	Client     *http.Client  // nil is [azure.NewTransport]; redirects are not followed in either case
	CallLimit  time.Duration // of one request; 0 is 10 s
	GroupLimit time.Duration // of one group, all its pages and pauses; 0 is 2 min
	MaxMembers int           // of one group; 0 is 10,000
}

// Group is a group as the directory has it.
type Group struct {
	ID, Name, Mail string // Name and Mail may be empty
	Members        []User // of the group and of the groups in it, users only
}

// User is a member.
type User struct {
	ID   string // the object id
	UPN  string // "" where the directory tells none
	Mail string
}

// Directory reads groups. It is safe for concurrent use.
type Directory struct {
	base       *url.URL
	credential azcore.TokenCredential
	client     *http.Client
	o          Options
}

// NewDirectory makes a reader of the directory behind an endpoint, such as
// [Endpoint]. It asks nobody anything.
func NewDirectory(endpoint string, credential azcore.TokenCredential, o Options) (*Directory, error) {
	base, err := url.Parse(strings.TrimSuffix(endpoint, "/"))
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" || !secure(base) {
		return nil, errors.New("directory: the endpoint is not https and a host")
	}
	if o.CallLimit <= 0 {
		o.CallLimit = 10 * time.Second
	}
	if o.GroupLimit <= 0 {
		o.GroupLimit = 2 * time.Minute
	}
	if o.MaxMembers <= 0 {
		o.MaxMembers = 10_000
	}
	client := azure.NewTransport()
	if o.Client != nil {
		given := *o.Client
		client = &given
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Directory{base: base, credential: azure.TokenErrors(credential), client: client, o: o}, nil
}

// secure is https, and http on this machine.
func secure(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// Group reads a group and its members whole, or not at all. Errors name the
// group; what is throttled is tried again as the directory says.
func (d *Directory) Group(ctx context.Context, id string) (Group, error) {
	if !guid.MatchString(id) {
		return Group{}, fmt.Errorf("group %q: no object id", id)
	}
	ctx, cancel := context.WithTimeout(ctx, d.o.GroupLimit)
	defer cancel()
	g, err := d.group(ctx, id)
	switch azure.StatusOf(err) {
	case http.StatusNotFound:
		return Group{}, fmt.Errorf("group %s: the directory has no such group (%w)", id, err)
	case http.StatusForbidden:
		return Group{}, fmt.Errorf("group %s: it may not be read: the identity needs GroupMember.Read.All (%w)", id, err)
	}
	if err != nil {
		return Group{}, fmt.Errorf("group %s: %w", id, err)
	}
	return g, nil
}

func (d *Directory) group(ctx context.Context, id string) (Group, error) {
	var head struct{ ID, DisplayName, Mail string }
	if err := d.get(ctx, d.address("/groups/"+id, url.Values{"$select": {"id,displayName,mail"}}), &head); err != nil {
		return Group{}, err
	}
	if !strings.EqualFold(head.ID, id) {
		return Group{}, errors.New("the answer is about another group")
	}
	g := Group{ID: id, Name: head.DisplayName, Mail: head.Mail}
	var err error
	g.Members, err = d.members(ctx, id)
	return g, err
}

// page is a part of a list.
type page struct {
	Value []struct{ ID, UserPrincipalName, Mail string } `json:"value"`
	Next  string                                         `json:"@odata.nextLink"`
}

// members reads all pages. The cast to users is an advanced query, which needs
// $count and a header.
func (d *Directory) members(ctx context.Context, id string) ([]User, error) {
	next := d.address("/groups/"+id+"/transitiveMembers/microsoft.graph.user",
		url.Values{"$select": {"id,userPrincipalName,mail"}, "$top": {"999"}, "$count": {"true"}})
	var out []User
	read, known := map[string]bool{}, map[string]bool{}
	for next != "" {
		if err := d.own(next); err != nil {
			return nil, err
		}
		if read[next] {
			return nil, errors.New("the directory names a page twice")
		}
		read[next] = true
		var p page
		if err := d.get(ctx, next, &p); err != nil {
			return nil, err
		}
		if p.Value == nil {
			return nil, errors.New("a page without a list")
		}
		for _, v := range p.Value {
			if !guid.MatchString(v.ID) {
				return nil, errors.New("a member without an object id")
			}
			if key := strings.ToLower(v.ID); !known[key] {
				known[key] = true
				out = append(out, User{v.ID, v.UserPrincipalName, v.Mail})
			}
		}
		if len(out) > d.o.MaxMembers || len(read) > d.o.MaxMembers {
			return nil, fmt.Errorf("more than %d members", d.o.MaxMembers)
		}
		next = p.Next
	}
	return out, nil
}

func (d *Directory) address(path string, query url.Values) string {
	u := *d.base
	u.Path += path
	u.RawQuery = query.Encode()
	return u.String()
}

// own refuses a next page that is elsewhere: the token goes there.
func (d *Directory) own(next string) error {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != d.base.Scheme || u.Host != d.base.Host || u.User != nil || !strings.HasPrefix(u.Path, d.base.Path+"/") {
		return errors.New("the directory names another host for the next page")
	}
	return nil
}

const (
	maxAnswer = 4 << 20 // bytes of a page
	tries     = 4
	firstWait = 500 * time.Millisecond // between tries, doubled
	mostWait  = 30 * time.Second       // that the directory may ask for
)

// get reads an address, again after a pause where the directory is throttled
// or away.
func (d *Directory) get(ctx context.Context, address string, into any) error {
	wait := firstWait
	for try := 1; ; try++ {
		pause, err := d.once(ctx, address, into)
		status := azure.StatusOf(err)
		passes := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
		if err == nil || !passes || try == tries || pause > mostWait {
			return err
		}
		if pause < 0 {
			pause = wait
		}
		wait *= 2
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// once is one request. The pause is what the directory asks for, -1 for none.
func (d *Directory) once(ctx context.Context, address string, into any) (pause time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.o.CallLimit)
	defer cancel()
	token, err := d.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{d.base.Scheme + "://" + d.base.Host + "/.default"}})
	if err != nil {
		return -1, azure.Cause(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return -1, errors.New("no address")
	}
	r.Header.Set("Authorization", "Bearer "+token.Token)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("ConsistencyLevel", "eventual")
	answer, err := d.client.Do(r)
	if err != nil {
		return -1, azure.Cause(err)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case answer.StatusCode != http.StatusOK:
		return retryAfter(answer), &azure.StatusError{Status: answer.StatusCode, Code: azure.CodeIn(text)}
	case err != nil:
		return -1, azure.Cause(&url.Error{Op: "read", Err: err})
	case len(text) > maxAnswer:
		return -1, errors.New("the answer is too long")
	}
	if err := json.Unmarshal(text, into); err != nil {
		return -1, errors.New("the answer is not what was asked for")
	}
	return -1, nil
}

func retryAfter(answer *http.Response) time.Duration {
	seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return -1
	}
	return time.Duration(min(seconds, 3600)) * time.Second
}
