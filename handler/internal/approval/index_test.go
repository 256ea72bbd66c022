package approval

import (
	"slices"
	"testing"
	"time"
)

func TestByApprover(t *testing.T) {
	for _, tc := range []struct{ rule, approver, want string }{
		{"finance/over", "role:Manager", "approver:role:finance/Manager"},
		{"hr/over", "role:Manager", "approver:role:hr/Manager"}, // roles are the pack's own
		{"finance/over", "entitled", "approver:entitled:finance"},
		{"finance/over", "user:Mia@Contoso.com", "approver:user:mia@contoso.com"},
		{"hr/over", "oid:AB-1", "approver:oid:ab-1"},
		{"hr/over", "group:AB-1", "approver:group:ab-1"},
	} {
		if got := ByApprover(tc.rule, tc.approver); string(got) != tc.want {
			t.Errorf("ByApprover(%s, %s) = %s, want %s", tc.rule, tc.approver, got, tc.want)
		}
	}
}

func TestUserKey(t *testing.T) {
	for _, tc := range [][3]string{{"", "", ""}, {"AB", "", "oid:ab"}, {"", "Ana@X", "upn:ana@x"}, {"AB", "Ana@X", "oid:ab"}} {
		if got := UserKey(tc[0], tc[1]); got != tc[2] {
			t.Errorf("UserKey(%q, %q) = %q, want %q", tc[0], tc[1], got, tc[2])
		}
	}
}

// A document stands in every list that somebody who may read it looks into.
func TestListsOfADocument(t *testing.T) {
	d := full()
	got := d.index().Keys
	want := []Key{
		"all", ByApplication("app"), ByRequester("oid:o"), ByApprover("p/r", "role:X"), ByApprover("p/r", "oid:1"), // the last by escalation
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("keys = %q, want %q", got, want)
	}
}

func TestDue(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 11, 21, 12, minute, 0, 0, time.UTC) }
	base := Case{Status: Pending, ApproveBy: at(30), ExecuteBy: at(40), Events: []Event{{At: at(0), Logged: true}}}
	for name, tc := range map[string]struct {
		edit func(*Case)
		want time.Time
	}{
		"pending, at approveBy":         {func(*Case) {}, at(30)},
		"approved, when use ends":       {func(c *Case) { c.Status = Approved }, at(39)},
		"closed, never":                 {func(c *Case) { c.Status = Denied }, time.Time{}},
		"an unlogged event, at once":    {func(c *Case) { c.Events[0].Logged = false }, at(0)},
		"closed with an event":          {func(c *Case) { c.Status, c.Events[0].Logged = Denied, false }, at(0)},
		"a message to send":             {func(c *Case) { c.Notifications = []Notification{{Due: at(9)}, {Due: at(8)}} }, at(8)},
		"a message after it closes":     {func(c *Case) { c.Notifications = []Notification{{Due: at(50)}} }, at(30)},
		"a message sent":                {func(c *Case) { c.Notifications = []Notification{{Due: at(9), SentAt: at(9)}} }, at(30)},
		"closed with a message to send": {func(c *Case) { c.Status, c.Notifications = Denied, []Notification{{Due: at(9)}} }, at(9)},
	} {
		c := base
		c.Events = slices.Clone(base.Events)
		tc.edit(&c)
		if got := (&Document{Current: c}).due(); !got.Equal(tc.want) {
			t.Errorf("%s: due = %s, want %s", name, got, tc.want)
		}
	}
}

// Only pending and approved are open; every word has its status and back.
func TestStatusTexts(t *testing.T) {
	for s := NoStatus; s <= Superseded; s++ {
		text, err := s.MarshalText()
		var back Status
		if err == nil {
			err = back.UnmarshalText(text)
		}
		if err != nil || back != s || s.Open() != (s == Pending || s == Approved) {
			t.Errorf("status %d = %q and back %d, open %t, %v", s, text, back, s.Open(), err)
		}
	}
	if _, err := Status(99).MarshalText(); err == nil {
		t.Error("MarshalText of status 99 = nil, want an error")
	}
	if err := new(Status).UnmarshalText([]byte("Pending")); err == nil {
		t.Error("UnmarshalText(Pending) = nil, want an error: words are spelled exactly")
	}
}

func TestRequirementsSurviveStorage(t *testing.T) {
	want := full().Current.Requirements[0]
	got := storedRequirement(want.policy(0))
	if got.Escalate == nil || got.Escalate.After != want.Escalate.After || got.ApproveWithin != want.ApproveWithin ||
		got.ExecuteWithin != want.ExecuteWithin || got.Need != want.Need || !got.Relay || !slices.Equal(got.Exclude, want.Exclude) ||
		!slices.Equal(got.Notify, want.Notify) || !slices.Equal(got.Escalate.Notify, want.Escalate.Notify) {
		t.Errorf("a requirement comes back as %+v, want %+v", got, want)
	}
}
