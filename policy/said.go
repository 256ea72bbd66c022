package policy

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/authorization-fabric/fabric/policy/command"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	maxSaid  = 1000 // characters of what the agent wrote, the mark of a cut included
	cutMark  = " [cut]"
	maskMark = "[masked]"
)

// said is what the agent wrote as its reason, with what a mask covers and the
// secrets of the command taken out wherever it repeats them.
func (e *evaluation) said() string {
	v := e.in.Request.Context.Get("reason")
	if v.Kind() != strictjson.String {
		return ""
	}
	return cut(withoutTexts(v.Text(), e.covered()), maxSaid)
}

// covered are the texts that no copy of the call may hold: the values of
// masked parameters, as sent and in canonical form, and secrets of a command.
func (e *evaluation) covered() []string {
	masks := parameterMasks(e.masks)
	var texts []string
	for i, p := range e.act.params {
		if !e.args[i].set {
			continue
		}
		if covers(masks, p.name) {
			texts = appendTexts(texts, e.args[i].value)
			texts = appendTexts(texts, e.in.Request.Parameters.Get(p.name))
		}
		if p.typ == typeCommand {
			texts = append(texts, secretsOf(e.args[i].value.Text())...)
		}
	}
	return texts
}

// appendTexts appends the texts of a value and of everything in it.
func appendTexts(to []string, v strictjson.Value) []string {
	for _, item := range v.Items() {
		to = appendTexts(to, item)
	}
	for _, m := range v.Members() {
		to = appendTexts(to, m.Value)
	}
	if text := v.Text(); text != "" {
		to = append(to, text)
	}
	return to
}

// withoutTexts replaces every occurrence of the texts, in capitals or not.
// Occurrences that overlap become one, so that no end of one is left over from
// another.
func withoutTexts(s string, texts []string) string {
	folded := asciiLower(s) // as long as s
	hide := make([]bool, len(s))
	found := false
	for _, text := range texts {
		text = asciiLower(text)
		for from := 0; text != ""; {
			i := strings.Index(folded[from:], text)
			if i < 0 {
				break
			}
			for j := range len(text) {
				hide[from+i+j] = true
			}
			found, from = true, from+i+1
		}
	}
	if !found {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		end := i
		for end < len(s) && hide[end] == hide[i] {
			end++
		}
		if hide[i] {
			b.WriteString(maskMark)
		} else {
			b.WriteString(s[i:end])
		}
		i = end
	}
	return b.String()
}

// cut keeps at most so many characters, and says so.
func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	keep := most - len(cutMark)
	for i := range s {
		if keep == 0 {
			return s[:i] + cutMark
		}
		keep--
	}
	return s
}

// hiddenSecret stands in a redacted command in place of a secret.
const hiddenSecret = "***"

// secretsOf are the words of a command line that do not survive its redaction,
// and what of them is the secret itself.
func secretsOf(line string) []string {
	redacted := command.Redact(line)
	if redacted == line {
		return nil
	}
	kept := wordsOf(redacted)
	var secrets []string
	for _, word := range wordsOf(line) {
		if !slices.Contains(kept, word) {
			secrets = append(append(secrets, word), inWord(word, kept)...)
		}
	}
	return secrets
}

// inWord is what redaction took out of a word, with the secret of name:secret
// by itself.
func inWord(word string, redacted []string) []string {
	var secrets []string
	for _, stub := range redacted {
		before, after, hidden := strings.Cut(stub, hiddenSecret)
		if !hidden || len(word) <= len(before)+len(after) || !strings.HasPrefix(word, before) || !strings.HasSuffix(word, after) {
			continue
		}
		secret := word[len(before) : len(word)-len(after)]
		secrets = append(secrets, secret)
		if _, part, ok := strings.Cut(secret, ":"); ok {
			secrets = append(secrets, part)
		}
	}
	return secrets
}

func wordsOf(line string) []string {
	return strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\n'\"\\;&|()<>`", r) })
}
