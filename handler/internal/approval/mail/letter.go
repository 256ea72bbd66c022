package mail

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
)

// letter is what both bodies are rendered from, in order.
type letter struct {
	Kicker   string
	Headline string
	Title    string // "" where Headline says it
	Resource string // "" where Headline says it
	Sections []section
	Button   string // what the link says
	Cut      bool   // the mail does not hold all there is to know: Button is none
	Link     string
	Foot     string
}

// section is a part of a letter. A boxed one holds free text.
type section struct {
	Title string
	Lines []string
	Facts []sheet.Fact
	Note  string // about Facts
	Box   string
	Agent bool // Box is the agent's, not a person's
	Loud  bool // the first of Lines stands out
}

// foot says where the link leads: whoever reads only the button does not see.
func foot(link string) string {
	host := "the page"
	if u, err := url.Parse(link); err == nil {
		host = u.Host
	}
	return "The link leads to " + host + ", where you sign in. Neither it nor this mail allows anything by itself."
}

func letterOf(m *Input) *letter {
	s := &m.Sheet
	l := &letter{Kicker: kicker(m), Headline: s.Headline, Link: m.Link, Button: "See it on the page", Foot: foot(m.Link)}
	if s.Title != s.Headline {
		l.Title = s.Title
	}
	if s.Resource != s.Headline {
		l.Resource = s.Resource
	}
	if s.Outcome != "" {
		l.add(section{Title: "What became of it", Lines: []string{s.Outcome}, Loud: true})
	}
	if s.Comment != "" {
		l.add(section{Title: "Written by the person who decided", Box: s.Comment})
	}
	l.add(section{Title: "Who asks", Lines: []string{s.Who, "Through " + s.Agent}})
	if s.Pending {
		l.Button = "Sign in and decide"
		l.add(section{Title: "Why a person is needed", Lines: s.Why})
	}
	l.add(parameters(s))
	if s.Open {
		l.add(section{Title: until(s), Lines: []string{s.Deadline, s.Then}, Loud: true})
		l.add(section{Title: "What approving does", Lines: []string{s.Effect}})
	}
	if s.Pending {
		l.add(section{Title: "Who decides", Lines: deciders(s)})
		l.add(section{Title: "Asked before", Lines: []string{s.Past}})
		l.add(section{Title: "Written by the agent. Not verified.", Box: s.Said, Agent: true})
	}
	return l
}

// add appends a section that is not empty.
func (l *letter) add(s section) {
	var lines []string
	for _, line := range s.Lines {
		if line != "" {
			lines = append(lines, line)
		}
	}
	if s.Lines = lines; len(lines) > 0 || len(s.Facts) > 0 || s.Box != "" {
		l.Sections = append(l.Sections, s)
	}
}

func until(s *sheet.Sheet) string {
	if s.Pending {
		return "Decide by"
	}
	return "Make the call by"
}

// kicker says what the mail is about, in a few words of ours.
func kicker(m *Input) string {
	if !m.Sheet.Pending {
		return m.Sheet.Status
	}
	switch m.Kind {
	case approval.NoticeReminder:
		return "Reminder: approval needed"
	case approval.NoticeEscalated:
		return "Approval needed, and you may decide now too"
	case approval.NoticePassedOn:
		return "Approval needed, passed on by another approver"
	case approval.NoticeAsked, approval.NoticeOutcome:
	}
	return "Approval needed"
}

func parameters(s *sheet.Sheet) section {
	out := section{Title: fmt.Sprintf("%d parameters", len(s.Facts)), Facts: s.Facts}
	if len(s.Facts) == 1 {
		out.Title = "1 parameter"
	}
	if s.Escapes {
		out.Note = `Characters that cannot be seen are written as \u{…}.`
	}
	return out
}

func deciders(s *sheet.Sheet) []string {
	var lines []string
	for _, r := range s.Progress {
		votes := "votes"
		if r.Need == 1 {
			votes = "vote"
		}
		line := fmt.Sprintf("%d %s of %s, %d so far (rule %s)", r.Need, votes, strings.Join(r.Approvers, " or "), r.Have, r.Title)
		if len(r.Except) > 0 {
			line += "; not " + strings.Join(r.Except, ", ")
		}
		lines = append(lines, line)
	}
	return lines
}

// What a shortened letter holds: so much that the reader knows what it is
// about, and never enough to decide.
const (
	shortFacts = 40
	shortValue = 400 // bytes
)

// shorten leaves out what is long. It takes the button away: nobody is to be
// led to a decision by a mail that does not show all.
func (l *letter) shorten(m *Input) {
	l.Button, l.Cut = "Read it on the page", true
	l.Foot = "This call is too long for a mail: parts of it are left out above. Read it whole on the page, after signing in, before you decide. " + l.Foot
	for i := range l.Sections {
		s := &l.Sections[i]
		if s.Box = short(s.Box); len(s.Facts) == 0 {
			for j, line := range s.Lines {
				s.Lines[j] = short(line)
			}
			s.Lines = s.Lines[:min(len(s.Lines), shortFacts)]
			continue
		}
		var facts []sheet.Fact
		for _, f := range s.Facts[:min(len(s.Facts), shortFacts)] {
			facts = append(facts, shortFact(f))
		}
		s.Facts = facts
		if left := len(m.Sheet.Facts) - len(facts); left > 0 {
			s.Note = strings.TrimSpace(fmt.Sprintf("%d more are on the page. %s", left, s.Note))
		}
	}
}

func short(s string) string {
	if len(s) <= shortValue {
		return s
	}
	return fmt.Sprintf("(%d characters: read them on the page)", utf8.RuneCountInString(s))
}

func shortFact(f sheet.Fact) sheet.Fact {
	size := len(f.Value)
	for _, item := range f.Items {
		size += len(item)
	}
	if f.Label = short(f.Label); size <= shortValue {
		return f
	}
	if len(f.Items) > 0 {
		return sheet.Fact{Label: f.Label, Mark: f.Mark, Value: fmt.Sprintf("(%d %s: read them on the page)", len(f.Items), f.Noun)}
	}
	f.Value = short(f.Value)
	return f
}
