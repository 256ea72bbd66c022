package cosmos

import (
	"context"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/authorization-fabric/fabric/handler/internal/azure"
)

const (
	catalogContainer   = "catalog"
	approvalsContainer = "approvals"
)

// link is a client of the SDK whose account has answered.
type link struct {
	client    *azcosmos.Client
	wire      *wire
	catalog   *azcosmos.ContainerClient
	approvals *azcosmos.ContainerClient
}

func (l *link) container(name string) *azcosmos.ContainerClient {
	if name == approvalsContainer {
		return l.approvals
	}
	return l.catalog
}

// dial is an attempt to reach the account; all callers wait for one.
type dial struct {
	done chan struct{} // closed when link and err are set
	link *link
	err  error
}

// reach is the link to the account, made by the first call that needs it. A
// client of the SDK whose account did not answer at once says the same error
// for five minutes; so one that failed is thrown away.
func (d *Database) reach(ctx context.Context) (*link, error) {
	if l := d.current.Load(); l != nil {
		return l, nil
	}
	attempt := d.dial(ctx)
	select {
	case <-attempt.done:
		return attempt.link, attempt.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// dial joins the attempt that is under way, or starts one. It outlives the
// call that starts it, and ends within the time of one call.
func (d *Database) dial(ctx context.Context) *dial {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.current.Load(); l != nil {
		done := make(chan struct{})
		close(done)
		return &dial{done: done, link: l}
	}
	if d.dialing != nil {
		return d.dialing
	}
	attempt := &dial{done: make(chan struct{})}
	d.dialing = attempt
	go func() {
		attempt.link, attempt.err = d.connect(context.WithoutCancel(ctx))
		d.mu.Lock()
		defer d.mu.Unlock()
		if attempt.err == nil {
			d.current.Store(attempt.link)
		}
		d.dialing = nil
		close(attempt.done)
	}()
	return attempt
}

// connect makes a client and lets it read the account.
func (d *Database) connect(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, dialing{}, true), d.timeout)
	defer cancel()
	l, err := d.newLink()
	if err != nil {
		return nil, err
	}
	_, err = l.catalog.ReadItem(ctx, azcosmos.NewPartitionKeyString("-"), "-", nil)
	if !errors.Is(err, errDialed) {
		l.client.Close()
		return nil, fmt.Errorf("reach the account: %w", err)
	}
	return l, nil
}

func (d *Database) newLink() (*link, error) {
	w := &wire{next: d.transport, endpoint: d.endpoint, timeout: d.timeout}
	options := &azcosmos.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: w, Retry: azure.NoRetries()}}
	client, err := d.newClient(options)
	if err != nil {
		return nil, err
	}
	l := &link{client: client, wire: w}
	if l.catalog, err = client.NewContainer(d.database, catalogContainer); err != nil {
		return nil, err
	}
	l.approvals, err = client.NewContainer(d.database, approvalsContainer)
	return l, err
}

func (d *Database) newClient(o *azcosmos.ClientOptions) (*azcosmos.Client, error) {
	if d.key == "" {
		return azcosmos.NewClient(d.endpoint.String(), d.credential, o)
	}
	key, err := azcosmos.NewKeyCredential(d.key)
	if err != nil {
		return nil, errors.New("Cosmos key: no key of an account")
	}
	return azcosmos.NewClientWithKey(d.endpoint.String(), key, o)
}
