package approval

import (
	"slices"
	"strings"
	"time"
)

// Everything is the list of all records of a tenant.
const Everything Key = "all"

// ByApplication is the list of what an application asked for.
func ByApplication(application string) Key { return Key("app:" + strings.ToLower(application)) }

// ByRequester is the list of what a person asked for; user is a [UserKey].
func ByRequester(user string) Key { return Key("requester:" + user) }

// ByApprover is the list of what an approver may have a say in: approver as a
// rule writes it, in the rule of that public id. Roles and entitlements are
// those of the rule's pack.
func ByApprover(policyID, approver string) Key {
	pack, _, _ := strings.Cut(policyID, "/")
	form, name, _ := strings.Cut(approver, ":")
	switch form {
	case "role":
		return Key("approver:role:" + pack + "/" + name)
	case "entitled":
		return Key("approver:entitled:" + pack)
	default: // user, oid, group: they compare without case
		return Key("approver:" + strings.ToLower(approver))
	}
}

// UserKey names a person in lists and caps: by object id where it is known,
// else by UPN. "" is nobody.
func UserKey(id, upn string) string {
	switch {
	case id != "":
		return "oid:" + strings.ToLower(id)
	case upn != "":
		return "upn:" + strings.ToLower(upn)
	}
	return ""
}

// record is d as a store keeps it.
func (d *Document) record() (Record, error) {
	body, err := Encode(d)
	if err != nil {
		return Record{}, err
	}
	return Record{Tenant: d.Tenant, Slot: d.Slot, Body: body, Index: d.index()}, nil
}

func (d *Document) index() Index {
	c := &d.Current
	return Index{
		Agent:  c.Agent,
		User:   UserKey(c.Requester.ID, c.Requester.UPN),
		Opened: c.Generation.time(),
		Closes: c.closes(),
		Due:    d.due(),
		Keys:   c.keys(),
	}
}

// useMargin is how long before its executeBy an approval can no longer be
// used: what it permits needs time to run. From then on it is expired.
const useMargin = time.Minute

// closes is when the clock will close c; zero once it is closed.
func (c *Case) closes() time.Time {
	switch c.Status {
	case Pending:
		return c.ApproveBy
	case Approved:
		return c.ExecuteBy.Add(-useMargin)
	case NoStatus, Consumed, Denied, Expired, Revoked, Cancelled, Superseded:
	}
	return time.Time{}
}

// due is the first instant at which somebody has to look at d.
func (d *Document) due() time.Time {
	due := d.Current.closes()
	earlier := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	for _, e := range d.Current.Events {
		if !e.Logged {
			earlier(e.At)
		}
	}
	for n := range d.unsent() {
		earlier(n.sendAt())
	}
	return due
}

func (c *Case) keys() []Key {
	keys := []Key{Everything}
	if c.Application != "" {
		keys = append(keys, ByApplication(c.Application))
	}
	if user := UserKey(c.Requester.ID, c.Requester.UPN); user != "" {
		keys = append(keys, ByRequester(user))
	}
	for _, r := range c.Requirements {
		for _, approver := range r.everyApprover() {
			keys = append(keys, ByApprover(r.PolicyID, approver))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// everyApprover is who may vote now or after escalation.
func (r *Requirement) everyApprover() []string {
	if r.Escalate == nil {
		return r.Approvers
	}
	return slices.Concat(r.Approvers, r.Escalate.Approvers)
}
