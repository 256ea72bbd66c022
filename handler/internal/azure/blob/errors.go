package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"regexp"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// Error is a call of the blob service that failed. It holds neither addresses
// nor bodies.
type Error struct {
	Op        string // such as "append to"
	Name      string // of the blob, "" for the container
	Status    int    // of HTTP, 0 where there was no answer
	Code      string // of the service, such as BlobNotFound
	RequestID string // by which the service's support finds the call

	cause   error // what callers branch on, or what broke a call without answer
	certain bool  // the call had no effect and will have none
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Op
	if e.Name != "" {
		text += " " + e.Name
	}
	if e.Status == 0 {
		return fmt.Sprintf("%s: %v", text, e.cause)
	}
	text = fmt.Sprintf("%s: the blob service answered %d %s", text, e.Status, e.Code)
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// Unwrap is what callers branch on: fs.ErrNotExist, fs.ErrExist,
// [audit.ErrPosition], or that a context ended.
func (e *Error) Unwrap() error { return e.cause }

// outcome is what an append that failed like this has come to.
func (e *Error) outcome() audit.Outcome {
	if e.certain {
		return audit.Absent
	}
	return audit.Unknown
}

// What of an answer is passed on: never more than a word that has the form of
// a code or an id.
var (
	codeForm = regexp.MustCompile(`^[A-Za-z0-9]{1,64}$`)
	idForm   = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// failed is the error of a call.
func (k *call) failed(err error) *Error {
	e := &Error{Op: k.op, Name: k.name}
	var response *azcore.ResponseError
	if !errors.As(err, &response) {
		e.cause, e.certain = withoutAnswer(err, k.sent)
		return e
	}
	e.Status = response.StatusCode
	if codeForm.MatchString(response.ErrorCode) {
		e.Code = response.ErrorCode
	}
	if response.RawResponse != nil {
		if id := response.RawResponse.Header.Get("X-Ms-Request-Id"); idForm.MatchString(id) {
			e.RequestID = id
		}
	}
	e.cause = e.meaning()
	e.certain = e.refused()
	return e
}

// withoutAnswer is what broke a call, and whether it is certain that nothing
// was sent: there was no token, or no connection was made.
func withoutAnswer(err error, sent bool) (cause error, certain bool) {
	var network *net.OpError
	certain = !sent || errors.As(err, &network) && network.Op == "dial"
	for _, ended := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, ended) {
			return fmt.Errorf("no answer in time: %w", ended), certain
		}
	}
	var address *url.Error
	switch {
	case !sent:
		return noToken(err), true
	case errors.As(err, &address):
		return errors.New("no answer: " + address.Err.Error()), certain // not wrapped: it may be io.ErrUnexpectedEOF
	}
	return errors.New("no answer that can be used"), certain
}

var entraCode = regexp.MustCompile(`AADSTS[0-9]{1,9}`)

// noToken says why there was no token in the one word that is a code: the rest
// of the message is what the token service sent.
func noToken(err error) error {
	if code := entraCode.FindString(err.Error()); code != "" {
		return errors.New("no access token: " + code)
	}
	return errors.New("no access token")
}

// meaning is what callers branch on. A container that is missing is a fault of
// the deployment, and no answer about a blob.
func (e *Error) meaning() error {
	switch {
	case e.is(bloberror.BlobNotFound, bloberror.ResourceNotFound):
		return fs.ErrNotExist
	case e.is(bloberror.BlobAlreadyExists, bloberror.ConditionNotMet, bloberror.BlobImmutableDueToPolicy):
		return fs.ErrExist // of creations: nothing else has such a condition
	case e.is(bloberror.AppendPositionConditionNotMet, bloberror.MaxBlobSizeConditionNotMet):
		return audit.ErrPosition
	}
	return nil
}

// Codes for which the SDK has no name.
const (
	blobIsSealed  bloberror.Code = "BlobIsSealed"
	crc64Mismatch bloberror.Code = "Crc64Mismatch"
)

// refused says whether the answer is certain: the service itself, and not
// something in between, said that it does not do what was asked, and for a
// reason that it knows before it writes. Whatever is not listed is unknown:
// 5xx, 408, and 429 too, which the service does not document, so that
// something else says it, that may have passed the call on. The cost of a
// wrong doubt is reading back; that of a wrong certainty is a lost record.
func (e *Error) refused() bool {
	if e.RequestID == "" || e.Code == "" {
		return false
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge:
		return true
	case http.StatusBadRequest:
		// A checksum that does not match is damage on the way: the same bytes
		// are worth another try, and an unknown outcome gets one.
		return !e.is(bloberror.MD5Mismatch, crc64Mismatch)
	case http.StatusNotFound:
		return e.is(bloberror.BlobNotFound, bloberror.ContainerNotFound, bloberror.ResourceNotFound)
	case http.StatusConflict:
		return e.is(bloberror.BlockCountExceedsLimit, blobIsSealed, bloberror.InvalidBlobType,
			bloberror.BlobImmutableDueToPolicy, bloberror.ContainerBeingDeleted, bloberror.ContainerDisabled)
	}
	return false
}

func (e *Error) is(codes ...bloberror.Code) bool {
	for _, code := range codes {
		if e.Code == string(code) {
			return true
		}
	}
	return false
}
