// Package embedded is the service on local files: what the use cases declare,
// kept in one data directory that one process at a time owns, without any
// cloud. It is the default.
package embedded
