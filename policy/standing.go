package policy

import (
	"slices"
	"time"
)

// AgentStanding is an agent as its callers see it.
type AgentStanding struct {
	ID, Title      string
	Actions, Users []string
}

// Standing is what the packs in effect say of a subject before it asks for
// anything: the roles it holds, and the agents its application may call for.
func (s *Set) Standing(sub Subject, now time.Time) (roles []RoleGrant, agents []AgentStanding) {
	u := s.at(now.UnixNano()).byTenant[asciiLower(sub.Tenant)]
	if u == nil {
		return nil, nil
	}
	if sub.Identity != None {
		who := personOf(&sub.User)
		for _, p := range u.packs {
			roles = append(roles, p.roles.granted(p.src.Pack, who, "")...)
		}
	}
	for _, p := range u.packs {
		for i := range p.src.Agents {
			a := p.agents[p.src.Agents[i].ID]
			if sub.AnyAgent || slices.Contains(a.callers, asciiLower(sub.Application)) {
				agents = append(agents, AgentStanding{ID: a.src.ID, Title: a.src.Title, Actions: a.actions, Users: a.users()})
			}
		}
	}
	return roles, agents
}

// users are the grades of identity that the agent takes.
func (a *agent) users() []string {
	var out []string
	for _, i := range []Identity{Verified, Asserted, None} {
		if a.takes[i] {
			out = append(out, i.String())
		}
	}
	return out
}

// granted lists the roles held, each once, with the membership it came through.
func (b *rolebook) granted(pack string, p person, agent string) []RoleGrant {
	var out []RoleGrant
	b.each(p, agent, func(g grant) {
		name := b.names[g.role]
		if !slices.ContainsFunc(out, func(x RoleGrant) bool { return x.Role == name }) {
			out = append(out, RoleGrant{Pack: pack, Role: name, Via: g.via})
		}
	})
	return out
}

// CommandAction is an action with a command and an agent that exposes it.
type CommandAction struct {
	Agent, Action, Parameter string
	Users                    []string // the grades of identity that the agent takes
}

// CommandActions are the actions with a command that agents of the packs in
// effect expose, in the order of packs and agents.
func (s *Set) CommandActions(now time.Time) []CommandAction {
	var out []CommandAction
	for _, p := range s.activeAt(now.UnixNano()) {
		for i := range p.src.Agents {
			agent := p.agents[p.src.Agents[i].ID]
			for _, name := range agent.actions {
				if a := p.actions[name]; a.command >= 0 {
					out = append(out, CommandAction{agent.src.ID, name, a.params[a.command].name, agent.users()})
				}
			}
		}
	}
	return out
}
