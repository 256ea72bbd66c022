package cosmosserver

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// answered is what came back.
type answered struct {
	status    int
	substatus string
	header    http.Header
	body      string
}

// ask makes a request as the SDK does; what headers has comes on top, "" takes
// one away.
func ask(t *testing.T, s *Server, method, path, body string, headers map[string]string) answered {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"X-Ms-Version": {"2020-11-05"}, "X-Ms-Date": {"now"}, "Authorization": {"key"}}
	for name, value := range headers {
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{res.StatusCode, res.Header.Get("X-Ms-Substatus"), res.Header, string(text)}
}

const (
	docs         = "/dbs/d/colls/c/docs"
	partitionKey = "X-Ms-Documentdb-Partitionkey"
	ofP          = `["p"]`
)

func made(t *testing.T) *Server {
	t.Helper()
	s := New(t, Options{})
	s.Make("d", "c")
	return s
}

// put creates an item and is its ETag.
func put(t *testing.T, s *Server, partition, text string) string {
	t.Helper()
	a := ask(t, s, http.MethodPost, docs, text, map[string]string{partitionKey: `["` + partition + `"]`})
	if a.status != http.StatusCreated {
		t.Fatalf("create %s = %d %s", text, a.status, a.body)
	}
	return a.header.Get("Etag")
}

// FR25, FR26: what the service refuses, and with which status.
func TestRefusals(t *testing.T) {
	const item, same = `{"id":"a","pk":"p"}`, docs + "/a"
	for name, tc := range map[string]struct {
		method, path, body string
		headers            map[string]string
		status             int
		substatus          string
	}{
		"a second create":               {http.MethodPost, docs, item, nil, 409, "0"},
		"a stale ETag":                  {http.MethodPut, same, item, map[string]string{"If-Match": `"x"`}, 412, "0"},
		"replacing nothing":             {http.MethodPut, docs + "/b", `{"id":"b","pk":"p"}`, nil, 404, "0"},
		"another partition":             {http.MethodGet, same, "", map[string]string{partitionKey: `["q"]`}, 404, "0"},
		"no partition key":              {http.MethodGet, same, "", map[string]string{partitionKey: ""}, 400, ""},
		"another partition in the item": {http.MethodPost, docs, `{"id":"b","pk":"q"}`, nil, 400, "1001"},
		"an id with a slash":            {http.MethodPost, docs, `{"id":"b/c","pk":"p"}`, nil, 400, ""},
		"a time to live of none":        {http.MethodPost, docs, `{"id":"b","pk":"p","ttl":0}`, nil, 400, ""},
		"an item of 2 MB and more":      {http.MethodPost, docs, `{"id":"b","pk":"p","x":"` + strings.Repeat("x", maxItem) + `"}`, nil, 413, ""},
		"no container":                  {http.MethodGet, "/dbs/d/colls/x/docs/a", "", nil, 404, "1003"},
		"a session that is ahead":       {http.MethodGet, same, "", map[string]string{"X-Ms-Session-Token": "0:-1#99"}, 404, "1002"},
		"a session that is none":        {http.MethodGet, same, "", map[string]string{"X-Ms-Session-Token": "99"}, 400, ""},
		"no token":                      {http.MethodGet, same, "", map[string]string{"Authorization": ""}, 401, ""},
		"no version":                    {http.MethodGet, same, "", map[string]string{"X-Ms-Version": ""}, 400, ""},
		"an upsert":                     {http.MethodPost, docs, item, map[string]string{"X-Ms-Documentdb-Is-Upsert": "true"}, 400, ""},
		"a delete":                      {http.MethodDelete, same, "", nil, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := made(t)
			put(t, s, "p", item)
			headers := map[string]string{partitionKey: ofP}
			for name, value := range tc.headers {
				headers[name] = value
			}
			a := ask(t, s, tc.method, tc.path, tc.body, headers)
			if a.status != tc.status || a.substatus != tc.substatus {
				t.Errorf("status = %d/%s %s, want %d/%s", a.status, a.substatus, a.body, tc.status, tc.substatus)
			}
		})
	}
}

// An ETag is of one version: a read that has it gets 304, a write with it
// succeeds once.
func TestETags(t *testing.T) {
	s := made(t)
	etag := put(t, s, "p", `{"id":"a","pk":"p"}`)
	write := func() int {
		return ask(t, s, http.MethodPut, docs+"/a", `{"id":"a","pk":"p"}`, map[string]string{partitionKey: ofP, "If-Match": etag}).status
	}
	read := func() int {
		return ask(t, s, http.MethodGet, docs+"/a", "", map[string]string{partitionKey: ofP, "If-None-Match": etag}).status
	}
	got := []int{read(), write(), read(), write()}
	if want := []int{304, 200, 200, 412}; !reflect.DeepEqual(got, want) {
		t.Errorf("read, write, read, write with the first ETag = %v, want %v", got, want)
	}
}

// What expired is gone and its id is free; its time runs from the last write.
func TestExpiry(t *testing.T) {
	s := made(t)
	now := time.Now()
	s.SetClock(func() time.Time { return now })
	put(t, s, "p", `{"id":"a","pk":"p","ttl":10}`)
	read := func() int {
		return ask(t, s, http.MethodGet, docs+"/a", "", map[string]string{partitionKey: ofP}).status
	}
	now = now.Add(9 * time.Second)
	before := read()
	now = now.Add(time.Second)
	if after := read(); before != 200 || after != 404 {
		t.Errorf("read after 9 s and 10 s = %d, %d, want 200, 404", before, after)
	}
	put(t, s, "p", `{"id":"a","pk":"p"}`)
}

// The token that is demanded is asked for with every request.
func TestAuthorize(t *testing.T) {
	s := New(t, Options{Authorize: func(r *http.Request) error {
		if r.Header.Get("Authorization") != "type=aad&ver=1.0&sig=ours" {
			return errors.New("not ours")
		}
		return nil
	}})
	for token, want := range map[string]int{"type=aad&ver=1.0&sig=ours": 200, "type=aad&ver=1.0&sig=x": 401, "Bearer ours": 401, "": 401} {
		if a := ask(t, s, http.MethodGet, "/", "", map[string]string{"Authorization": token}); a.status != want {
			t.Errorf("with %q = %d, want %d", token, a.status, want)
		}
	}
}

// ids asks a query to its end; what fails is its status.
func ids(t *testing.T, s *Server, query string, headers map[string]string) (ids []string, pages, status int) {
	t.Helper()
	all := map[string]string{
		"X-Ms-Documentdb-Query": "True", "Content-Type": "application/query+json", "X-Ms-Max-Item-Count": "2",
	}
	for name, value := range headers {
		all[name] = value
	}
	body, _ := json.Marshal(map[string]any{"query": query, "parameters": []map[string]any{
		{"name": "@pk", "value": "p"}, {"name": "@n", "value": 2}, {"name": "@k", "value": "k"},
	}})
	for {
		a := ask(t, s, http.MethodPost, docs, string(body), all)
		pages++
		var page struct{ Documents []string }
		if a.status != http.StatusOK {
			return nil, pages, a.status
		}
		if err := json.Unmarshal([]byte(a.body), &page); err != nil {
			t.Fatalf("%s: %v", a.body, err)
		}
		if len(page.Documents) > 2 {
			t.Errorf("a page of %d, want 2 at most", len(page.Documents))
		}
		ids = append(ids, page.Documents...)
		next := a.header.Get("X-Ms-Continuation")
		if next == "" {
			return ids, pages, a.status
		}
		all["X-Ms-Continuation"] = next
	}
}

func listed(t *testing.T) *Server {
	t.Helper()
	s := made(t)
	put(t, s, "p", `{"id":"a","pk":"p","n":1,"place":"3","keys":["k"]}`)
	put(t, s, "p", `{"id":"b","pk":"p","n":2,"place":"2","keys":["x","k"]}`)
	put(t, s, "p", `{"id":"c","pk":"p","n":3,"place":"1","keys":[]}`)
	put(t, s, "p", `{"id":"d","pk":"p","n":"2","place":"0"}`)
	put(t, s, "q", `{"id":"e","pk":"q","n":2,"place":"9","keys":["k"]}`)
	return s
}

// A query of one partition is ordered and paged, and selects by type as well
// as by value.
func TestQueries(t *testing.T) {
	s := listed(t)
	for where, want := range map[string]string{
		"c.pk = @pk ORDER BY c.place ASC":                 "d c b a",
		"c.pk = @pk AND c.n >= @n ORDER BY c.place ASC":   "c b",
		"c.pk = @pk AND c.n < @n":                         "a",
		"c.pk = @pk AND (c.n > @n OR c.place = @k)":       "c",
		"c.pk = @pk AND ARRAY_CONTAINS(c.keys, @k)":       "a b",
		"c.pk = @pk AND c.absent = @n":                    "",
		"c.pk = @k":                                       "",
		"c.n = @n OR c.place = @k AND c.n > @n":           "b",
		"(c.n = @n OR c.n < @n) AND c.pk = @pk":           "a b",
		"c.pk = @pk AND c.n <= @n ORDER BY c.place ASC  ": "b a",
	} {
		got, _, status := ids(t, s, "SELECT VALUE c.id FROM c WHERE "+where, map[string]string{partitionKey: ofP})
		if status != http.StatusOK || strings.Join(got, " ") != want {
			t.Errorf("%s = %v, status %d, want %s", where, got, status, want)
		}
	}
}

// A query over partitions gives everything once, in pages that may be short or
// empty, and in no order.
func TestQueriesOverPartitions(t *testing.T) {
	s := listed(t)
	over := map[string]string{"X-Ms-Documentdb-Query-Enablecrosspartition": "True"}
	got, pages, status := ids(t, s, "SELECT VALUE c.id FROM c WHERE c.n >= @n", over)
	if status != http.StatusOK || strings.Join(got, " ") != "b c e" || pages < 3 {
		t.Errorf("= %v in %d pages, status %d, want b c e in more than two", got, pages, status)
	}
	if _, _, status := ids(t, s, "SELECT VALUE c.id FROM c WHERE c.n >= @n ORDER BY c.place ASC", over); status != http.StatusBadRequest {
		t.Errorf("ordered = %d, want 400", status)
	}
	if _, _, status := ids(t, s, "SELECT VALUE c.id FROM c WHERE c.n >= @n", nil); status != http.StatusBadRequest {
		t.Errorf("not asked for = %d, want 400", status)
	}
}

// What this account does not know it refuses.
func TestUnknownQueries(t *testing.T) {
	s := listed(t)
	for _, query := range []string{
		"", "SELECT", "SELECT * FROM c", "SELECT TOP 1 * FROM c WHERE c.pk = @pk", "SELECT VALUE COUNT(1) FROM c WHERE c.pk = @pk",
		"SELECT * FROM c WHERE c.pk = 'p'", "SELECT * FROM c WHERE c.pk = @missing", "SELECT * FROM c WHERE c.pk != @pk",
		"SELECT * FROM c WHERE NOT c.pk = @pk", "SELECT * FROM c WHERE c.pk = @pk ORDER BY c.place DESC", "SELECT * FROM c WHERE c.pk = @pk ORDER BY c.place",
		"SELECT * FROM c WHERE c.pk = @pk OFFSET 1 LIMIT 1", "SELECT * FROM c WHERE (c.pk = @pk", "SELECT * FROM c WHERE c.pk = @pk)",
		"SELECT * FROM c WHERE STARTSWITH(c.pk, @pk)", "SELECT * FROM c WHERE c.pk = @pk; DROP", "DELETE FROM c WHERE c.pk = @pk",
		"SELECT VALUE c.id, c.pk FROM c WHERE c.pk = @pk", "SELECT * FROM c JOIN d IN c.keys WHERE c.pk = @pk",
	} {
		if _, _, status := ids(t, s, query, map[string]string{partitionKey: ofP}); status != http.StatusBadRequest {
			t.Errorf("%q = %d, want 400", query, status)
		}
	}
}

// A replica that is behind answers what it has, and says 1002 to who knows more.
func TestReplicaBehind(t *testing.T) {
	s := made(t)
	put(t, s, "p", `{"id":"a","pk":"p"}`)
	s.Hold()
	a := ask(t, s, http.MethodPost, docs, `{"id":"b","pk":"p"}`, map[string]string{partitionKey: ofP})
	session := map[string]string{partitionKey: ofP, "X-Ms-Session-Token": a.header.Get("X-Ms-Session-Token")}
	if a := ask(t, s, http.MethodGet, docs+"/b", "", session); a.status != 404 || a.substatus != "1002" {
		t.Errorf("read with the session = %d/%s, want 404/1002", a.status, a.substatus)
	}
	if a := ask(t, s, http.MethodGet, docs+"/b", "", map[string]string{partitionKey: ofP}); a.status != 404 || a.substatus != "0" {
		t.Errorf("read without it = %d/%s, want 404/0", a.status, a.substatus)
	}
	s.Release()
	if a := ask(t, s, http.MethodGet, docs+"/b", "", session); a.status != 200 {
		t.Errorf("read once it has caught up = %d, want 200", a.status)
	}
}

// A fault before, after or long after a call takes effect, and the write that
// lands late fails where its condition does.
func TestEffects(t *testing.T) {
	for effect, want := range map[Effect][2]int{AtOnce: {200, 200}, Never: {404, 404}, Later: {404, 200}} {
		s := made(t)
		s.Script(func(c Call) Fault {
			if c.Write() {
				return Fault{Effect: effect, Status: 408}
			}
			return Fault{}
		})
		if a := ask(t, s, http.MethodPost, docs, `{"id":"a","pk":"p"}`, map[string]string{partitionKey: ofP}); a.status != 408 {
			t.Errorf("effect %d: create = %d, want 408", effect, a.status)
		}
		read := func() int {
			return ask(t, s, http.MethodGet, docs+"/a", "", map[string]string{partitionKey: ofP}).status
		}
		before := read()
		s.Land()
		if got := [2]int{before, read()}; got != want {
			t.Errorf("effect %d: reads before and after it lands = %v, want %v", effect, got, want)
		}
	}
}
