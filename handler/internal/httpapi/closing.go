package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// Closing ends an approval, with a comment: [approval.Service.Cancel] or
// [approval.Service.Revoke].
type Closing func(ctx context.Context, r approval.Reader, id, comment string, now time.Time) (approval.Approval, error)

// CloseApproval is POST /api/approvals/{id}/cancel or /revoke. For whoever may
// not, the approval does not exist.
func CloseApproval(closing Closing, o ApprovalOptions) Handler {
	return func(w http.ResponseWriter, r *http.Request, p identity.Principal) error {
		body, err := readOptionalJSON(r)
		if err != nil {
			return err
		}
		comment, err := decodeComment(body)
		if err != nil {
			return err
		}
		a, err := o.find(p, func(from approval.Reader) (approval.Approval, error) {
			return closing(r.Context(), from, r.PathValue("id"), comment, o.now())
		})
		if err != nil {
			return err
		}
		writeApproval(w, &a, o.PublicURL)
		return nil
	}
}

// decodeComment reads {comment}; no body is an empty one.
func decodeComment(body []byte) (string, error) {
	if len(body) == 0 {
		return "", nil
	}
	members, err := parseObject(body)
	if err != nil {
		return "", err
	}
	var (
		d       fields
		comment string
	)
	for _, m := range members {
		if m.Name == "comment" {
			comment = d.text("/comment", m.Value, prose(approval.MaxComment))
		} else {
			d.unknown("", m.Name, []string{"comment"})
		}
	}
	return comment, d.err()
}
