// Package blob keeps the audit log, its anchors and the last good manifests in
// containers of Azure Blob Storage, all of which may be immutable (WORM with
// protected appends): nothing is ever overwritten, deleted or given metadata.
//
// The SDK sends every request once. Who repeats is the log itself, which knows
// what is safe to repeat and reads back what became of an append that had no
// clear answer.
package blob
