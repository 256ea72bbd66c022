package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// OutputMasker applies a grant's obligations: [authorize.Masker].
type OutputMasker interface {
	Mask(ctx context.Context, p identity.Principal, r authorize.MaskRequest) (authorize.Masked, error)
}

// Mask is POST /api/mask: a tool's output in, the same with what must not be
// seen covered out.
func Mask(masker OutputMasker) Handler {
	return func(w http.ResponseWriter, r *http.Request, p identity.Principal) error {
		body, err := readJSON(r)
		if err != nil {
			return err
		}
		request, err := DecodeMask(body)
		if err != nil {
			return err
		}
		masked, err := masker.Mask(r.Context(), p, request)
		var refused *grant.RefusedError
		switch {
		case errors.As(err, &refused):
			return &Problem{Kind: Forbidden, Detail: "The grant does not count: " + refused.Reason + ".", cause: err}
		case err != nil:
			return err
		}
		writeBody(w, http.StatusOK, jsonType, appendMasked(nil, &masked))
		return nil
	}
}

// DecodeMask reads the body of POST /api/mask. An output of null is an output.
// The error is a [*Problem].
func DecodeMask(body []byte) (authorize.MaskRequest, error) {
	members, err := parseObject(body)
	if err != nil {
		return authorize.MaskRequest{}, err
	}
	var (
		d fields
		r authorize.MaskRequest
	)
	for _, m := range members {
		switch m.Name {
		case "grant":
			r.Grant = d.text("/grant", m.Value, anyText)
		case "output":
			r.Output = m.Value
		default:
			d.unknown("", m.Name, []string{"grant", "output"})
		}
	}
	d.need("/grant", r.Grant)
	if r.Output.Kind() == strictjson.Absent {
		d.fail("/output", "is required")
	}
	return r, d.err()
}

// anyText admits every string: what a grant is, its check says, and a refusal
// of it is recorded.
func anyText(string) string { return "" }

func appendMasked(dst []byte, m *authorize.Masked) []byte {
	dst = strictjson.AppendAsSent(append(dst, `{"output":`...), m.Output)
	dst = strconv.AppendBool(append(dst, `,"masked":`...), m.Changed)
	dst = appendMember(dst, `,"decisionId":`, m.DecisionID)
	return append(appendReceipt(dst, m.Receipt), '}')
}
