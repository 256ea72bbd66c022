package audit

import (
	"bufio"
	"errors"
	"io"
)

// maxLine is longer than any record; a longer line is read in pieces.
const maxLine = 8 << 20

// lineReader reads an object line by line. A line is valid until the next one.
type lineReader struct {
	reader *bufio.Reader
	long   []byte
	offset int64 // of the next line
}

// newLineReader reads an object of about size bytes.
func newLineReader(r io.Reader, size int64) *lineReader {
	return &lineReader{reader: bufio.NewReaderSize(r, int(min(size+1, 1<<20)))}
}

// next is the next line with its line feed, without one at the end of the
// object or after maxLine bytes. At the end the error is io.EOF.
func (l *lineReader) next() (line []byte, err error) {
	line, err = l.reader.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		l.long = l.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) && len(l.long) < maxLine {
			l.long = append(l.long, line...)
			line, err = l.reader.ReadSlice('\n')
		}
		l.long = append(l.long, line...)
		line = l.long
	}
	l.offset += int64(len(line))
	if errors.Is(err, bufio.ErrBufferFull) || errors.Is(err, io.EOF) && len(line) > 0 {
		err = nil
	}
	return line, err
}
