package approval

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/authorization-fabric/fabric/policy"
)

// errSchema is a document of a newer program: nobody may guess what it means.
var errSchema = errors.New("written by a newer version of this program")

// Encode writes the stored form of d.
func Encode(d *Document) ([]byte, error) {
	body, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode approval document: %w", err)
	}
	return body, nil
}

// Decode reads the stored form. It refuses what no version of this program
// wrote: a damaged document is an error, never an absent approval.
func Decode(body []byte) (*Document, error) {
	d := &Document{}
	if err := json.Unmarshal(body, d); err != nil {
		return nil, fmt.Errorf("decode approval document: %w", err)
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("decode approval document: %w", err)
	}
	return d, nil
}

func (d *Document) check() error {
	switch {
	case d.Schema > Schema:
		return errSchema
	case d.Schema < 1:
		return fmt.Errorf("schema %d", d.Schema)
	case d.Tenant == "":
		return errors.New("no tenant")
	case !validSlot(d.Slot):
		return errors.New("not a slot")
	case len(d.Earlier) > KeepEarlier:
		return fmt.Errorf("%d earlier approvals, at most %d", len(d.Earlier), KeepEarlier)
	}
	return d.Current.check()
}

func (c *Case) check() error {
	switch {
	case c.Status == NoStatus:
		return errors.New("no status")
	case c.Generation <= 0 || c.Generation >= 1<<50:
		return fmt.Errorf("generation %d", c.Generation)
	case c.OpenedAt.IsZero() || c.ApproveBy.IsZero():
		return errors.New("no times")
	case c.Status == Approved && c.ExecuteBy.IsZero():
		return errors.New("approved without executeBy")
	case len(c.Requirements) == 0:
		return errors.New("no requirements")
	case len(c.Events) == 0:
		return errors.New("no events")
	}
	return c.checkLists()
}

func (c *Case) checkLists() error {
	for _, r := range c.Requirements {
		if r.Need < 1 {
			return fmt.Errorf("requirement that needs %d votes", r.Need)
		}
	}
	for _, v := range c.Votes {
		if v.Choice != Approve && v.Choice != Deny {
			return errors.New("a vote that is neither approve nor deny")
		}
	}
	for _, e := range c.Events {
		if e.ID == "" || e.Kind == "" {
			return errors.New("an event without id or kind")
		}
	}
	return nil
}

// MarshalText writes none, asserted or verified.
func (g Grade) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText reads none, asserted or verified and refuses anything else.
func (g *Grade) UnmarshalText(text []byte) error {
	for i := policy.None; i <= policy.Verified; i++ {
		if i.String() == string(text) {
			g.Identity = i
			return nil
		}
	}
	return fmt.Errorf("no grade of identity is called %q", text)
}
