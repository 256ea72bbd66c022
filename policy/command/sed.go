package command

import "strings"

// sed looks through the scripts of a sed command for what runs a program: the
// command e and the flag e of s (GNU sed), and scripts in files. What is not
// understood counts as such a script.
func (a *analysis) sed(args []word) {
	explicit, script := false, -1
	for i := 0; i < len(args); i++ {
		text := args[i].text
		switch {
		case text == "--":
			continue
		case strings.HasPrefix(text, "--"):
			explicit = a.sedLong(args, &i) || explicit
		case strings.HasPrefix(text, "-") && text != "-":
			explicit = a.sedShort(args, &i) || explicit
		case script < 0:
			script = i
		}
	}
	if !explicit && script >= 0 {
		a.sedScript(args[script], args[script].text)
	}
}

// sedLong reads --expression and its like, by any beginning. It reports
// whether the option holds the script.
func (a *analysis) sedLong(args []word, i *int) bool {
	w := args[*i]
	name, value, attached := strings.Cut(w.text[2:], "=")
	switch {
	case strings.HasPrefix("expression", name):
		if !attached && *i+1 < len(args) {
			*i++
			w = args[*i]
			value = w.text
		}
		a.sedScript(w, value)
		return true
	case strings.HasPrefix("file", name):
		a.opaque(runsScript, w.offset)
		return true
	case strings.HasPrefix("line-length", name) && !attached:
		*i++
	}
	return false
}

// sedShort reads a cluster of letters.
func (a *analysis) sedShort(args []word, i *int) bool {
	w := args[*i]
	letters := w.text[1:]
	for at := range len(letters) {
		value := letters[at+1:]
		switch letters[at] {
		case 'e':
			if value == "" && *i+1 < len(args) {
				*i++
				w = args[*i]
				value = w.text
			}
			a.sedScript(w, value)
			return true
		case 'f':
			a.opaque(runsScript, w.offset)
			return true
		case 'l':
			if value == "" {
				*i++
			}
			return false
		case 'i', 'I':
			return false
		}
	}
	return false
}

func (a *analysis) sedScript(w word, script string) {
	s := sedReader{rest: script}
	if w.marked != "" || !s.edits() {
		a.opaque(runsScript, w.offset)
	}
}

// sedReader reads a sed script from the left.
type sedReader struct{ rest string }

// edits reports whether the script holds nothing but commands that edit text
// or read and write files.
func (s *sedReader) edits() bool {
	for {
		s.rest = strings.TrimLeft(s.rest, " \t\n;}")
		if s.rest == "" {
			return true
		}
		if !s.address() || !s.command() {
			return false
		}
	}
}

// address skips addresses and "!".
func (s *sedReader) address() bool {
	for {
		s.rest = strings.TrimLeft(s.rest, " \t,!~+$0123456789")
		switch {
		case s.rest == "":
			return false
		case s.rest[0] == '/':
			s.rest = s.rest[1:]
			if !s.upTo('/') {
				return false
			}
		case s.rest[0] == '\\' && len(s.rest) > 1:
			delimiter := s.rest[1]
			s.rest = s.rest[2:]
			if !s.upTo(delimiter) {
				return false
			}
		default:
			return true
		}
		s.rest = strings.TrimLeft(s.rest, "IM") // the flags of a regular expression
	}
}

func (s *sedReader) command() bool {
	c := s.rest[0]
	s.rest = s.rest[1:]
	switch c {
	case '{', '=', 'd', 'D', 'g', 'G', 'h', 'H', 'n', 'N', 'p', 'P', 'x', 'z', 'F':
		return true
	case 'q', 'Q', 'l', 'L':
		s.rest = strings.TrimLeft(s.rest, " \t0123456789")
		return true
	case ':', 'b', 't', 'T':
		return s.label()
	case 'a', 'i', 'c', 'r', 'R', 'w', 'W', '#':
		// Text and names of files go up to the end of the line. Text over
		// several lines is not read: what is text and what a command depends
		// on the version.
		line, rest, _ := strings.Cut(s.rest, "\n")
		s.rest = rest
		return !strings.HasSuffix(line, `\`)
	case 's', 'y':
		return s.substitute(c)
	}
	return false
}

// label skips a label. It ends at a semicolon for some versions of sed, and
// what follows would be a command.
func (s *sedReader) label() bool {
	end := strings.IndexAny(s.rest, ";}\n")
	if end < 0 {
		end = len(s.rest)
	}
	s.rest = s.rest[end:]
	return true
}

func (s *sedReader) substitute(c byte) bool {
	if s.rest == "" {
		return false
	}
	delimiter := s.rest[0]
	s.rest = s.rest[1:]
	if delimiter == '\\' || delimiter == '\n' || !s.upTo(delimiter) || !s.upTo(delimiter) {
		return false
	}
	if c == 'y' {
		return true
	}
	s.rest = strings.TrimLeft(s.rest, "gpiIm0123456789M")
	switch {
	case s.rest == "" || strings.IndexByte(" \t\n;}#", s.rest[0]) >= 0:
		return true
	case s.rest[0] == 'w':
		_, s.rest, _ = strings.Cut(s.rest, "\n")
		return true
	}
	return false
}

// upTo skips to behind the next delimiter. A delimiter inside brackets ends
// the expression for some versions of sed and not for others.
func (s *sedReader) upTo(delimiter byte) bool {
	for i := 0; i < len(s.rest); i++ {
		switch s.rest[i] {
		case '\\':
			i++
		case '[':
			if end := strings.IndexByte(s.rest[i:], ']'); end > 0 && strings.IndexByte(s.rest[i:i+end], delimiter) >= 0 {
				return false
			}
		case delimiter:
			s.rest = s.rest[i+1:]
			return true
		}
	}
	return false
}
