package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// FieldError is one thing that is wrong with a body. Pointer is its RFC 6901
// pointer, "" for the whole, and Detail never holds the value.
type FieldError struct {
	Pointer string
	Detail  string
}

// Problem is an answer that is not a decision: it denies, whatever it is.
// Handlers return it as an error.
type Problem struct {
	Kind           *ProblemKind
	Detail         string // for makers; "" is the kind's title
	Errors         []FieldError
	CorrelationID  string // "" has the edge make one
	ApprovalStatus string // of a closed approval, else ""
	RetryAfter     time.Duration
	cause          error // for the log only
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Kind.Name
	}
	return p.Kind.Name + ": " + p.Detail
}

// Unwrap is what the problem was made of.
func (p *Problem) Unwrap() error { return p.cause }

// ProblemKind is one row of the contract's table of statuses.
type ProblemKind struct {
	Name        string // the problem's type is urn:authorization-fabric:problem:Name
	Status      int
	Title       string
	NextStep    string
	UserMessage string
}

// The kinds of problem. They never change.
var (
	Malformed = &ProblemKind{
		"malformed", http.StatusBadRequest, "The request is not in the form of the contract.",
		"fix", "This request could not be read, so nothing was done. Please tell whoever maintains this agent.",
	}
	Unauthenticated = &ProblemKind{
		"unauthenticated", http.StatusUnauthorized, "The request carries no valid identity.",
		"fix", "It could not be established who is asking, so nothing was done. Please sign in again.",
	}
	Forbidden = &ProblemKind{
		"forbidden", http.StatusForbidden, "The caller may not do this.",
		"fix", "This is not open to you, so nothing was done.",
	}
	NotFound = &ProblemKind{
		"not-found", http.StatusNotFound, "There is no such thing, or it is not yours.",
		"fix", "This could not be found, so nothing was done.",
	}
	Conflict = &ProblemKind{
		"conflict", http.StatusConflict, "The approval is closed.",
		"fix", "This approval is closed, so nothing was changed.",
	}
	TooLarge = &ProblemKind{
		"too-large", http.StatusRequestEntityTooLarge, "The body is larger than 256 KiB.",
		"fix", "This request is too large, so nothing was done. Please tell whoever maintains this agent.",
	}
	MediaType = &ProblemKind{
		"media-type", http.StatusUnsupportedMediaType, "The body is not declared as application/json in UTF-8.",
		"fix", "This request could not be read, so nothing was done. Please tell whoever maintains this agent.",
	}
	Rate = &ProblemKind{
		"rate", http.StatusTooManyRequests, "The application asks more often than it may.",
		"retry", "There are too many requests at the moment, so nothing was done. Please try again shortly.",
	}
	Unavailable = &ProblemKind{
		"unavailable", http.StatusServiceUnavailable, "No decision can be made and recorded at the moment.",
		"retry", "This cannot be decided at the moment, so nothing was done. Please try again shortly.",
	}
)

var kinds = []*ProblemKind{Malformed, Unauthenticated, Forbidden, NotFound, Conflict, TooLarge, MediaType, Rate, Unavailable}

// Kinds are all kinds of problem, in the order of their statuses.
func Kinds() []*ProblemKind { return slices.Clone(kinds) }

const (
	typePrefix        = "urn:authorization-fabric:problem:"
	defaultRetryAfter = 2 * time.Second
	maxPointer        = 512 // bytes; a longer one is shortened to a parent
)

// problemBody is the body of a problem, members always in this order.
func problemBody(p *Problem) []byte {
	dst := append(make([]byte, 0, 1024), `{"decision":"DENY","execute":false,"nextStep":"`...)
	dst = append(dst, p.Kind.NextStep...)
	dst = appendMember(dst, `","userMessage":`, p.Kind.UserMessage)
	dst = appendMember(dst, `,"type":`, typePrefix+p.Kind.Name)
	dst = appendMember(dst, `,"title":`, p.Kind.Title)
	dst = append(dst, `,"status":`...)
	dst = strconv.AppendInt(dst, int64(p.Kind.Status), 10)
	detail := p.Detail
	if detail == "" {
		detail = p.Kind.Title
	}
	dst = appendMember(dst, `,"detail":`, detail)
	dst = append(dst, `,"errors":[`...)
	for i, e := range p.Errors {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendMember(dst, `{"pointer":`, shortPointer(e.Pointer))
		dst = appendMember(dst, `,"detail":`, e.Detail)
		dst = append(dst, '}')
	}
	dst = appendMember(dst, `],"correlationId":`, p.CorrelationID)
	if p.ApprovalStatus != "" {
		dst = appendMember(dst, `,"approvalStatus":`, p.ApprovalStatus)
	}
	return append(dst, '}')
}

func appendMember(dst []byte, name, value string) []byte {
	return strictjson.AppendString(append(dst, name...), value)
}

// shortPointer keeps a name that the caller made very long out of the answer.
func shortPointer(pointer string) string {
	for len(pointer) > maxPointer {
		pointer = pointer[:strings.LastIndexByte(pointer, '/')]
	}
	return pointer
}

// writeProblem answers r with p. It reads what is left of the body first,
// within a bound: a peer that is still sending would not see the answer.
func writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	drain(r)
	h := w.Header()
	contentType := jsonType
	if acceptsProblem(r.Header["Accept"]) {
		contentType = problemType
	}
	switch p.Kind {
	case Rate, Unavailable:
		retry := max(p.RetryAfter, time.Second)
		if p.RetryAfter == 0 {
			retry = defaultRetryAfter
		}
		h.Set("Retry-After", strconv.FormatInt(int64((retry+time.Second-1)/time.Second), 10))
	case Unauthenticated:
		h.Set("WWW-Authenticate", "Bearer")
	}
	writeBody(w, p.Kind.Status, contentType, problemBody(p))
}

// acceptsProblem reports whether Accept names application/problem+json. Flows
// name nothing, and take only application/json for JSON.
func acceptsProblem(accept []string) bool {
	for _, line := range accept {
		for entry := range strings.SplitSeq(line, ",") {
			name, parameters, _ := strings.Cut(entry, ";")
			if strings.EqualFold(strings.TrimSpace(name), "application/problem+json") && !refusesByWeight(parameters) {
				return true
			}
		}
	}
	return false
}

// refusesByWeight reports a weight of zero: q=0, q=0.0 and so on.
func refusesByWeight(parameters string) bool {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if strings.EqualFold(name, "q") {
			weight, err := strconv.ParseFloat(value, 64)
			return err != nil || weight <= 0
		}
	}
	return false
}
