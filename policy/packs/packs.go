// Package packs holds the sample policy packs: finance, hr and it-operations,
// each a pack, its bindings for the environment dev and its tests. Local mode
// serves them where no other directory is named, all three together.
package packs

import "embed"

// FS is the sample packs as one flat directory: the default packs of local
// mode. It is read-only and safe for concurrent use.
//
//go:embed *.json
var FS embed.FS
