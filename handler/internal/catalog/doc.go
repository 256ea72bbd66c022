// Package catalog keeps the packs that decide: it reads a manifest and its
// documents from a store, checks all of it, and swaps one immutable snapshot
// for the next. A change that cannot be served as a whole is refused as a
// whole, and what was served before stays.
//
// Reading the active snapshot does no I/O. How long ago the store last
// confirmed it is part of every decision: past a soft limit an answer is
// flagged, past a hard limit every call is denied.
package catalog
