package console

import "regexp"

// home is where people go who want nothing in particular.
const home = "/console/approvals"

// places are the pages that a person may be sent to, with what a form adds to
// their path. Nothing else is followed: no host, no query, no second slash.
var places = regexp.MustCompile(`^(/console/(?:approvals|decisions|playground)(?:/[A-Za-z0-9_-]{1,128})?)(?:/(?:vote|pass|revoke))?$`)

// pageOf is the page at a path, or the page whose form it takes; [home] for
// anything else, whoever wrote it.
func pageOf(path string) string {
	if m := places.FindStringSubmatch(path); m != nil {
		return m[1]
	}
	return home
}
