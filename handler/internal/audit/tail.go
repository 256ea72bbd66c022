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
		if len(entries) >= 2*last { // enough, also if the lanes are uneven
			f.read[o.Name] = o.Size
			continue
		}
		more, err := f.more(ctx, o.Name)
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
		more, err := f.more(ctx, o.Name)
		if err != nil {
			return nil, err
		}
		entries = append(entries, more...)
	}
	sortByTime(entries)
	return entries, nil
}

// more reads the whole lines of a segment that were not read yet.
func (f *follower) more(ctx context.Context, name string) ([]Entry, error) {
	from := f.read[name]
	data, err := readRange(ctx, f.reader, name, from, 1<<40)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	f.read[name] = from + int64(len(data))
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
