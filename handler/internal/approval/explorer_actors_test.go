package approval_test

import (
	"context"
	"errors"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// twoEyes asks for two people.
func twoEyes() approval.OpenRequest {
	r := order("a")
	r.User = policy.User{ID: "ana"} // without an address: nobody is told, nothing is random
	r.Requirements[0].Need, r.Requirements[0].Notify = 2, nil
	return r
}

func oneEye() approval.OpenRequest {
	r := twoEyes()
	r.Requirements[0].Need = 1
	return r
}

// firstID is the id of an approval that was opened at noon.
func firstID() string {
	return approval.ID(approval.Slot(key, tenant, flow, call0.Digest), approval.Generation(noon.UnixMilli()))
}

var call0 = storetest.CallOf("a")

// opens asks for an approval.
func opens(r approval.OpenRequest) actor {
	return actor{"opener", func(p *process) error {
		return p.again(func() error {
			a, _, err := p.service.Open(context.Background(), r, p.now())
			p.report(told(a, err))
			return err
		})
	}}
}

// votes is a person's vote on the approval there is.
func votes(who string, choice approval.Choice) actor {
	return actor{who, func(p *process) error {
		b := approval.Ballot{ApprovalID: p.currentID(), Choice: choice, Digest: call0.Digest}
		return p.again(func() error {
			a, err := p.service.Vote(context.Background(), reader(person(who)), b, p.now())
			p.report(told(a, err))
			if err == nil {
				p.report(counted(b.ApprovalID, who, choice))
			}
			return err
		})
	}}
}

// agent asks, uses what is approved and opens what is not: what authorize does.
func agent(name, key string, r approval.OpenRequest) actor {
	return actor{name, func(p *process) error {
		return p.again(func() error {
			found, err := p.service.Find(context.Background(), r.Call, approval.Wanted{IdempotencyKey: key}, p.now())
			p.report(told(found.Approval, err))
			switch {
			case err != nil:
				return err
			case found.Replay != nil:
				p.report(mayRun(found.Replay.Generation.String(), found.Replay.DecisionID))
				return nil
			case found.Approval.Status == approval.Approved:
				return p.use(found.Approval.ID, key)
			case found.Facts.State == policy.ApprovalDenied:
				return nil
			}
			a, _, err := p.service.Open(context.Background(), r, p.now())
			if !errors.Is(err, approval.ErrDenied) {
				p.report(told(a, err))
			}
			return err
		})
	}}
}

func (p *process) use(id, key string) error {
	decision := "decision of " + p.actor.name
	a, receipt, err := p.service.Use(context.Background(), approval.Taking{
		Call: call0, Approval: id, DecisionID: decision, IdempotencyKey: key, Answer: []byte(`{}`), Record: []byte(`{}`),
	}, p.now())
	p.report(told(a, err))
	_, generation, _ := approval.ParseID(id)
	switch {
	case err == nil && receipt.Hash == "":
		p.report(func(*state) string { return "is told that it may run, without a receipt" })
	case err == nil:
		p.report(mayRun(generation.String(), decision))
	case errors.Is(err, approval.ErrUsed):
		p.report(lost(generation, decision))
	}
	return err
}

func revokes() actor {
	return actor{"revoker", func(p *process) error {
		return p.again(func() error {
			a, err := p.service.Revoke(context.Background(), reader(auditor()), p.currentID(), "", p.now())
			p.report(told(a, err))
			return err
		})
	}}
}

func cancels() actor {
	return actor{"canceller", func(p *process) error {
		return p.again(func() error {
			a, err := p.service.Cancel(context.Background(), reader(application(flow)), p.currentID(), "", p.now())
			p.report(told(a, err))
			return err
		})
	}}
}

// looks is a read of one and of the list.
func looks() actor {
	return actor{"reader", func(p *process) error {
		a, err := p.service.Get(context.Background(), reader(auditor()), p.currentID(), p.now())
		p.report(told(a, err))
		list, err := p.service.List(context.Background(), reader(auditor()), approval.ListQuery{}, p.now())
		for _, a := range list.Approvals {
			p.report(told(a, err))
		}
		return err
	}}
}
