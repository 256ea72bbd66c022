package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

type demoCommand struct {
	URL  string `help:"A server that runs already, over the sample packs; its --data must be given too." placeholder:"URL"`
	Data string `help:"Data directory; a new one below the folder for temporary files if left out." type:"path" placeholder:"DIR"`
	Stay bool   `help:"Go on serving the console when the story is told, until Ctrl-C; always so on a terminal." negatable:""`
}

func (demoCommand) Help() string {
	return "Plays the story of one purchase order against a server: its own, or one that runs already.\n" +
		"Every step is checked: exits with 1 if an answer is not the one the story wants.\n" +
		"Example: handler demo --url http://127.0.0.1:7071 --data .fabric"
}

func (c *demoCommand) Run(e *environment) error {
	if c.URL != "" && c.Data == "" {
		return usageError(errors.New("--url: give the server's data directory too (--data), so that tokens can be signed"))
	}
	if c.URL != "" {
		return c.tell(e, c.URL)
	}
	stay := c.Stay || isTerminal(e.out)
	return c.ownServer(e, func(url string) error {
		if err := c.tell(e, url); err != nil || !stay {
			return err
		}
		fmt.Fprintf(e.out, "\nThe server goes on. Stop with Ctrl-C.\n")
		<-e.ctx.Done()
		return nil
	})
}

// isTerminal reports whether a person reads what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// ownServer serves the sample packs on a free port while use runs.
func (c *demoCommand) ownServer(e *environment, use func(url string) error) (err error) {
	conf, err := readConfig(e.getenv)
	if err != nil {
		return err
	}
	if c.Data == "" {
		if c.Data, err = os.MkdirTemp("", "fabric-demo-"); err != nil {
			return fmt.Errorf("make a data directory: %w", err)
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(e.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	conf.data, conf.publicURL = c.Data, "http://"+listener.Addr().String()
	s, err := wire(e.ctx, conf, wireOptions{log: io.Discard})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	serving, stop := context.WithCancel(e.ctx)
	done := make(chan error, 1)
	go func() { done <- s.serve(serving, listener) }()
	err = use(conf.publicURL)
	stop()
	return errors.Join(err, <-done, s.close(context.WithoutCancel(e.ctx)))
}

// tell plays the story and then reads the log.
func (c *demoCommand) tell(e *environment, url string) error {
	s := &story{ctx: e.ctx, out: e.out, data: c.Data}
	if err := s.cast(e, url); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "One purchase order, at %s (data: %s)\n", url, c.Data)
	for i, step := range s.steps() {
		fmt.Fprintf(e.out, "\n%2d. %s\n", i+1, step.title)
		if err := step.play(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	fmt.Fprintf(e.out, "\nWhat the log says (handler audit verify --data %s):\n\n", c.Data)
	if err := (&verifyCommand{logFlags: logFlags{Data: c.Data}}).Run(e); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "\nWhy did it run (handler audit why %s --data %s)?\n\n", s.used.DecisionID, c.Data)
	if err := (&whyCommand{logFlags: logFlags{Data: c.Data}, ID: s.used.DecisionID, Limit: 1}).Run(e); err != nil {
		return err
	}
	_, err := fmt.Fprintf(e.out, "\nThe same in the console, for %s, %s or an auditor: %s/console/decisions/%s\n",
		demoAnalyst, demoManager, url, s.used.DecisionID)
	return err
}

// The people and the application of the sample packs.
const (
	demoAnalyst = "ana@contoso.com"
	demoManager = "mia@contoso.com"
	demoAgent   = "finance-agent"
	demoFlow    = "aaaaaaaa-0000-4000-8000-000000000001"
)

// cast has everybody of the story sign in: Ana through the agent's flow, Mia,
// and Ana where she tries to approve.
func (s *story) cast(e *environment, url string) error {
	nobody, err := newAPIClient(url, "")
	if err != nil {
		return err
	}
	for _, who := range []struct {
		client    **apiClient
		upn, role string
	}{
		{&s.analyst, demoAnalyst, identity.RoleAuthorize},
		{&s.manager, demoManager, identity.RoleApprover},
		{&s.analystAsApprover, demoAnalyst, identity.RoleApprover},
	} {
		token, err := mint(e, s.data, "", demoFlow, who.upn, who.role)
		if err != nil {
			return err
		}
		*who.client = nobody.as(token)
	}
	return nil
}

// newestMail is the mail to a person that was written last, "" if there is none.
func (s *story) newestMail() string {
	mails, err := filepath.Glob(filepath.Join(s.data, "mail", "*.eml"))
	if err != nil || len(mails) == 0 {
		return ""
	}
	return policy.Visible(mails[len(mails)-1])
}
