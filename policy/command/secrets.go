package command

import (
	"regexp"
	"strings"
)

// isSecret reports whether a name is like those of secrets: its last part is
// one of the words, or all of it ends in one.
func isSecret(name string) bool {
	name = strings.TrimLeft(name, "-")
	if cut := strings.LastIndexAny(name, "./[:{,?&"); cut >= 0 {
		name = name[cut+1:]
	}
	name = strings.TrimRight(name, "]")
	if secretWords[lower(lastPart(name))] {
		return true
	}
	joined := strings.NewReplacer("-", "", "_", "").Replace(lower(name))
	for _, end := range harmlessEndings {
		if strings.HasSuffix(joined, end) {
			return false
		}
	}
	for _, end := range secretEndings {
		if strings.HasSuffix(joined, end) {
			return true
		}
	}
	return false
}

// lastPart is what stands behind the last separator or the last capital that
// follows a small letter.
func lastPart(name string) string {
	start := strings.LastIndexAny(name, "-_") + 1
	for i := len(name) - 1; i > start; i-- {
		if 'A' <= name[i] && name[i] <= 'Z' && 'a' <= name[i-1] && name[i-1] <= 'z' {
			return name[i:]
		}
	}
	return name[start:]
}

// isSecretHeader reports whether an HTTP header carries a credential.
func isSecretHeader(name string) bool {
	if name == "" || strings.ContainsAny(name, " \t\n/=") {
		return false
	}
	return secretHeaders[lower(name)] || isSecret(name)
}

var (
	// userInfo is what stands in front of the host of a URL.
	userInfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\s'"]*)@`)
	// header is a header in the middle of a text.
	header = regexp.MustCompile(`(?i)((?:proxy-)?authorization|(?:set-)?cookie)(\s*:\s*)[^'"\n]+`)
	netrc  = regexp.MustCompile(`(?i)\b(login\s+\S+\s+password\s+)[^\s'"]+`)
	bearer = regexp.MustCompile(`(?i)\b(bearer\s+)[^\s'"]+`)
	// known are tokens that show by their form what they are.
	known = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*-----|$)` +
		`|\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}` +
		`|sk[-_][A-Za-z0-9_-]{16,}|npm_[A-Za-z0-9]{20,}|pypi-[\w-]{16,}|AIza[\w-]{30,}|ya29\.[\w-]+|SG\.[\w-]{16,}[\w.-]*` +
		`|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|[A-Za-z0-9+/]{86}==|[\w~.-]{3}8Q~[\w~.-]{31,})`)
)

// hidePatterns hides secrets that show wherever they stand. Each expression
// runs only on a text that can hold it: most words hold none.
func hidePatterns(text string) string {
	if longRun(text) || strings.Contains(text, "PRIVATE KEY") {
		text = known.ReplaceAllString(text, hidden)
	}
	if strings.ContainsAny(text, " \t\n") {
		text = netrc.ReplaceAllString(text, "${1}"+hidden)
		text = bearer.ReplaceAllString(text, "${1}"+hidden)
	}
	if !strings.ContainsAny(text, ":=") {
		return text
	}
	if strings.Contains(text, ":") {
		text = header.ReplaceAllString(text, "$1$2"+hidden)
		text = userInfo.ReplaceAllStringFunc(text, hideUserInfo)
	}
	return hidePairs(text)
}

// longRun reports whether a text has a run of characters as long as the
// shortest of the known tokens.
func longRun(text string) bool {
	run := 0
	for i := range len(text) {
		if run++; text[i] <= ' ' {
			run = 0
		}
		if run >= 14 {
			return true
		}
	}
	return false
}

// hideUserInfo keeps a plain user name of other schemes than HTTP, where the
// name alone is often the token.
func hideUserInfo(match string) string {
	scheme, info, _ := strings.Cut(strings.TrimSuffix(match, "@"), "://")
	name, _, password := strings.Cut(info, ":")
	switch {
	case strings.HasPrefix(lower(scheme), "http"):
		return scheme + "://" + hidden + "@"
	case password:
		return scheme + "://" + name + ":" + hidden + "@"
	}
	return match
}

// hidePairs hides the values of secret names, as in queries, forms, JSON, YAML
// and connection strings. A value goes on up to what cannot be a part of it in
// any of them.
func hidePairs(text string) string {
	var b strings.Builder
	written := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '=' && text[i] != ':' || !secretBefore(text[written:i]) {
			continue
		}
		start := i + 1
		for start < len(text) && strings.IndexByte(" \t>", text[start]) >= 0 {
			start++
		}
		end := start + valueLength(text[start:])
		if end == start || isHidden(text[start:end]) {
			continue
		}
		b.WriteString(text[written:start])
		b.WriteString(hidden)
		written, i = end, end-1
	}
	return b.String() + text[written:]
}

// isHidden reports whether a value was hidden before, brackets behind it aside.
func isHidden(value string) bool {
	rest, ok := strings.CutPrefix(value, hidden)
	return ok && strings.Trim(rest, `}]),"'`) == ""
}

// secretBefore reports whether a text ends in a secret name, perhaps quoted.
// Options were looked at as such: what is harmless there stays.
func secretBefore(text string) bool {
	text = strings.TrimRight(strings.TrimRight(text, " \t"), `"'`)
	start := strings.LastIndexFunc(text, func(r rune) bool {
		return r >= 0x80 || !plainByte(byte(r)) && r != '[' && r != ']' || strings.ContainsRune("@%+=:,/", r)
	}) + 1
	name := text[start:]
	if strings.HasPrefix(name, "--") && (start == 0 || strings.IndexByte(" \t\n", text[start-1]) >= 0) {
		return false
	}
	return name != "" && isSecret(name)
}

func valueLength(text string) int {
	if text == "" {
		return 0
	}
	if quote := text[0]; quote == '"' || quote == '\'' {
		if end := strings.IndexByte(text[1:], quote); end >= 0 {
			return end + 2
		}
		return len(text)
	}
	if end := strings.IndexAny(text, " \t\n\"'&;"); end >= 0 {
		return end
	}
	return len(text)
}
