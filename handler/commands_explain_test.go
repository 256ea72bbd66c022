package main

import (
	"slices"
	"testing"

	"github.com/authorization-fabric/fabric/policy"
)

// Without --agent the agent is one that could act for the user of --as, or
// without any; what is still open after that is asked back.
func TestExplainFindsTheAgent(t *testing.T) {
	actions := []policy.CommandAction{
		{Agent: "desk", Action: "bash", Users: []string{"verified"}},
		{Agent: "day", Action: "bash", Users: []string{"verified", "asserted"}},
		{Agent: "night", Action: "bash", Users: []string{"none"}},
		{Agent: "any", Action: "run", Users: []string{"asserted", "none"}},
	}
	for _, c := range []struct {
		name string
		explainCommand
		want []string
	}{
		{"nothing said", explainCommand{}, []string{"night", "any"}},
		{"a user", explainCommand{As: "olga@contoso.com"}, []string{"desk", "day", "any"}},
		{"an action", explainCommand{Action: "bash"}, []string{"night"}},
		{"an action and a user", explainCommand{Action: "run", As: "olga@contoso.com"}, []string{"any"}},
		{"an agent that takes no user", explainCommand{Agent: "night", As: "olga@contoso.com"}, []string{"night"}},
		{"an agent that needs one", explainCommand{Agent: "day"}, []string{"day"}},
		{"nobody", explainCommand{Agent: "nobody"}, nil},
	} {
		var got []string
		for _, a := range c.fitting(slices.Clone(actions)) {
			got = append(got, a.Agent)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: fitting = %v, want %v", c.name, got, c.want)
		}
	}
}
