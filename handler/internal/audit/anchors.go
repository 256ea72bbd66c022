package audit

import (
	"context"
	"errors"
	"time"
)

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

// AnchorOptions say where a [Log] puts signed statements about its segments,
// and who signs them. Store and Sign are required.
//
// A segment takes no record before the statement about its first line is
// durable. While it grows, what was written is read back and stated again, and
// once more when it ends. Of these a failure does not stop the log: it is
// recorded, told by [Log.AnchorLag] and tried again; an outage stops the log
// when a lane needs its next segment, within the hour.
type AnchorOptions struct {
	Store Anchors

	// Sign makes a signed statement of a payload, which others open with a
	// public key ([VerifyOptions].Open). It is called beside an append, never
	// while a record waits for nothing else, and must be safe for concurrent
	// use. A call has ten seconds.
	Sign func(ctx context.Context, payload []byte) (statement string, err error)

	Every time.Duration // 60 s: how old what no anchor covers may get
}

func (o *AnchorOptions) check() error {
	if o != nil && (o.Store == nil || o.Sign == nil) {
		return errors.New("audit: anchors need a store and a signer")
	}
	return nil
}

func (o *AnchorOptions) every() time.Duration {
	if o.Every > 0 {
		return o.Every
	}
	return time.Minute
}
