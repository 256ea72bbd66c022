package approval_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var mutants = flag.Bool("mutants", false, "break the service in known ways and demand that its tests notice")

// mutant is a mistake in the service, and the test that must fail on it.
type mutant struct{ file, old, new, test string }

// A safety test that has never failed proves nothing.
func mutations() map[string]mutant {
	return map[string]mutant{
		"a use does not look at the status": {
			"use.go", "d.Current.Generation != generation || d.Current.Status != Approved ||", "d.Current.Generation != generation ||",
			"TestExplorer$",
		},
		"a use is of any generation": {
			"use.go", "d.Current.Generation != generation || d.Current.Status != Approved", "d.Current.Status != Approved",
			"TestUseByAnotherCall",
		},
		"a use is of any call": {
			"use.go", "!ok || !slices.Contains(s.slots(t.Call), slot)", "!ok || slices.Contains([]string{}, slot)",
			"TestUseByAnotherCall",
		},
		"a write is not conditional": {
			"service.go", "	revision, err := s.store.Put(ctx, r, h.revision)",
			"	if there, err := s.store.Get(ctx, r.Tenant, r.Slot); err == nil {\n\t\th.revision = there.Revision\n\t}\n	revision, err := s.store.Put(ctx, r, h.revision)",
			"TestExplorer$",
		},
		"events are marked before they are logged": {
			"settle.go", "	for i := range h.doc.Current.Events {\n		e := &h.doc.Current.Events[i]\n		if e.Logged {",
			"	for i := range h.doc.Current.Events {\n		e := &h.doc.Current.Events[i]\n		if e.Logged = true; len(h.doc.Current.Events) > 1 {",
			"TestExplorer$",
		},
		"a failure of the log is ignored": {
			"settle.go", "			return held{}, fmt.Errorf(\"log %s: %w\", e.Kind, err)", "			_ = fmt.Errorf // and go on\n			continue",
			"TestExplorer$",
		},
		"what is not logged is shown": {
			"settle.go", "s.statusAt(&d.Current, now) == d.Current.Status && d.Current.logged()", "s.statusAt(&d.Current, now) == d.Current.Status",
			"TestNothingUnloggedIsShown",
		},
		"the clock alone expires": {
			"list.go", "	if err != nil || s.settled(h.doc, now) {", "	if err != nil || h.doc.Current.logged() {",
			"TestEveryReadExpires",
		},
		"expiry is ignored": {
			"service.go", "	case !now.Before(c.closes()):\n		return Expired\n", "",
			"TestExplorer$",
		},
		"the last minute is none": {
			"index.go", "const useMargin = time.Minute", "const useMargin = 0",
			"TestTheLastMinuteIsTooLate",
		},
		"a vote does not look at the status": {
			"vote.go", "	if err := s.closed(d, g, now); err != nil {\n		return err\n	}\n	if len(counts)", "	if len(counts)",
			"TestExplorer$",
		},
		"the requester's vote counts": {
			"vote.go", "		return nil\n	}\n	return slices.DeleteFunc(s.approvers", "	}\n	return slices.DeleteFunc(s.approvers",
			"TestExplorerRequesterNeverCounts",
		},
		"votes are counted, not people": {
			"vote.go", "		if counts = d.Current.uncounted(&voter, counts); b.Choice == Deny || len(counts) == 0 {", "		if b.Choice == Deny {",
			"TestExplorer$|TestVotingAllDay",
		},
		"one vote is two people's": {
			"view.go", "		people = append(people, append(person, user))", "		people = append(people, person, []policy.User{user})",
			"TestVotesThatAThirdJoins|TestExplorer$",
		},
		"a requirement is enough": {
			"vote.go", "	return !slices.ContainsFunc(c.Requirements, func(r Requirement) bool { return len(c.approving(r.PolicyID)) < r.Need })",
			"	return slices.ContainsFunc(c.Requirements, func(r Requirement) bool { return len(c.approving(r.PolicyID)) >= r.Need })",
			"TestEachPersonCountsOnce",
		},
		"a denial waits for others": {
			"vote.go", "	case v.Choice == Deny:\n		c.close(closing{Status: Denied, By: who, Event: follow, Comment: v.Comment}, now)", "	case v.Choice == Deny:",
			"TestVotes$",
		},
		"a denial does not revoke": {
			"vote.go", "	case v.Choice == Deny && c.Status == Approved:", "	case false:",
			"TestVotes$|TestExplorer$",
		},
		"the digest is not compared": {
			"vote.go", "b.Digest != d.Current.Digest", "b.Digest == \"\"",
			"TestVotes$",
		},
		"a relay needs no nonce": {
			"vote.go", "n.Kind != NoticeOutcome && sameText(n.Nonce, r.Nonce) &&", "n.Kind != NoticeOutcome &&",
			"TestRelayedVotes",
		},
		"the nonce is of any mail": {
			"vote.go", "sameText(n.Nonce, r.Nonce) && strings.EqualFold(n.Recipient, r.Email)", "sameText(n.Nonce, r.Nonce) && !strings.EqualFold(r.Email, \"\")",
			"TestRelayedVotes",
		},
		"a relay votes as often as it likes": {
			"vote.go", "old.Relayed && (old.Choice != b.Choice || !old.Voter.same(&v))", "false && old.Voter.same(&v)",
			"TestRelayedVotes",
		},
		"an application votes": {
			"vote.go", "	case p.Kind == identity.Person && p.Has(identity.RoleApprover):", "	case p.Has(identity.RoleApprover):",
			"TestVotes$",
		},
		"an own write is not recognised": {
			"change.go", "		if h.doc.has(event) {", "		if event != \"\" && false {",
			"TestExplorer$",
		},
		"an own write is forgotten with its approval": {
			"change.go", "	return slices.ContainsFunc(d.Earlier, func(l Line) bool { return slices.Contains(l.Events, event) })", "	return false",
			"TestAnOwn",
		},
		"one that is open gives way": {
			"open.go", "		case h.doc.Current.Status.Open() || h.doc.Current.deniedAt(now):\n			return s.standing(h, now)\n		}\n		if h, err = s.create",
			"		}\n		if h, err = s.create",
			"TestExplorer$",
		},
		"a person's no is forgotten": {
			"open.go", "	return c.Status == Denied && now.Before(c.ApproveBy)", "	return false",
			"TestExplorer$",
		},
		"an id recurs": {
			"slot.go", "	return max(g+1, Generation(now.UnixMilli()))", "	return Generation(now.UnixMilli())",
			"TestExplorer$|TestGenerationsRise",
		},
		"an answer is given again after a revocation": {
			"closing.go", "			u.Withdrawn = true\n", "",
			"TestRevokingAfterTheUse",
		},
		"a late revocation is not logged": {
			"closing.go", "	if err := s.log.Refuse(ctx, refusal); err != nil {", "	if err := s.log.Refuse(ctx, refusal); false {",
			"TestRevokingAfterTheUseIsLoggedFirst",
		},
		"anybody cancels": {
			"closing.go", "	return lower(p.Application) == d.Current.Application && p.Kind != identity.Developer", "	return true",
			"TestCancel",
		},
		"what is approved is cancelled": {
			"closing.go", "		if d.Current.Status != Pending {", "		if !d.Current.Status.Open() {",
			"TestCancel",
		},
		"anybody revokes": {
			"closing.go", "		if !s.mayRevoke(r.Principal, d, now) {", "		if false {",
			"TestRevoke$",
		},
		"sweeping stops at a failure": {
			"deliver.go", "			if _, err := s.listed(ctx, r, now); err != nil && !errors.Is(err, ErrNotFound) {\n				errs = append(errs, err)",
			"			if _, err := s.listed(ctx, r, now); err != nil && !errors.Is(err, ErrNotFound) {\n				return err",
			"TestSweepRevokes",
		},
		"messages are not leased": {
			"deliver.go", "			n.LeasedUntil = stamp(now.Add(lease))\n", "			n.LeasedUntil = stamp(now)\n",
			"TestLeasesOfMessages",
		},
		"a lease is for ever": {
			"notify.go", "	if n.LeasedUntil.After(n.Due) {\n		return n.LeasedUntil\n", "	if n.LeasedUntil.After(n.Due) {\n		return n.LeasedUntil.AddDate(1, 0, 0)\n",
			"TestLeasesOfMessages",
		},
		"a question is asked about what is decided": {
			"notify.go", "		return n.waits() && !n.LeasedUntil.After(now) && n.Kind != NoticeOutcome\n", "		return false\n",
			"TestNobodyIsAsked",
		},
		"a question is left to the next approval": {
			"notify.go", "		if n.waits() && n.Kind == NoticeOutcome {\n			d.Leftover", "		if n.waits() {\n			d.Leftover",
			"TestADeadProcessLeavesNoQuestion",
		},
		"an outcome dies with its approval": {
			"open.go", "		d.leave(old, line)\n", "",
			"TestOutcomesOutlive",
		},
		"waiting misses a write": {
			"service.go", "	s.watchers.tell(h.doc.Slot)\n", "",
			"TestWaitSeesChanges",
		},
		"waiters are never counted down": {
			"wait.go", "	w.waiting--\n", "",
			"TestWaitersAreBounded",
		},
		"votes are without number": {
			"bounds.go", "	return len(c.Votes) < maxVotes || ", "	return true || ",
			"TestACrowd",
		},
		"an approval takes the room of a no": {
			"vote.go", "	err := d.leaves(roomToClose)", "	err := d.leaves(0)",
			"TestACrowd|TestANoWith",
		},
	}
}

func TestMutants(t *testing.T) {
	if !*mutants {
		t.Skip("takes minutes: run with -mutants")
	}
	for name, m := range mutations() {
		t.Run(name, func(t *testing.T) {
			out, err := m.run(t)
			switch {
			case err == nil:
				t.Errorf("%s passes, want it to fail", m.test)
			case !strings.Contains(out, "--- FAIL: ") && !strings.Contains(out, "panic: "):
				t.Errorf("%s did not run: %v\n%s", m.test, err, out)
			}
		})
	}
}

func (m *mutant) source(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(m.file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("%s holds %q %d times, want once", m.file, m.old, n)
	}
	return string(source)
}

// run runs the test with the mistake in it.
func (m *mutant) run(t *testing.T) (output string, err error) {
	t.Helper()
	path, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	rules, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{changed: []byte(strings.Replace(m.source(t), m.old, m.new, 1)), overlay: rules} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-vet=off", "-failfast", "-rapid.nofailfile", "-timeout=1m", "-run", "^("+m.test+")", ".")
	out, err := command.CombinedOutput()
	return string(out), err
}
