package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/packs"
)

type tokenCommand struct {
	Data    string   `help:"Data directory of the server." type:"path" default:".fabric"`
	User    string   `help:"UPN of the person." placeholder:"UPN"`
	OID     string   `name:"oid" help:"Object id of the person or of the application; made from the name if left out." placeholder:"GUID"`
	Tenant  string   `help:"Tenant; that of the sample packs if left out." placeholder:"GUID"`
	App     string   `help:"Client id of the calling application." placeholder:"GUID" default:"aaaaaaaa-0000-4000-8000-000000000001"`
	AppOnly bool     `help:"A token of the application itself, without a person."`
	Groups  []string `help:"Object ids of groups." placeholder:"GUID"`
	Roles   []string `help:"App roles." placeholder:"ROLE" default:"Fabric.Authorize"`
	For     string   `help:"How long it is valid." default:"8h" placeholder:"DURATION"`
	JSON    bool     `help:"Print JSON."`
}

func (tokenCommand) Help() string {
	return "The token is the last line. Whoever can read the data directory can sign tokens.\n" +
		"Example: handler dev token --user ana@contoso.com --roles Fabric.Authorize"
}

func (c *tokenCommand) Run(e *environment) error {
	lifetime, err := time.ParseDuration(c.For)
	if err != nil || lifetime <= 0 {
		return usageError(fmt.Errorf("--for: %q is no duration such as 8h or 30m", c.For))
	}
	conf, err := readConfig(e.getenv)
	if err != nil {
		return err
	}
	if c.Tenant == "" {
		c.Tenant = sampleTenant()
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return pathError(c.Data, err)
	}
	token, err := embedded.NewIssuer(c.Data, conf.scope, time.Now).Mint(embedded.TokenFor{
		Tenant: c.Tenant, Application: c.App, AppOnly: c.AppOnly, UPN: c.User, ObjectID: c.OID,
		Roles: c.Roles, Groups: c.Groups, Lifetime: lifetime,
	})
	if err != nil {
		return usageError(err)
	}
	return e.write(c.JSON, map[string]string{"token": token}, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, token)
		return err
	})
}

// sampleTenant is the tenant of the built-in packs.
func sampleTenant() string {
	docs, err := embedded.ReadDocuments(packs.FS)
	if err != nil {
		return ""
	}
	set, _ := policy.Load(docs, policy.LoadOptions{})
	if set == nil {
		return ""
	}
	if tenants := set.Tenants(time.Now()); len(tenants) == 1 {
		return tenants[0]
	}
	return ""
}
