package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Sentinels of a [Store].
var (
	// ErrNotFound: the store is certain that there is no such record.
	ErrNotFound = errors.New("no such approval record")
	// ErrConflict: the record is not at the revision the write was made for,
	// or already exists, or does not. Nothing was written. Read again.
	ErrConflict = errors.New("approval record was changed by someone else")
	// ErrUnclear: the store cannot say. A write may have taken effect or may
	// still do so; a read told nothing. Never to be taken for ErrNotFound.
	ErrUnclear = errors.New("the approval store cannot say what happened")
	// ErrTooLarge: the record exceeds a limit below. Nothing was written.
	ErrTooLarge = errors.New("approval record is too large")
	// ErrPage: the page token is none of this store's.
	ErrPage = errors.New("not a page of this list")
)

// Limits of a record; Cosmos holds 2 MB an item.
const (
	MaxBody = 1_900_000 // bytes of Record.Body
	MaxKeys = 1_000     // Index.Keys of one record
	MaxKey  = 1_024     // bytes of one key, tenant, slot, agent or user
)

// Revision is what a store says a record is at. Only equality means anything.
// A record never returns to a revision it had. "" is a record that does not
// exist.
type Revision string

// Key names a list that a record stands in; see [ByApprover], [ByRequester],
// [ByApplication] and [Everything].
type Key string

// Record is one stored document and what lists and counts need to know of it.
type Record struct {
	Tenant   string // the partition
	Slot     string // unique in the tenant, compared byte by byte
	Body     []byte
	Index    Index
	Revision Revision // set by reads
}

// Check is [ErrTooLarge] for a record beyond the limits; every store asks it
// before it writes.
func (r *Record) Check() error {
	names := []string{r.Tenant, r.Slot, r.Index.Agent, r.Index.User}
	for _, k := range r.Index.Keys {
		names = append(names, string(k))
	}
	tooLong := func(name string) bool { return len(name) > MaxKey }
	switch {
	case len(r.Body) > MaxBody:
		return fmt.Errorf("%d bytes, at most %d: %w", len(r.Body), MaxBody, ErrTooLarge)
	case len(r.Index.Keys) > MaxKeys:
		return fmt.Errorf("%d lists, at most %d: %w", len(r.Index.Keys), MaxKeys, ErrTooLarge)
	case slices.ContainsFunc(names, tooLong):
		return fmt.Errorf("a name of more than %d bytes: %w", MaxKey, ErrTooLarge)
	}
	return nil
}

// Index is what a store finds a record by. Instants have milliseconds.
type Index struct {
	Agent  string    `json:"agent"`
	User   string    `json:"user,omitempty"`  // [UserKey] of the requester; "" is nobody
	Opened time.Time `json:"opened"`          // lists are ordered by it
	Closes time.Time `json:"closes,omitzero"` // open before this instant; zero: closed
	Due    time.Time `json:"due,omitzero"`    // when somebody must look at it; zero: never
	Keys   []Key     `json:"keys"`            // sorted, each once
}

// OpenAt reports whether the record is open at the instant now.
func (x Index) OpenAt(now time.Time) bool { return now.Before(x.Closes) }

// Filter is which records of a list are wanted.
type Filter uint8

// The filters. Open and closed are judged at [Query.At].
const (
	AnyState Filter = iota
	OnlyOpen
	OnlyClosed
)

// Query is one page of the records of a tenant that stand in any of the lists
// named by Keys, each once: newest Opened first, those of one instant by Slot.
type Query struct {
	Tenant string
	Keys   []Key
	Filter Filter
	At     time.Time
	Limit  int    // at least 1
	Page   string // "" for the first
}

// Page is a part of a list. Next continues behind its last record; "" says
// that there is nothing more. A page may be short, or empty, before the end.
type Page struct {
	Records []Record
	Next    string
}

// Count asks how many records are open at an instant.
type Count struct {
	Tenant  string
	Agent   string
	User    string // [UserKey]; "" counts the records of nobody
	AnyUser bool   // User is ignored
	At      time.Time
	Limit   int // counting may stop here; at least 1
}

// Store keeps one record a slot. It knows nothing of approvals and never
// authorizes.
//
// A write that returned nil is durable. Reads by tenant and slot see every
// write that returned nil before; lists may be behind in a distributed store,
// so nothing is decided from them. All methods are safe for concurrent use,
// and none keeps or changes what it was given. Paging while records are
// written shows every record that was there all along and did not move exactly
// once. A context that ends makes a call return its error or [ErrUnclear]; a
// write with a context that has already ended writes nothing.
type Store interface {
	// Get reads one record, or [ErrNotFound].
	Get(ctx context.Context, tenant, slot string) (Record, error)

	// Put writes r if the stored record is at revision was; "" creates it.
	// It returns the new revision. r.Revision is ignored.
	Put(ctx context.Context, r Record, was Revision) (Revision, error)

	// List returns one page of a tenant's records.
	List(ctx context.Context, q Query) (Page, error)

	// Due returns records of all tenants whose Due is not after the instant,
	// earliest first.
	Due(ctx context.Context, at time.Time, limit int, page string) (Page, error)

	// CountOpen counts open records of an agent, or of an agent and a user.
	CountOpen(ctx context.Context, c Count) (int, error)
}
