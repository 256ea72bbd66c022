package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
	"github.com/authorization-fabric/fabric/policy/suite"
)

type explainCommand struct {
	packFlags
	Request string `help:"A request as POST /api/authorize takes it; - reads standard input." placeholder:"FILE" xor:"what" required:""`
	Command string `help:"A command line, for the action that declares one." placeholder:"LINE" xor:"what" required:""`
	Agent   string `help:"With --command: the agent; if left out, the one that exposes the action and takes the user, or none." placeholder:"ID"`
	Action  string `help:"With --command: the action; the only one with a command if left out." placeholder:"ID"`
	As      string `help:"The user (UPN) to ask as, asserted." placeholder:"UPN"`
	Now     string `help:"The instant to decide at." placeholder:"RFC3339"`
	JSON    bool   `help:"Print JSON."`
}

func (explainCommand) Help() string {
	return "Examples:\n  handler policy explain --request order.json\n  handler policy explain --command 'rm -rf /srv' --agent ops-agent --as olga@contoso.com"
}

func (c *explainCommand) Run(e *environment) error {
	set, err := c.load(e)
	if err != nil {
		return err
	}
	now := time.Now()
	if c.Now != "" {
		if now, err = time.Parse(time.RFC3339Nano, c.Now); err != nil {
			return usageError(fmt.Errorf("--now: write an instant like 2026-06-01T09:00:00Z"))
		}
	}
	request, err := c.request(set, now)
	if err != nil {
		return err
	}
	in, err := suite.Input(set, request, now)
	if err != nil {
		return usageError(err)
	}
	d := set.Decide(in, true)
	return e.write(c.JSON, suite.JSON(&d), d.WriteText)
}

// request reads the request, or makes one around a command line.
func (c *explainCommand) request(set *policy.Set, now time.Time) (strictjson.Value, error) {
	if c.Command != "" {
		return c.around(set, now)
	}
	text, err := readFile(c.Request)
	if err != nil {
		return strictjson.Value{}, err
	}
	v, err := strictjson.Parse(text, strictjson.Limits{})
	if err != nil {
		return strictjson.Value{}, usageError(fmt.Errorf("%s: %w", c.Request, err))
	}
	if c.As != "" {
		members := append(slices.Clone(v.Members()), strictjson.Member{Name: "userUPN", Value: strictjson.StringOf(c.As)})
		members = slices.DeleteFunc(members[:len(members)-1], func(m strictjson.Member) bool { return m.Name == "userUPN" || m.Name == "userId" })
		v = strictjson.ObjectOf(append(members, strictjson.Member{Name: "userUPN", Value: strictjson.StringOf(c.As)})...)
	}
	return v, nil
}

func readFile(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(os.Stdin)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, pathError(path, err)
	}
	return text, nil
}

func (c *explainCommand) around(set *policy.Set, now time.Time) (strictjson.Value, error) {
	fits := c.fitting(set.CommandActions(now))
	if len(fits) == 0 {
		return strictjson.Value{}, usageError(fmt.Errorf("no agent in these packs exposes an action with a command that fits"))
	}
	if len(fits) > 1 && c.Agent == "" {
		var names []string
		for _, a := range fits {
			names = append(names, "--agent "+a.Agent+" --action "+a.Action)
		}
		return strictjson.Value{}, usageError(fmt.Errorf("several fit, choose one: %s", strings.Join(names, "; ")))
	}
	a := fits[0]
	text := func(name, v string) strictjson.Member {
		return strictjson.Member{Name: name, Value: strictjson.StringOf(v)}
	}
	members := []strictjson.Member{
		text("agentId", a.Agent), text("action", a.Action),
		{Name: "resource", Value: strictjson.ObjectOf(text("id", "local"))},
		{Name: "parameters", Value: strictjson.ObjectOf(text(a.Parameter, c.Command))},
	}
	if c.As != "" {
		members = append(members, text("userUPN", c.As))
	}
	return strictjson.ObjectOf(members...), nil
}

// fitting are the actions that the flags admit. Where there is a choice, those
// of agents that could not act for such a user, or without one, do not fit.
func (c *explainCommand) fitting(actions []policy.CommandAction) []policy.CommandAction {
	fits := slices.DeleteFunc(actions, func(a policy.CommandAction) bool {
		return c.Action != "" && a.Action != c.Action || c.Agent != "" && a.Agent != c.Agent
	})
	taking := slices.DeleteFunc(slices.Clone(fits), func(a policy.CommandAction) bool {
		isNone := func(grade string) bool { return grade == policy.None.String() }
		if c.As == "" {
			return !slices.ContainsFunc(a.Users, isNone)
		}
		return len(a.Users) == 1 && isNone(a.Users[0])
	})
	if len(taking) > 0 {
		return taking
	}
	return fits
}
