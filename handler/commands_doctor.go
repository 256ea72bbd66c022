package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

type doctorCommand struct {
	Packs    string `help:"Folder of packs; the built-in samples if left out." type:"path" placeholder:"DIR"`
	Data     string `help:"Data directory." type:"path" default:".fabric"`
	URL      string `help:"Address of a running server, to ask whether it is ready." placeholder:"URL"`
	Settings bool   `help:"List every setting with its meaning, and check nothing."`
	JSON     bool   `help:"Print JSON."`
}

func (doctorCommand) Help() string {
	return "Looks at what the program would run on and says what to do about each thing that is wrong. It changes nothing and " +
		"shows no secret. With the settings of a deployment in the environment it looks at Azure, as whoever is signed in there.\n" +
		"Exits with 1 if a check failed.\n" +
		"Example: handler doctor --data .fabric\n" +
		"Example: handler doctor --settings"
}

func (c *doctorCommand) Run(e *environment) error {
	if c.Settings {
		return c.list(e)
	}
	conf, err := readConfig(e.getenv)
	report := doctorReport{Mode: modeOf(e.getenv).String()}
	if err != nil {
		report.Checks = []diagnosis{{"configuration", failed, err.Error(), "Set it right; handler doctor --settings has the meaning of each."}}
	} else {
		conf.packs, conf.data = c.Packs, c.Data
		report.Checks = examine(e.ctx, c.checks(e, conf))
	}
	report.Healthy = !slices.ContainsFunc(report.Checks, func(d diagnosis) bool { return d.State == failed })
	if err := e.write(c.JSON, &report, report.print); err != nil {
		return err
	}
	if !report.Healthy {
		return errFindings
	}
	return e.ctx.Err()
}

// checks are those of the mode, and of a server that is named.
func (c *doctorCommand) checks(e *environment, conf config) []examination {
	checks := localChecks(conf)
	if conf.mode == modeAzure || e.getenv(prefix+"COSMOS_ENDPOINT") != "" {
		checks = azureChecks(conf)
	}
	if c.URL != "" {
		checks = append(checks, examination{"server", serverCheck(c.URL)})
	}
	return checks
}

// told is one setting as the doctor lists it. What a setting holds is not told:
// it may be where a secret is.
type told struct {
	Name     string `json:"name"`
	Default  string `json:"default"`
	Required bool   `json:"requiredInAzure"`
	Set      bool   `json:"set"`
	Meaning  string `json:"meaning"`
}

func (c *doctorCommand) list(e *environment) error {
	list := make([]told, 0, len(settings))
	for _, s := range settings {
		list = append(list, told{prefix + s.name, s.def, s.azure && s.def == "", e.getenv(prefix+s.name) != "", s.meaning})
	}
	return e.write(c.JSON, list, func(w io.Writer) error {
		for _, t := range list {
			def := cmp.Or(t.Default, "none")
			if t.Required {
				def = "required in Azure"
			}
			set := " "
			if t.Set {
				set = "*"
			}
			fmt.Fprintf(w, "%s %-26s %s (%s)\n", set, t.Name, t.Meaning, def)
		}
		_, err := fmt.Fprintln(w, "* is set here.")
		return err
	})
}
