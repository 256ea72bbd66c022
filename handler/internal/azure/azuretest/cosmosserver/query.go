package cosmosserver

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// row is an item that a query may select.
type row struct {
	at  address
	rid int
	v   *version
}

// mark is where a page ended: what the continuation token holds.
type mark struct {
	Partition string `json:"p"`
	Order     string `json:"o"`
	RID       int    `json:"r"`
	Breaks    int    `json:"b"` // pages before this one
}

func (s *Server) query(c *container, q *request) *answer {
	if refused := c.session(q); refused != nil {
		return refused
	}
	st, after, err := q.statement()
	if err != nil {
		return refusal(http.StatusBadRequest, "", err.Error())
	}
	if st.order != "" && !q.key {
		return refusal(http.StatusBadRequest, "1004", "The provided cross partition query can not be directly served by the gateway.")
	}
	if after == nil {
		after = &mark{RID: -1}
		if !q.key { // a first page may be empty where partitions are many
			return page(c, nil, after)
		}
	}
	var documents []json.RawMessage
	last := *after
	for _, r := range s.rows(c, q, st) {
		here := mark{r.at.partition, orderOf(st, r.v), r.rid, after.Breaks}
		if here.compare(after) <= 0 {
			continue
		}
		crossed := len(documents) > 0 && !q.key && last.Partition != here.Partition && after.Breaks < mostBreaks
		if crossed || len(documents) == q.limit() {
			last.Breaks = after.Breaks + 1
			return page(c, documents, &last)
		}
		last = here
		documents = append(documents, st.project(r.v))
	}
	return page(c, documents, nil)
}

// mostBreaks is how often a page over partitions ends where a partition does,
// short of what was asked for.
const mostBreaks = 3

func (m *mark) compare(other *mark) int {
	return cmp.Or(cmp.Compare(m.Partition, other.Partition), cmp.Compare(m.Order, other.Order), cmp.Compare(m.RID, other.RID))
}

// statement is the query with its arguments, and where its page begins.
func (q *request) statement() (*statement, *mark, error) {
	var body struct {
		Query      string `json:"query"`
		Parameters []struct {
			Name  string `json:"name"`
			Value any    `json:"value"`
		} `json:"parameters"`
	}
	if err := json.Unmarshal(q.body, &body); err != nil {
		return nil, nil, fmt.Errorf("no query: %w", err)
	}
	args := map[string]any{}
	for _, p := range body.Parameters {
		args[p.Name] = p.Value
	}
	st, err := parseSQL(body.Query, args)
	if err != nil {
		return nil, nil, err
	}
	token := q.Header.Get("X-Ms-Continuation")
	if token == "" {
		return st, nil, nil
	}
	after := &mark{}
	return st, after, json.Unmarshal([]byte(token), after)
}

const defaultPage = 100

func (q *request) limit() int {
	if n, err := strconv.Atoi(q.Header.Get("X-Ms-Max-Item-Count")); err == nil && n > 0 {
		return n
	}
	return defaultPage
}

// rows are the items that are selected, in the order in which a query gives them.
func (s *Server) rows(c *container, q *request, st *statement) []row {
	now := s.clock()
	var rows []row
	for at, i := range c.items {
		v := i.at(c.seen(), now)
		if v != nil && (!q.key || at.partition == q.Partition) && st.where(v.fields) {
			rows = append(rows, row{at, i.rid, v})
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		there := mark{b.at.partition, orderOf(st, b.v), b.rid, 0}
		return (&mark{a.at.partition, orderOf(st, a.v), a.rid, 0}).compare(&there)
	})
	return rows
}

// orderOf is what an item is ordered by; only text can be.
func orderOf(st *statement, v *version) string {
	text, _ := v.fields[st.order].(string)
	return text
}

func (st *statement) project(v *version) json.RawMessage {
	if st.fields == nil {
		return v.text
	}
	out := v.fields[st.fields[0]]
	if !st.value {
		object := map[string]any{}
		for _, f := range st.fields {
			if value, ok := v.fields[f]; ok {
				object[f] = value
			}
		}
		out = object
	}
	text, _ := json.Marshal(out)
	return text
}

func page(c *container, documents []json.RawMessage, last *mark) *answer {
	if documents == nil {
		documents = []json.RawMessage{}
	}
	body, _ := json.Marshal(map[string]any{"_rid": c.name, "_count": len(documents), "Documents": documents})
	a := &answer{status: http.StatusOK, body: body, header: map[string]string{"X-Ms-Session-Token": fmt.Sprintf("0:-1#%d", c.seen())}}
	if last != nil {
		token, _ := json.Marshal(last)
		a.header["X-Ms-Continuation"] = string(token)
	}
	return a
}
