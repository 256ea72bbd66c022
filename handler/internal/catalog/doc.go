// Package catalog keeps the packs that decide: it reads a manifest and its
// documents from a store, checks all of it, and swaps one immutable snapshot
// for the next. A change that cannot be served as a whole is refused as a
// whole, and what was served before stays. Epochs never fall: an older policy
// returns as a new epoch.
//
// A manifest may roll a version out to a share of the agents, by a hash that is
// the same everywhere, and have versions decide as a shadow, for the record.
// Every policy that can come of it is compiled before it is active.
//
// Reading the active snapshot does no I/O. How long ago the store last
// confirmed it is part of every decision: past a soft limit an answer is
// flagged, past a hard limit every call is denied. What was served is kept
// outside the store as the last good, for a start without the store, and is
// believed no more than the store is.
package catalog
