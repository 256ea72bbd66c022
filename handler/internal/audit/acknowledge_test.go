package audit_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// A finding is red until a person takes note of it; that covers this finding
// about these bytes and nothing else, and needs an anchor.
func TestAcknowledge(t *testing.T) {
	for what, tamper := range map[string]func(d *deposit) (object string, worse func()){
		"a segment gone": func(d *deposit) (string, func()) {
			was := d.sink.Bytes(d.names[2])
			d.sink.Tamper(d.names[2], nil)
			return d.names[2], func() { d.sink.Tamper(d.names[2], was[:len(was)-1]) }
		},
		"the tail cut": func(d *deposit) (string, func()) {
			was := d.sink.Bytes(d.names[2])
			d.sink.Tamper(d.names[2], was[:len(was)/2])
			return d.names[2], func() { d.sink.Tamper(d.names[2], was[:len(was)/3]) }
		},
		"a line changed": func(d *deposit) (string, func()) {
			was := bytes.Replace(d.sink.Bytes(d.names[0]), []byte("test01"), []byte("mine01"), 1)
			d.sink.Tamper(d.names[0], was)
			return d.names[0], func() {
				d.sink.Tamper(d.names[0], bytes.Replace(was, []byte("mine01"), []byte("MINE01"), 1))
			}
		},
		"an anchor forged": func(d *deposit) (string, func()) {
			name := d.anchors.Names()[1]
			d.anchors.Tamper(name, []byte("mine"))
			return name, func() { d.anchors.Tamper(name, []byte("MINE")) }
		},
		"a birth removed": func(d *deposit) (string, func()) {
			d.anchors.Tamper(d.names[1]+"/000000000000.jws", nil)
			return d.names[1], func() { d.sink.Tamper(d.names[1], append(bytes.Clone(d.sink.Bytes(d.names[1])), 'x')) }
		},
	} {
		t.Run(what, func(t *testing.T) {
			d := newDeposit(t, true)
			object, worse := tamper(&d)
			if d.verify(t).Clean {
				t.Fatal("Verify() is clean, want a finding")
			}
			d.acknowledge(t, object, true)
			report := d.verify(t)
			if !report.Clean || len(report.Acknowledged) == 0 {
				t.Fatalf("Verify() = %+v, %+v, want all of it acknowledged", report.Findings, report.Acknowledged)
			}
			if a := report.Acknowledged[0]; a.By != "ana@contoso.com" || a.Reason != "a disk broke" || a.Finding.Segment != object {
				t.Errorf("Acknowledged = %+v, want who and why", a)
			}
			worse()
			if report := d.verify(t); report.Clean {
				t.Error("Verify() after it became worse is clean, want a finding")
			}
		})
	}
}

// Of two findings about one object the one that nobody acknowledged stays.
func TestAcknowledgeOne(t *testing.T) {
	d := newDeposit(t, true)
	lines := bytes.SplitAfter(d.sink.Bytes(d.names[0]), []byte{'\n'})
	d.sink.Tamper(d.names[0], join(lines[:2], lines[1:2], lines[2:4], lines[3:4], lines[4:]))
	all := d.verify(t).Findings
	if len(all) < 2 {
		t.Fatalf("Verify() = %+v, want at least two findings", all)
	}
	d.acknowledgeSome(t, d.names[0], true, 1)
	if report := d.verify(t); len(report.Findings) != len(all)-1 || len(report.Acknowledged) != 1 || report.Clean {
		t.Errorf("Verify() = %+v, %+v, want one of %d acknowledged", report.Findings, report.Acknowledged, len(all))
	}
}

// An acknowledgement that no anchor covers is anybody's.
func TestAcknowledgementNeedsAnAnchor(t *testing.T) {
	d := newDeposit(t, true)
	d.sink.Tamper(d.names[2], nil)
	d.acknowledge(t, d.names[2], false)
	report := d.verify(t)
	if report.Clean || len(report.Acknowledged) != 0 {
		t.Errorf("Verify() = %+v, %+v, want nothing acknowledged", report.Findings, report.Acknowledged)
	}
}

// acknowledge writes an acknowledgement, with an anchor over it or without.
func (d *deposit) acknowledge(t *testing.T, object string, covered bool) {
	t.Helper()
	d.acknowledgeSome(t, object, covered, 1000)
}

// acknowledgeSome acknowledges so many findings at most.
func (d *deposit) acknowledgeSome(t *testing.T, object string, covered bool, most int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		<-time.After(10 * time.Hour)
		o := anchored(options(), d.anchors)
		o.Lanes, o.Continue, o.Instance = 1, true, "ack"
		log := openLog(t, d.sink, o)
		findings := d.verify(t).Findings
		findings = slices.DeleteFunc(findings, func(f audit.Finding) bool { return f.Segment != object })
		event, err := audit.Acknowledge(t.Context(), audit.AcknowledgeOptions{
			Log: d.sink, Anchors: d.anchors, Findings: findings[:min(most, len(findings))], By: "ana@contoso.com", Reason: "a disk broke", Now: time.Now(),
		})
		if err != nil {
			t.Fatalf("Acknowledge() = %v, want nil", err)
		}
		if _, err := log.Append(t.Context(), event); err != nil {
			t.Fatalf("Append() = %v, want nil", err)
		}
		if covered {
			closeLog(t, log)
			return
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_ = log.Close(ended)
	})
}

func TestAcknowledgeIsChecked(t *testing.T) {
	f := audit.Finding{Fault: audit.FaultMissing, Segment: "v1/a"}
	good := audit.AcknowledgeOptions{Log: &storetest.MemorySink{}, Findings: []audit.Finding{f}, By: "ana", Reason: "why", Now: time.Now()}
	for name, change := range map[string]func(*audit.AcknowledgeOptions){
		"nothing":     func(o *audit.AcknowledgeOptions) { o.Findings = nil },
		"nobody":      func(o *audit.AcknowledgeOptions) { o.By = "" },
		"no reason":   func(o *audit.AcknowledgeOptions) { o.Reason = " \t" },
		"two objects": func(o *audit.AcknowledgeOptions) { o.Findings = append(o.Findings, audit.Finding{Segment: "v1/b"}) },
	} {
		o := good
		o.Findings = slices.Clone(o.Findings)
		change(&o)
		if event, err := audit.Acknowledge(t.Context(), o); err == nil {
			t.Errorf("%s: Acknowledge() = %+v, nil, want an error", name, event)
		}
	}
	if event, err := audit.Acknowledge(t.Context(), good); err != nil || event.Kind != audit.KindAuditAcknowledged {
		t.Errorf("Acknowledge() = %+v, %v, want the record", event, err)
	}
}
