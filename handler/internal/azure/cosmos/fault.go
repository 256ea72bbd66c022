package cosmos

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/authorization-fabric/fabric/handler/internal/azure"
)

// statusRetryWith is Cosmos's own: another write was under way, try again.
const statusRetryWith = 449

// Sub-statuses that change what a status means.
const (
	subSession = "1002" // 404: this replica has not got there yet
	subNoOwner = "1003" // 404: not the item is missing but its container
)

// outcome is what is known after a call. The zero outcome is the one that
// claims nothing.
type outcome uint8

const (
	unclear  outcome = iota // it may have taken effect or still may; a read told nothing
	absent                  // there is certainly no such item
	conflict                // the item is there already, or at another ETag; nothing was written
	tooLarge                // nothing was written
	refused                 // nothing was done
)

// Fault is a call of Cosmos that did not do what it was to. It holds nothing
// of what was written or answered.
type Fault struct {
	Operation string // such as "read approvals"
	Status    int    // of HTTP; 0 without an answer
	Substatus string // Cosmos's x-ms-substatus, "" where there was none
	Activity  string // what Microsoft's support asks for

	outcome outcome
	cause   error // without an answer: fit for people and logs
}

// Error implements error.
func (f *Fault) Error() string {
	switch {
	case f.Status != 0:
		return fmt.Sprintf("Cosmos: %s: status %d/%s (activity %s)", f.Operation, f.Status, or(f.Substatus, "0"), or(f.Activity, "unknown"))
	case f.cause != nil:
		return fmt.Sprintf("Cosmos: %s: %v", f.Operation, f.cause)
	}
	return "Cosmos: " + f.Operation
}

// Unwrap is the cause of a call that got no answer.
func (f *Fault) Unwrap() error { return f.cause }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// notSent is the fault of a call that never left.
func notSent(c call, err error) error {
	f := faultOf(c, err)
	f.outcome = refused
	return f
}

var headerText = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// faultOf says what is known after err.
func faultOf(c call, err error) *Fault {
	f := &Fault{Operation: c.operation + " " + c.container}
	var response *azcore.ResponseError
	if !errors.As(err, &response) {
		f.cause = causeOf(err)
		if errors.Is(err, ErrMultiWrite) {
			f.outcome = refused
		}
		return f
	}
	f.Status = response.StatusCode
	if r := response.RawResponse; r != nil {
		f.Substatus, f.Activity = headerOf(r, "X-Ms-Substatus"), headerOf(r, "X-Ms-Activity-Id")
	}
	f.outcome = outcomeOf(f.Status, f.Substatus)
	return f
}

func causeOf(err error) error {
	if errors.Is(err, ErrMultiWrite) {
		return ErrMultiWrite
	}
	return azure.Cause(err)
}

func headerOf(r *http.Response, name string) string {
	if text := r.Header.Get(name); headerText.MatchString(text) {
		return text
	}
	return ""
}

func outcomeOf(status int, substatus string) outcome {
	switch status {
	case http.StatusNotFound:
		switch substatus {
		case "", "0":
			return absent
		case subSession:
			return unclear
		}
		return refused
	case http.StatusConflict, http.StatusPreconditionFailed:
		return conflict
	case http.StatusRequestEntityTooLarge:
		return tooLarge
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed,
		http.StatusTooManyRequests, statusRetryWith:
		return refused
	}
	return unclear // 408, 410, 5xx and whatever else there may be
}
