package cosmosserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

type database struct{ containers map[string]*container }

// container keeps every version of its items, so that a replica can be behind.
type container struct {
	name  string
	items map[address]*item
	rids  int   // how many items were ever made
	lsn   int64 // of the last write
	held  int64 // where the replica is that answers reads; -1: at lsn
}

type address struct{ partition, id string }

// item is what lies under an address, the newest version last.
type item struct {
	rid      int
	versions []version
}

type version struct {
	lsn    int64
	etag   string
	at     time.Time
	ttl    time.Duration // 0: for ever
	fields map[string]any
	text   []byte // with the fields that the service adds
}

func newContainer(name string) *container {
	return &container{name: name, items: map[address]*item{}, held: -1}
}

func (c *container) hold(on bool) {
	c.held = -1
	if on {
		c.held = c.lsn
	}
}

// seen is how far reads see.
func (c *container) seen() int64 {
	if c.held >= 0 {
		return c.held
	}
	return c.lsn
}

// at is the item's version at a point, nil where there is none or it expired.
func (i *item) at(lsn int64, now time.Time) *version {
	if i == nil {
		return nil
	}
	for n := len(i.versions) - 1; n >= 0; n-- {
		v := &i.versions[n]
		if v.lsn > lsn {
			continue
		}
		if v.ttl > 0 && !now.Before(v.at.Add(v.ttl)) {
			return nil
		}
		return v
	}
	return nil
}

// serve does what the request asks for. s.mu is held.
func (s *Server) serve(q *request) *answer {
	if !s.signed(q.Request) {
		return refusal(http.StatusUnauthorized, "", "the token is none")
	}
	if q.Operation == ReadAccount {
		return s.accountAnswer()
	}
	db := s.databases[q.database]
	if db == nil || db.containers[q.Container] == nil {
		return refusal(http.StatusNotFound, "1003", "Owner resource does not exist")
	}
	c := db.containers[q.Container]
	switch q.Operation {
	case ReadContainer:
		return c.properties()
	case Read:
		return s.read(c, q)
	case Create:
		return s.create(c, q)
	case Replace:
		return s.replace(c, q)
	case Query:
		return s.query(c, q)
	case ReadAccount:
	}
	return refusal(http.StatusBadRequest, "", "this account does not do that")
}

func (c *container) properties() *answer {
	body, _ := json.Marshal(map[string]any{
		"id": c.name, "partitionKey": map[string]any{"paths": []string{"/pk"}, "kind": "Hash", "version": 2}, "defaultTtl": -1,
	})
	return &answer{status: http.StatusOK, body: body}
}

// session refuses a read that knows of more than the replica.
func (c *container) session(q *request) *answer {
	_, text, _ := strings.Cut(q.Session, "#")
	lsn, err := strconv.ParseInt(text, 10, 64)
	switch {
	case q.Session == "":
		return nil
	case err != nil || !strings.HasPrefix(q.Session, "0:-1#"):
		return refusal(http.StatusBadRequest, "", "The session token is none.")
	case lsn > c.seen():
		return refusal(http.StatusNotFound, "1002", "The read session is not available for the input session token.")
	}
	return nil
}

func (s *Server) read(c *container, q *request) *answer {
	if refused := c.session(q); refused != nil {
		return refused
	}
	v := c.items[address{q.Partition, q.ID}].at(c.seen(), s.clock())
	if v == nil {
		return refusal(http.StatusNotFound, "0", "Resource Not Found.")
	}
	if q.Header.Get("If-None-Match") == v.etag {
		return c.answer(http.StatusNotModified, v, c.seen())
	}
	return c.answer(http.StatusOK, v, c.seen())
}

func (c *container) answer(status int, v *version, lsn int64) *answer {
	return &answer{status: status, body: v.text, header: map[string]string{
		"Etag": v.etag, "X-Ms-Session-Token": fmt.Sprintf("0:-1#%d", lsn),
	}}
}

const maxItem = 2 << 20 // bytes

// fieldsOf are those of an item that may be written, or why it may not.
func fieldsOf(q *request) (map[string]any, *answer) {
	var fields map[string]any
	if err := json.Unmarshal(q.body, &fields); err != nil || fields == nil {
		return nil, refusal(http.StatusBadRequest, "", "the item is no JSON object")
	}
	id, _ := fields["id"].(string)
	pk, _ := fields["pk"].(string)
	switch {
	case len(q.body) > maxItem:
		return nil, refusal(http.StatusRequestEntityTooLarge, "", "Request size is too large")
	case id == "" || len(id) > 255 || strings.ContainsAny(id, `/\?#`) || strings.HasSuffix(id, " "):
		return nil, refusal(http.StatusBadRequest, "", "the id is none")
	case len(q.Partition) > 2048:
		return nil, refusal(http.StatusBadRequest, "", "the partition key is too long")
	case pk != q.Partition:
		return nil, refusal(http.StatusBadRequest, "1001", "PartitionKey extracted from document doesn't match the one specified in the header")
	case id != q.ID:
		return nil, refusal(http.StatusBadRequest, "", "the id is another than the path's")
	}
	return fields, nil
}

func (s *Server) create(c *container, q *request) *answer {
	fields, refused := fieldsOf(q)
	if refused != nil {
		return refused
	}
	at := address{q.Partition, q.ID}
	if c.items[at].at(c.lsn, s.clock()) != nil {
		return refusal(http.StatusConflict, "0", "Entity with the specified id already exists in the system.")
	}
	if c.items[at] == nil {
		c.rids++
		c.items[at] = &item{rid: c.rids}
	}
	return s.write(c, at, fields, http.StatusCreated)
}

func (s *Server) replace(c *container, q *request) *answer {
	fields, refused := fieldsOf(q)
	if refused != nil {
		return refused
	}
	at := address{q.Partition, q.ID}
	v := c.items[at].at(c.lsn, s.clock())
	match := q.Header.Get("If-Match")
	switch {
	case v == nil:
		return refusal(http.StatusNotFound, "0", "Resource Not Found.")
	case match != "" && match != v.etag:
		return refusal(http.StatusPreconditionFailed, "0", "One of the specified pre-condition is not met")
	}
	return s.write(c, at, fields, http.StatusOK)
}

func (s *Server) write(c *container, at address, fields map[string]any, status int) *answer {
	ttl, given := fields["ttl"].(float64)
	if given && (ttl < 1 && ttl != -1 || ttl != float64(int64(ttl))) {
		return refusal(http.StatusBadRequest, "", "ttl is a number of seconds, or -1")
	}
	c.lsn++
	s.etags++
	v := version{lsn: c.lsn, etag: fmt.Sprintf(`"%08x-0000-0d00-0000-000000000000"`, s.etags), at: s.clock(), fields: fields}
	if ttl > 0 {
		v.ttl = time.Duration(ttl) * time.Second
	}
	i := c.items[at]
	fields["_rid"], fields["_etag"], fields["_ts"] = fmt.Sprintf("rid%d", i.rid), v.etag, v.at.Unix()
	fields["_self"], fields["_attachments"] = "dbs/x/colls/y/docs/z/", "attachments/"
	v.text, _ = json.Marshal(fields)
	i.versions = append(i.versions, v)
	out := c.answer(status, &v, v.lsn)
	out.body = nil // as with Prefer: return=minimal
	return out
}
