package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/policy"
)

// localChecks look at what a laptop runs on.
func localChecks(c config) []examination {
	return []examination{
		{"configuration", func(context.Context) []diagnosis { return []diagnosis{fine("every setting can be read")} }},
		{"packs", func(context.Context) []diagnosis { return []diagnosis{checkPacks(c)} }},
		{"data", func(context.Context) []diagnosis { return []diagnosis{checkDataDir(c.data)} }},
		{"audit log", func(ctx context.Context) []diagnosis { return []diagnosis{checkLocalLog(ctx, c)} }},
		{"grant keys", func(context.Context) []diagnosis { return []diagnosis{checkGrantKeys(c.data)} }},
	}
}

func checkPacks(c config) diagnosis {
	from, err := packsFrom(c.packs)
	if err != nil {
		return wrong("Name the folder that holds the packs.", "%v", err)
	}
	docs, err := embedded.ReadDocuments(from)
	if err != nil {
		return wrong("Make the folder readable.", "%v", err)
	}
	set, findings := policy.Load(docs, policy.LoadOptions{Environment: c.environment})
	if set == nil {
		return wrong("handler policy lint has all of it.", "%s", firstError(findings))
	}
	packs := set.Packs(time.Now())
	if len(packs) == 0 {
		return wrong("Write bindings for it, or set FABRIC_ENVIRONMENT.", "no pack is in effect in the environment %s: every call is denied", c.environment)
	}
	return fine("%d packs in effect in the environment %s", len(packs), c.environment)
}

func firstError(findings []policy.Finding) string {
	for _, f := range findings {
		if f.Severity == policy.Error {
			return f.String()
		}
	}
	return "the packs do not load"
}

// checkDataDir looks without making anything.
func checkDataDir(dir string) diagnosis {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fine("%s is not there yet: the server makes it", dir)
	case err != nil:
		return wrong("Make it readable to the server.", "%v", err)
	case !info.IsDir():
		return wrong("Name a folder with --data.", "%s is a file", dir)
	}
	lock, err := embedded.LockDirectory(dir)
	switch {
	case errors.Is(err, embedded.ErrHeld):
		return fine("%s is in use by a server", dir)
	case err != nil:
		return wrong("Make it writable to the server, and to nobody else.", "%v", err)
	}
	if err := lock.Release(); err != nil {
		return wrong("Look at the file system.", "%v", err)
	}
	return fine("%s is free", dir)
}

func checkLocalLog(ctx context.Context, c config) diagnosis {
	r, err := embedded.OpenAuditReader(c.data)
	if errors.Is(err, os.ErrNotExist) {
		return fine("there is no log yet")
	}
	if err != nil {
		return wrong("Make it readable.", "%v", err)
	}
	objects, err := r.List(ctx, "v1/env="+c.environment+"/")
	if err != nil {
		return wrong("Make it readable.", "%v", err)
	}
	return fine("%d objects; handler audit verify checks every record", len(objects))
}

func checkGrantKeys(dir string) diagnosis {
	keys, err := embedded.ReadGrantKeys(dir, time.Now())
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fine("there are none yet: the server makes one")
	case err != nil:
		return wrong("Restore the file from a backup: with new keys, grants that are out count for nothing.", "%v", err)
	}
	return fine("%d published", len(keys.Keys()))
}

// serverCheck asks a running server whether it is ready.
func serverCheck(address string) func(context.Context) []diagnosis {
	return func(ctx context.Context) []diagnosis {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/")+"/api/health/ready", http.NoBody)
		if err != nil {
			return []diagnosis{wrong("Write an address like http://127.0.0.1:7071.", "%q is no address", address)}
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return []diagnosis{wrong("Start it, or look at the network between.", "%s does not answer", address)}
		}
		defer response.Body.Close() //nolint:errcheck // read only
		return readiness(response)
	}
}

func readiness(response *http.Response) []diagnosis {
	var answer struct {
		Ready   bool
		Missing []struct{ Component, Detail string }
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err = errors.Join(err, json.Unmarshal(body, &answer)); err != nil {
		return []diagnosis{wrong("Look whether this is the service's address, and what stands in front of it.", "answers %d, and not as this service does", response.StatusCode)}
	}
	if answer.Ready {
		return []diagnosis{fine("ready")}
	}
	var found []diagnosis
	for _, m := range answer.Missing {
		found = append(found, wrong("Its log names the cause.", "not ready: %s: %s", m.Component, m.Detail))
	}
	return append(found, wrong("See the line before.", "not ready"))
}
