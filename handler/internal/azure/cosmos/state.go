package cosmos

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
)

// State is what can be seen of the account and the database from here.
type State struct {
	WriteRegions []string // one, or the database is refused
	MultiWrite   bool     // see [ErrMultiWrite]
	// Consistency is the account's level. With Strong or BoundedStaleness a
	// process sees at once what another wrote, with Session a little later.
	Consistency string
	Containers  []Container
	// Clock is how far the service's clock is ahead of this machine's, to about
	// a second.
	Clock time.Duration
}

// Container is what is wrong with one of the two, if anything.
type Container struct {
	Name string
	// Fault is what stands in its way; "" is that it can be used.
	Fault string
}

// State looks at the account and both containers. The error says that they
// cannot be reached, or may not be used.
func (d *Database) State(ctx context.Context) (State, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	l, err := d.reach(ctx)
	if err != nil {
		return State{}, notSent(call{operation: "look at", container: "the account"}, err)
	}
	var s State
	for _, name := range []string{catalogContainer, approvalsContainer} {
		fault, clock, err := d.look(ctx, l, name)
		if err != nil {
			return s, err
		}
		s.Containers = append(s.Containers, Container{name, fault})
		s.Clock = cmp.Or(s.Clock, clock) // one that does not exist tells no time
	}
	a := l.wire.account.Load()
	s.MultiWrite, s.Consistency = a.multiWrite(), a.Consistency.Level
	for _, r := range a.Writable {
		s.WriteRegions = append(s.WriteRegions, r.Name)
	}
	return s, nil
}

// look says what is wrong with a container.
func (d *Database) look(ctx context.Context, l *link, name string) (fault string, clock time.Duration, err error) {
	res, err := l.container(name).Read(ctx, nil)
	if err != nil {
		f := faultOf(call{operation: "look at", container: name}, err)
		if f.Status == http.StatusNotFound {
			return "it does not exist: deploy again", 0, nil
		}
		return "", 0, f
	}
	if at, err := http.ParseTime(res.RawResponse.Header.Get("Date")); err == nil {
		clock = at.Sub(d.tokens.now()).Round(time.Second)
	}
	return wrongWith(name, res.ContainerProperties), clock, nil
}

func wrongWith(name string, p *azcosmos.ContainerProperties) string {
	switch {
	case p == nil:
		return "it says nothing of itself"
	case !slices.Equal(p.PartitionKeyDefinition.Paths, []string{"/pk"}):
		return "its partition key is " + strings.Join(p.PartitionKeyDefinition.Paths, ", ") + ", not /pk: make it anew"
	case name == approvalsContainer && p.DefaultTimeToLive == nil:
		return "time to live is off: set it to -1, or closed approvals stay for ever"
	case p.DefaultTimeToLive != nil && *p.DefaultTimeToLive > 0:
		return "a default time to live deletes what is needed: set it to -1"
	}
	return ""
}
