package command

// wild is "any run of characters" in a compiled pattern. A command holds no
// control characters, so that it stands for nothing else.
const wild = '\x01'

// In a text, wild and single are what the shell itself may still replace by
// names of files: any run, and any one character, of a single word.
const single = '\x02'

// glob reports whether pattern covers all of text.
func glob(pattern, text string) bool {
	p, t, star, from := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == wild:
			star, from = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == wild {
		p++
	}
	return p == len(pattern)
}

// maxMeeting bounds the table of [meets]; a longer text meets everything.
const maxMeeting = 1 << 16

// meets reports whether some text that the shell could make of the globs in
// text is covered by pattern: whether a file of a fitting name would be enough
// for the command to become one that the pattern means.
func meets(pattern, text string) bool {
	if (len(pattern)+1)*(len(text)+1) > maxMeeting {
		return true
	}
	// next[p] says whether pattern[p:] meets the part of text behind the
	// current place; texts are walked from their end.
	next := make([]bool, len(pattern)+1)
	row := make([]bool, len(pattern)+1)
	for t := len(text); t >= 0; t-- {
		for p := len(pattern); p >= 0; p-- {
			row[p] = meetsAt(pattern, text, p, t, row, next)
		}
		next, row = row, next
	}
	return next[0]
}

func meetsAt(pattern, text string, p, t int, row, next []bool) bool {
	if t == len(text) {
		return p == len(pattern) || pattern[p] == wild && row[p+1]
	}
	if p < len(pattern) && pattern[p] == wild {
		return row[p+1] || next[p]
	}
	switch text[t] {
	case wild:
		return next[p] || p < len(pattern) && pattern[p] != ' ' && row[p+1]
	case single:
		return p < len(pattern) && pattern[p] != ' ' && next[p+1]
	}
	return p < len(pattern) && pattern[p] == text[t] && next[p+1]
}
