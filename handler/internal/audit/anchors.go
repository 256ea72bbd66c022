package audit

import "context"

// Anchors is the second place, in which statements about the log are kept that
// whoever can change the log cannot: another container or directory. It is
// safe for concurrent use and returns once ctx ends.
type Anchors interface {
	Reader

	// Put makes an object that never changes, and returns nil once it is
	// durable. An object of that name with the same bytes is no error, with
	// others the error wraps fs.ErrExist. After any other error the object may
	// exist or come to exist.
	Put(ctx context.Context, name string, data []byte) error
}
