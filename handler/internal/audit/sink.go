package audit

import (
	"context"
	"errors"
	"io"
)

// Outcome is what is known of an append once the call has returned. The zero
// Outcome is Unknown.
type Outcome uint8

// The outcomes of [Sink.Append].
const (
	Unknown Outcome = iota // the bytes may be there, may still come, or never
	Absent                 // this call wrote nothing and never will
	Durable                // the bytes are at their position and survive a crash
)

// String names the outcome, for messages.
func (o Outcome) String() string { return [...]string{"unknown", "absent", "durable"}[o] }

// ErrPosition is what a sink wraps when an object does not end where an append
// says it does. It goes with Unknown: an earlier call may have written exactly
// these bytes.
var ErrPosition = errors.New("the object does not end at this position")

// Object is one name in a sink and its length in bytes.
type Object struct {
	Name string
	Size int64
}

// Reader is what the reading side needs: a container of objects that only
// grow. Implementations are safe for concurrent use and return once ctx ends.
type Reader interface {
	// ReadRange reads an object from a byte position to its end as of now. At
	// the end it reads nothing; beyond it the error wraps io.ErrUnexpectedEOF,
	// and for a name that does not exist fs.ErrNotExist. The caller closes it.
	ReadRange(ctx context.Context, name string, from int64) (io.ReadCloser, error)

	// List returns the objects whose names begin with prefix, ordered by name.
	// None is no error. Sizes may be older than the call.
	List(ctx context.Context, prefix string) ([]Object, error)
}

// Sink is where a log is stored: local files, append blobs or a fake. Names
// are relative paths of [A-Za-z0-9=._-] with slashes, and differ by case.
//
// A sink is safe for concurrent use. The log has one call at a time on an
// object but for this: a call that outlived its context may still be running
// when the next one comes, or take effect after it.
type Sink interface {
	Reader

	// Create makes an empty object that survives a crash. It never touches an
	// object that exists: the error then wraps fs.ErrExist. After any other
	// error the object may exist or come to exist.
	Create(ctx context.Context, name string) error

	// Append writes data at position, which must be the length of the object.
	//
	// Durable means that all of data is there and survives a crash of process
	// and machine. Absent means that this call had no effect and will have
	// none. Whatever else happened is Unknown: a time-out, a lost reply, an
	// object that is longer or shorter than position ([ErrPosition]). An
	// append is all or nothing for every reader. The error explains what is
	// not Durable. Data is read until the call returns, and not kept.
	//
	// Repeating a call with the same bytes at the same position is safe: they
	// are in the object once. ReadRange by the process that appends returns
	// durable bytes only, because an append is settled by reading it back.
	Append(ctx context.Context, name string, position int64, data []byte) (Outcome, error)
}
