package cosmos

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// recordItem is a record as it is stored. Queries read the upper part; the
// record is made of the lower part, which is packed where it is long.
type recordItem struct {
	ID     string   `json:"id"`
	PK     string   `json:"pk"` // the tenant
	Type   string   `json:"type"`
	Place  string   `json:"place"` // where it stands in lists
	Keys   []string `json:"keys"`  // [digest] of each
	Agent  string   `json:"agent"`
	User   string   `json:"user"`
	Closes int64    `json:"closes"`          // milliseconds since 1970; 0: closed
	Due    int64    `json:"due,omitzero"`    // the same; absent: never
	TTL    int      `json:"ttl,omitzero"`    // seconds since it was written last; absent: for ever
	Slot   string   `json:"slot"`            // for people, and for records that are damaged
	Record *content `json:"record,omitzero"` // either this
	Packed []byte   `json:"packed,omitzero"` // or this: [content] as JSON, packed
	ETag   string   `json:"_etag,omitzero"`  // set by Cosmos
}

type content struct {
	Tenant string         `json:"tenant"`
	Slot   string         `json:"slot"`
	Index  approval.Index `json:"index"`
	Text   string         `json:"text,omitzero"` // the body, where it is text,
	Raw    []byte         `json:"raw,omitzero"`  // else here
}

const (
	recordType = "approval"

	// keptClosed is how long a record stays after it was written last, once
	// nothing can happen to it any more.
	keptClosed = 90 * 24 * time.Hour

	longContent = 256 << 10 // bytes, from which on it is packed
	maxItem     = 2 << 20   // bytes, by Cosmos
	maxContent  = 8 << 20   // more than the limits of a record allow
)

func encodeRecord(r approval.Record) ([]byte, error) {
	c := &content{Tenant: r.Tenant, Slot: r.Slot, Index: r.Index}
	if utf8.Valid(r.Body) {
		c.Text = string(r.Body)
	} else {
		c.Raw = r.Body
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return nil, errors.New("an approval record with a name that is no UTF-8")
	}
	item := recordItem{
		ID: idOf("slot", r.Slot), PK: r.Tenant, Type: recordType, Slot: r.Slot,
		Place: placeOf(r.Index.Opened, r.Slot), Agent: r.Index.Agent, User: r.Index.User,
		Closes: milliseconds(r.Index.Closes), Due: milliseconds(r.Index.Due), Keys: []string{}, Record: c,
	}
	for _, k := range r.Index.Keys {
		item.Keys = append(item.Keys, digest(string(k)))
	}
	if item.Closes == 0 && item.Due == 0 {
		item.TTL = int(keptClosed / time.Second)
	}
	if len(plain) >= longContent {
		item.Record, item.Packed = nil, pack(plain)
	}
	text, err := json.Marshal(item)
	if err != nil {
		return nil, errors.New("an approval record that cannot be encoded")
	}
	if len(text) > maxItem {
		return nil, fmt.Errorf("%d bytes as an item, at most %d: %w", len(text), maxItem, approval.ErrTooLarge)
	}
	return text, nil
}

// errDamaged: an item is not what this program writes.
var errDamaged = errors.New("a damaged approval record")

// decodeRecord is the record of an item, which must be that tenant's and, where
// one is given, that slot's.
func decodeRecord(text []byte, tenant, slot string) (approval.Record, error) {
	var item recordItem
	if err := json.Unmarshal(text, &item); err != nil || item.Type != recordType || item.ETag == "" {
		return approval.Record{}, errDamaged
	}
	c := item.Record
	if c == nil {
		plain, err := unpack(item.Packed, maxContent)
		if err != nil {
			return approval.Record{}, errDamaged
		}
		c = &content{}
		if err := json.Unmarshal(plain, c); err != nil {
			return approval.Record{}, errDamaged
		}
	}
	if c.Tenant != tenant || item.PK != tenant || item.ID != idOf("slot", c.Slot) || slot != "" && c.Slot != slot {
		return approval.Record{}, fmt.Errorf("%w: it is of another slot", errDamaged)
	}
	body := c.Raw
	if body == nil {
		body = []byte(c.Text)
	}
	return approval.Record{Tenant: tenant, Slot: c.Slot, Body: body, Index: c.Index, Revision: approval.Revision(item.ETag)}, nil
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`)

// idOf is the id of what has that name. Ids are bytes without / \ ? and #, at
// most 255 of them: a plain name is its own, any other one is by its digest.
func idOf(kind, name string) string {
	if plainID.MatchString(name) {
		return kind + "." + name
	}
	return kind + "~" + digest(name)
}

// digest stands for a name of any length.
func digest(name string) string {
	sum := sha256.Sum256([]byte(name))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// placeOf orders records as lists do: newest first, those of one instant by
// slot. In hex the order of bytes is that of every collation.
func placeOf(opened time.Time, slot string) string {
	newest := ^(uint64(opened.UnixMilli()) ^ 1<<63) //nolint:gosec // keeps the order, whatever the sign
	return fmt.Sprintf("%016x", newest) + hex.EncodeToString([]byte(slot))
}

// milliseconds is an instant as it is stored; 0 is none.
func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
