package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// searchBlock is how much is read at once.
const searchBlock = 1 << 20

const (
	// searchChunk is how many segments are looked through before it is asked
	// whether that is enough.
	searchChunk = 16

	// maxFound is how many records of one segment are kept, the newest.
	maxFound = 1000
)

// search finds the records of segments that hold one of the ids as a whole
// string, and for which keep says so. It begins with the newest segments and
// stops when what was found is enough; more says that it did. Records come by
// segment and position.
func search(ctx context.Context, r Reader, segments []*indexed, ids []string, keep func(*Entry) bool, enough func([]Entry) bool) (entries []Entry, more bool, err error) {
	var needles [][]byte
	for _, id := range ids {
		needles = append(needles, strictjson.AppendString(nil, id))
	}
	for len(segments) > 0 && !enough(entries) {
		rest := max(0, len(segments)-searchChunk)
		found, err := searchAll(ctx, r, segments[rest:], needles, keep)
		if err != nil {
			return nil, false, err
		}
		entries, segments = append(found, entries...), segments[:rest]
	}
	return entries, len(segments) > 0, nil
}

// searchAll looks for bytes before it parses, in several segments at a time.
func searchAll(ctx context.Context, r Reader, segments []*indexed, needles [][]byte, keep func(*Entry) bool) ([]Entry, error) {
	found := make([][]Entry, len(segments))
	errs := make([]error, len(segments))
	next := make(chan int)
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(segments)) {
		all.Go(func() {
			s := searcher{needles: needles, keep: keep}
			for i := range next {
				errs[i] = s.segment(ctx, r, segments[i].object)
				found[i], s.found = s.found, nil
			}
		})
	}
	for i := range segments {
		next <- i
	}
	close(next)
	all.Wait()
	return slices.Concat(found...), errors.Join(errs...)
}

// searcher looks through one segment after another.
type searcher struct {
	needles [][]byte
	keep    func(*Entry) bool
	block   []byte
	found   []Entry
}

func (s *searcher) segment(ctx context.Context, r Reader, o Object) (err error) {
	body, err := r.ReadRange(ctx, o.Name, 0)
	if err != nil {
		return fmt.Errorf("read %s: %w", o.Name, err)
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	if want := int(min(o.Size+1, searchBlock)); len(s.block) < want {
		s.block = make([]byte, want)
	}
	var offset int64 // of s.block
	for have := 0; ; {
		if have == len(s.block) { // one line fills it
			s.block = append(s.block, make([]byte, len(s.block))...)
		}
		n, err := io.ReadFull(body, s.block[have:])
		have += n
		lines := bytes.LastIndexByte(s.block[:have], '\n') + 1
		s.lines(o.Name, offset, s.block[:lines])
		have = copy(s.block, s.block[lines:have])
		offset += int64(lines)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil || have > maxLine {
			return err
		}
	}
}

// lines looks through whole lines.
func (s *searcher) lines(segment string, offset int64, block []byte) {
	at := make([]int, len(s.needles)) // of the next find of each; -1 before the first
	for i := range at {
		at[i] = -1
	}
	for from := 0; ; {
		first := len(block)
		for i, needle := range s.needles {
			if at[i] < from {
				at[i] = len(block)
				if n := bytes.Index(block[from:], needle); n >= 0 {
					at[i] = from + n
				}
			}
			first = min(first, at[i])
		}
		if first == len(block) {
			return
		}
		begin := bytes.LastIndexByte(block[:first], '\n') + 1
		end := first + bytes.IndexByte(block[first:], '\n') + 1
		if e, ok := parseEntry(segment, offset+int64(begin), block[begin:end]); ok && s.keep(&e) {
			if len(s.found) == 2*maxFound {
				s.found = append(s.found[:0], s.found[maxFound:]...)
			}
			s.found = append(s.found, e)
		}
		from = end
	}
}
