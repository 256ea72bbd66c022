package command

import (
	"slices"
	"strings"
)

// hazard is a way to make a program run another one.
type hazard struct {
	sub      string          // the sub-command it belongs to, "" for any
	always   bool            // whatever the arguments
	leading  bool            // only in front of the sub-command
	bundled  bool            // the first argument may be a cluster without a dash
	plus     bool            // a word that begins with + counts
	short    string          // letters of options
	valued   string          // letters of other options, whose value ends a cluster
	long     []string        // names of options; any beginning of one counts
	harmless map[string]bool // names that are beginnings of those and options of their own
	words    map[string]bool // whole words
	holds    []string        // globs over words in lower case, see [parts]
}

// hazards looks for options and words that make a program run another one.
// start is the place of the sub-command.
func (a *analysis) hazards(name string, core []word, start int) {
	for _, h := range hazards[name] {
		from := 1
		if h.sub != "" {
			if from = subCommand(core, start, h.sub, options{}); from < 0 {
				continue
			}
		}
		if h.always {
			a.opaque(runsArguments, core[min(start, len(core)-1)].offset)
			continue
		}
		to := len(core)
		if h.leading {
			to = min(start, to)
		}
		a.hazard(h, core[from:max(from, to)])
	}
}

func (a *analysis) hazard(h hazard, args []word) {
	optionsEnd := false
	for i, w := range args {
		text := w.text
		if h.bundled && i == 0 && !strings.HasPrefix(text, "-") {
			text = "-" + text
		}
		optionsEnd = optionsEnd || text == "--"
		if h.word(text) || !optionsEnd && h.option(text) {
			a.opaque(runsOption, w.offset)
		}
	}
}

func (h hazard) word(text string) bool {
	if h.words[text] || h.plus && strings.HasPrefix(text, "+") {
		return true
	}
	folded := lower(text)
	return slices.ContainsFunc(h.holds, func(part string) bool { return glob(part, folded) })
}

func (h hazard) option(text string) bool {
	switch {
	case strings.HasPrefix(text, "--"):
		return h.longOption(text[2:])
	case strings.HasPrefix(text, "-"):
		return h.shortOption(text[1:])
	}
	return false
}

// longOption reports whether an option is one of those that run something, or
// the beginning of one: programs accept any that is unambiguous.
func (h hazard) longOption(text string) bool {
	name, _, _ := strings.Cut(text, "=")
	if h.harmless[name] {
		return false
	}
	return slices.ContainsFunc(h.long, func(long string) bool { return strings.HasPrefix(long, name) })
}

// shortOption looks through a cluster up to the first letter with a value.
func (h hazard) shortOption(cluster string) bool {
	for i := range len(cluster) {
		switch {
		case strings.IndexByte(h.short, cluster[i]) >= 0:
			return true
		case strings.IndexByte(h.valued, cluster[i]) >= 0:
			return false
		}
	}
	return false
}
