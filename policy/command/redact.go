package command

import "strings"

// hidden stands in place of a secret.
const hidden = "***"

// maxRedactions bounds how often a quoted text is read as a command of its
// own; what is nested deeper is hidden whole.
const maxRedactions = 6

// Redacted is the line for people and records, with its secrets hidden: see
// [Redact].
func (l Line) Redacted() string { return Redact(l.text) }

// Redact hides what looks like a secret in a command line: values of headers,
// options, variables and query keys with such names, passwords in URLs and
// behind "-u name:", and well-known kinds of tokens. It needs no line that
// parses. What it does not know it leaves, so that the line stays evidence: a
// secret among plain arguments is not found.
func Redact(text string) string {
	return hidePatterns(redact(text, 0))
}

func redact(text string, depth int) string {
	var b strings.Builder
	s := scan{depth: depth}
	written := 0
	for _, t := range tokens(text) {
		b.WriteString(text[written:t.start])
		written = t.end
		if t.operator {
			s.reset()
			b.WriteString(text[t.start:t.end])
			continue
		}
		if shown := s.word(t.text); shown != t.text {
			b.WriteString(showWord(shown))
			continue
		}
		b.WriteString(text[t.start:t.end])
	}
	b.WriteString(text[written:])
	return b.String()
}

// showWord quotes what needs it; the stars of a hidden text need none.
func showWord(word string) string {
	if plain(strings.ReplaceAll(word, hidden, "x")) {
		return word
	}
	return quote(word)
}

// scan goes through the words of one command and knows what the next word is.
type scan struct {
	depth   int
	program string
	next    func(string) string // for the value of the option before; nil without one
	login   bool                // the command logs in: -p is a password
	secret  bool                // the command is about secrets: so is its value
}

func (s *scan) reset() { *s = scan{depth: s.depth} }

// word is what to show for a word.
func (s *scan) word(text string) string {
	if hide := s.next; hide != nil {
		s.next = nil
		return hide(text)
	}
	if strings.HasPrefix(text, "-") && len(text) > 1 {
		return s.option(text)
	}
	if name, _, ok := strings.Cut(text, "="); ok && isName(name) && isSecret(name) {
		return name + "=" + hidden
	}
	if s.program == "" && !strings.Contains(text, "=") && !wrappers[tool(text)] {
		s.program = tool(text)
	}
	s.login = s.login || text == "login"
	s.secret = s.secret || strings.Contains(text, "secret")
	return s.plain(text)
}

// plain is a word that is no option: a header, a command line, or text with
// secrets in it.
func (s *scan) plain(text string) string {
	if name, value, ok := strings.Cut(text, ":"); ok && isSecretHeader(strings.TrimSpace(name)) {
		if value = strings.TrimSpace(value); value == "" {
			s.next = hide
			return text
		}
		return name + ": " + hidden
	}
	if !strings.ContainsAny(text, " \t\n") {
		return hidePatterns(text)
	}
	if s.depth >= maxRedactions {
		return hidden
	}
	return hidePatterns(redact(hidePatterns(text), s.depth+1))
}

func (s *scan) option(text string) string {
	name, value, attached := strings.Cut(text, "=")
	long := strings.HasPrefix(text, "--")
	bare := strings.TrimLeft(name, "-")
	switch {
	case long && s.isSecretOption(bare):
		if !attached {
			s.next = hide
			return text
		}
		return name + "=" + hidden
	case long && userOptions[bare]:
		if !attached {
			s.next = hideUser
			return text
		}
		return name + "=" + hideUser(value)
	case long && attached:
		return name + "=" + s.plain(value)
	case long:
		return text
	case attached && len(bare) > 1 && isSecret(bare): // -Dpassword=x, -var=…
		return name + "=" + hidden
	}
	return s.shortOption(text)
}

// shortOption looks for a letter that takes a secret, alone, at the end of a
// cluster, or with the secret attached.
func (s *scan) shortOption(text string) string {
	letter, value := text[:2], text[2:]
	switch {
	case letter == "-u" || letter == "-U":
		if value == "" {
			s.next = hideUser
			return text
		}
		return letter + hideUser(value)
	case letter == "-H" && value != "":
		return letter + s.plain(value)
	case value == "" && (secretLetters[s.program][letter] || s.login && letter == "-p" || s.secret && letter == "-b"):
		s.next = hide
		return text
	case value != "" && (secretLetters[s.program][letter] || attachedLetters[s.program][letter] || s.login && letter == "-p"):
		return letter + hidden
	case strings.HasSuffix(value, "u"):
		s.next = hideUser // curl -su name:secret
		return text
	}
	return letter + s.plain(value)
}

// isName reports whether all of a text is a name, such as a variable or a key
// with a path in front.
func isName(text string) bool {
	return plain(text) && !strings.ContainsAny(text, "@%+=:,/")
}

func (s *scan) isSecretOption(name string) bool {
	if harmlessOptions[name] || harmlessWith[s.program][name] {
		return false
	}
	return isSecret(name) || s.secret && secretValues[name]
}

func hide(text string) string {
	if isHidden(text) {
		return text
	}
	return hidden
}

// hideUser hides the secret of name:secret, and a name that stands for one
// because nothing is behind it.
func hideUser(text string) string {
	for _, mark := range []string{":", "%"} {
		name, secret, ok := strings.Cut(text, mark)
		switch {
		case ok && secret == "":
			return hidden + mark
		case ok:
			return name + mark + hidden
		}
	}
	return text
}

// token is a word or an operator of a text that need not be bash.
type token struct {
	start, end int
	text       string // quotes removed
	operator   bool
}

// tokens splits a text as a shell would, roughly: a quote that is not closed
// goes on to the end.
func tokens(text string) []token {
	var out []token
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t':
			i++
		case strings.IndexByte(operators, c) >= 0:
			out = append(out, token{start: i, end: i + 1, operator: true})
			i++
		default:
			t := wordToken(text, i)
			out = append(out, t)
			i = t.end
		}
	}
	return out
}

const operators = ";&|()<>`\n"

func wordToken(text string, start int) token {
	var b strings.Builder
	var quoted byte
	i := start
	for ; i < len(text); i++ {
		c := text[i]
		switch {
		case c == quoted && quoted != 0:
			quoted = 0
		case c == '\\' && quoted != '\'' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case quoted != 0:
			b.WriteByte(c)
		case c == '\'' || c == '"':
			quoted = c
		case c == ' ' || c == '\t' || strings.IndexByte(operators, c) >= 0:
			return token{start: start, end: i, text: b.String()}
		default:
			b.WriteByte(c)
		}
	}
	return token{start: start, end: i, text: b.String()}
}
