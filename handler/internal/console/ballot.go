package console

import (
	"errors"
	"net/http"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// vote is POST /console/approvals/{id}/vote.
func (c *Console) vote(w http.ResponseWriter, r *http.Request, s Session, f form) error {
	choice := approval.Choice(f.one("vote"))
	if choice != approval.Approve && choice != approval.Deny {
		return errNoChoice
	}
	comment, err := f.comment()
	if err != nil {
		return err
	}
	ballot := approval.Ballot{ApprovalID: r.PathValue("id"), Choice: choice, Digest: f.one("requestDigest"), Comment: comment}
	_, err = c.parts.Approvals.Vote(r.Context(), readerOf(s), ballot, c.options.Now())
	return c.acted(w, r, s, err)
}

// pass is POST /console/approvals/{id}/pass: not mine, tell the others.
func (c *Console) pass(w http.ResponseWriter, r *http.Request, s Session, _ form) error {
	_, err := c.parts.Approvals.PassOn(r.Context(), readerOf(s), r.PathValue("id"), c.options.Now())
	return c.acted(w, r, s, err)
}

// revoke is POST /console/approvals/{id}/revoke.
func (c *Console) revoke(w http.ResponseWriter, r *http.Request, s Session, f form) error {
	comment, err := f.comment()
	if err != nil {
		return err
	}
	_, err = c.parts.Approvals.Revoke(r.Context(), readerOf(s), r.PathValue("id"), comment, c.options.Now())
	return c.acted(w, r, s, err)
}

// acted leads back to the approval, which shows what is so now. A click that
// came too late gets the same page, which says so.
func (c *Console) acted(w http.ResponseWriter, r *http.Request, s Session, err error) error {
	var closed *approval.ClosedError
	if errors.As(err, &closed) {
		notice := "Your click came too late: it was closed already, and nothing was changed."
		if closed.Detail != "" {
			notice = closed.Detail
		}
		return c.show(w, r, s, http.StatusConflict, notice)
	}
	if err != nil {
		return err
	}
	return seeOther(w, r, pageOf(r.URL.Path))
}
