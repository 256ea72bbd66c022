package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// TailOptions say what [Tail] shows. The zero value is the last ten records.
type TailOptions struct {
	Environment string // "" means all
	Last        int    // records of those that are there; 0 means 10, less than 0 none
	Follow      bool   // go on with what comes, until the context ends
	Poll        time.Duration
}

const (
	defaultLast = 10
	defaultPoll = time.Second
)

// Tail gives the newest records to emit, oldest first, and with Follow those
// that come. Records of several lanes come in the order of their times as far
// as they are read together. It ends without error when ctx ends while it
// follows, and with the error of emit.
func Tail(ctx context.Context, r Reader, o TailOptions, emit func(Entry) error) error {
	if o.Last == 0 {
		o.Last = defaultLast
	}
	if o.Poll <= 0 {
		o.Poll = defaultPoll
	}
	f := &follower{reader: r, prefix: "v1/", read: map[string]int64{}}
	if o.Environment != "" {
		f.prefix = environmentPrefix(o.Environment)
	}
	entries, err := f.newest(ctx, max(0, o.Last))
	for {
		for _, e := range entries {
			err = errors.Join(err, emit(e))
			if err != nil {
				return err
			}
		}
		switch {
		case ctx.Err() != nil && o.Follow:
			return nil
		case err != nil:
			return fmt.Errorf("tail: %w", err)
		case !o.Follow || !wait(ctx, o.Poll):
			return nil
		}
		entries, err = f.fresh(ctx)
	}
}

// follower remembers how far each segment was read.
type follower struct {
	reader Reader
	prefix string
	read   map[string]int64
}

const (
	tailRecord = 4 << 10 // what a record may take of what is read for it
	tailLeast  = 1 << 20
	tailMost   = 8 << 20 // of one segment at a time
)

// newest are the last so many records there are. Of what is older it only
// notes that it was seen.
func (f *follower) newest(ctx context.Context, last int) ([]Entry, error) {
	objects, err := f.reader.List(ctx, f.prefix)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, o := range slices.Backward(objects) {
		if _, ok := parseSegmentName(o.Name); !ok {
			continue
		}
		f.read[o.Name] = o.Size
		if len(entries) >= 2*last { // enough, also if the lanes are uneven
			continue
		}
		window := min(max(int64(last)*tailRecord, tailLeast), tailMost)
		f.read[o.Name] = max(0, o.Size-window)
		more, err := f.more(ctx, o.Name, f.read[o.Name] > 0)
		if err != nil {
			return nil, err
		}
		entries = append(entries, more...)
	}
	sortByTime(entries)
	return entries[max(0, len(entries)-last):], nil
}

// fresh are the records that came since.
func (f *follower) fresh(ctx context.Context) ([]Entry, error) {
	objects, err := f.reader.List(ctx, f.prefix)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, o := range objects {
		if _, ok := parseSegmentName(o.Name); !ok || o.Size <= f.read[o.Name] {
			continue
		}
		more, err := f.more(ctx, o.Name, false)
		if err != nil {
			return nil, err
		}
		entries = append(entries, more...)
	}
	sortByTime(entries)
	return entries, nil
}

// more reads the whole lines of a segment that were not read yet, some at a
// time. Within says that it begins within a line, which is left out.
func (f *follower) more(ctx context.Context, name string, within bool) ([]Entry, error) {
	from := f.read[name]
	data, err := readRange(ctx, f.reader, name, from, tailMost)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if end := bytes.LastIndexByte(data, '\n') + 1; end > 0 || len(data) < tailMost {
		data = data[:end] // else no line of ours
	}
	f.read[name] = from + int64(len(data))
	if within {
		begin := bytes.IndexByte(data, '\n') + 1
		from, data = from+int64(begin), data[begin:]
	}
	var entries []Entry
	for line := range bytes.Lines(data) {
		if e, ok := parseEntry(name, from, line); ok {
			entries = append(entries, e)
		}
		from += int64(len(line))
	}
	return entries, nil
}

func sortByTime(entries []Entry) {
	slices.SortStableFunc(entries, func(a, b Entry) int { return a.Time.Compare(b.Time) })
}

// Text is the record on one line, for people.
func (e Entry) Text() string {
	line := fmt.Sprintf("%s  %-17s", stamp(e.Time), printable(string(e.Kind)))
	if e.Kind.isDecision() {
		line += fmt.Sprintf("  %-16s  %s  %s  %s %s  for %s", printable(e.text("decision")), printable(e.text("reasonCode")),
			printable(e.text("agentId")), printable(e.text("action")), printable(e.value.Get("resource").Get("id").Text()), printable(person(e)))
	}
	for _, name := range []string{"decisionId", "eventId", "approvalId", "outcome", "reason"} {
		if text := e.text(name); text != "" {
			line += "  " + printable(text)
		}
	}
	return line
}
