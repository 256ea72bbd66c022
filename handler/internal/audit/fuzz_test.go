package audit_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// Whatever stands in a segment, reading it does no harm, and it verifies only
// as what was written there.
func FuzzVerify(f *testing.F) {
	var c chain
	f.Add([]byte{})
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"v":1,"kind":"segment.opened","seq":0,"prev":""}` + "\n"))
	f.Add([]byte(`{"v":1,"kind":"decision","seq":999999999999999999,"prev":"","a":1}` + "\n" + `{"v":1,"kind":"decision","seq":0`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c.sink == nil {
			c = soundChain(t)
		}
		name := c.names[1]
		sound := c.sink.Bytes(name)
		defer c.sink.Tamper(name, sound)
		for _, tampered := range [][]byte{data, splice(sound, data)} {
			c.sink.Tamper(name, append([]byte{}, tampered...))
			report := c.verify(t)
			if report.Clean != bytes.Equal(tampered, sound) {
				t.Errorf("Verify() is clean: %t, for a segment that is what was written: %t", report.Clean, bytes.Equal(tampered, sound))
			}
			if err := report.WriteText(io.Discard); err != nil {
				t.Errorf("WriteText() = %v, want nil", err)
			}
			story, err := audit.Why(t.Context(), c.sink, audit.Query{ID: "d07", Now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)})
			if err != nil && !errors.Is(err, audit.ErrNoStory) {
				t.Errorf("Why() = %v, want nil or ErrNoStory", err)
			}
			if err := story.WriteText(io.Discard); err != nil {
				t.Errorf("WriteText() = %v, want nil", err)
			}
			if err := audit.Tail(t.Context(), c.sink, audit.TailOptions{Last: 100}, func(e audit.Entry) error {
				_, err := e.MarshalJSON()
				return err
			}); err != nil {
				t.Errorf("Tail() = %v, want nil", err)
			}
		}
	})
}

// splice puts data over the middle of sound.
func splice(sound, data []byte) []byte {
	out := bytes.Clone(sound)
	copy(out[len(out)/2:], data)
	return out
}
