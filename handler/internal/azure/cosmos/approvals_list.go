package cosmos

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

const (
	listToken = 'l'
	dueToken  = 'd'
)

// List implements [approval.Store].
func (a approvals) List(ctx context.Context, q approval.Query) (page approval.Page, err error) {
	after, err := behind(listToken, q.Page)
	if err != nil {
		return page, err
	}
	if q.Tenant == "" || len(q.Keys) == 0 {
		return page, ctx.Err()
	}
	last := ""
	err = a.d.query(ctx, call{"list", approvalsContainer, q.Tenant}, listQuery(q, after), func(item []byte) (bool, error) {
		if len(page.Records) == q.Limit { // there is more
			page.Next = pageToken(listToken, last)
			return false, nil
		}
		r, err := decodeRecord(item, q.Tenant, "")
		if err != nil {
			return false, err
		}
		page.Records = append(page.Records, r)
		last = placeOf(r.Index.Opened, r.Slot)
		return true, nil
	})
	if err != nil {
		return approval.Page{}, inApprovals(err)
	}
	return page, nil
}

// listQuery is answered by one partition, which alone can order.
func listQuery(q approval.Query, after string) query {
	out := query{pageSize: pageSize(q.Limit)}
	out.arg("@pk", q.Tenant)
	var stands []string
	for i, k := range slices.Compact(slices.Sorted(slices.Values(q.Keys))) {
		name := fmt.Sprintf("@k%d", i)
		stands = append(stands, "ARRAY_CONTAINS(c.keys, "+name+")")
		out.arg(name, digest(string(k)))
	}
	where := []string{"c.pk = @pk", "(" + strings.Join(stands, " OR ") + ")"}
	switch q.Filter {
	case approval.OnlyOpen:
		where = append(where, "c.closes > @at")
	case approval.OnlyClosed:
		where = append(where, "c.closes <= @at")
	case approval.AnyState:
	}
	if q.Filter != approval.AnyState {
		out.arg("@at", q.At.UnixMilli())
	}
	if after != "" {
		where = append(where, "c.place > @after")
		out.arg("@after", after)
	}
	out.text = "SELECT * FROM c WHERE " + strings.Join(where, " AND ") + " ORDER BY c.place ASC"
	return out
}

// pageSize asks for one more than is wanted, to know whether there is more.
func pageSize(limit int) int32 {
	return int32(min(max(limit, 1)+1, math.MaxInt32)) //nolint:gosec // bounded just here
}

// CountOpen implements [approval.Store].
func (a approvals) CountOpen(ctx context.Context, c approval.Count) (n int, err error) {
	if c.Tenant == "" {
		return 0, ctx.Err()
	}
	q := query{text: "SELECT VALUE c.id FROM c WHERE c.pk = @pk AND c.agent = @agent AND c.closes > @at", pageSize: pageSize(c.Limit)}
	q.arg("@pk", c.Tenant)
	q.arg("@agent", c.Agent)
	q.arg("@at", c.At.UnixMilli())
	if !c.AnyUser {
		q.text += " AND c.user = @user"
		q.arg("@user", c.User)
	}
	err = a.d.query(ctx, call{"count", approvalsContainer, c.Tenant}, q, func([]byte) (bool, error) {
		n++
		return n < c.Limit, nil
	})
	if err != nil {
		return 0, inApprovals(err)
	}
	return n, nil
}

// pageToken wraps where a page ended; kind tells the lists apart.
func pageToken(kind byte, place string) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{kind}, place...))
}

// behind is where the page before ended; "" for the first.
func behind(kind byte, token string) (place string, err error) {
	if token == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < 2 || raw[0] != kind || !utf8.Valid(raw) {
		return "", fmt.Errorf("%w", approval.ErrPage)
	}
	return string(raw[1:]), nil
}

// duePlace is where a record stands among those that are due.
type duePlace struct {
	Due    int64  `json:"due"`
	Tenant string `json:"pk"`
	ID     string `json:"id"`
	Slot   string `json:"slot,omitzero"`
}

func dueBehind(token string) (*duePlace, error) {
	text, err := behind(dueToken, token)
	if err != nil || text == "" {
		return nil, err
	}
	p := &duePlace{}
	if err := json.Unmarshal([]byte(text), p, json.RejectUnknownMembers(true)); err != nil || p.Due == 0 {
		return nil, fmt.Errorf("%w", approval.ErrPage)
	}
	return p, nil
}
