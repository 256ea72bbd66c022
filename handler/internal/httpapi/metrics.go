package httpapi

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// Metrics are a few counters of this process. A nil *Metrics counts nothing.
// It is safe for concurrent use.
type Metrics struct {
	requests  atomic.Int64
	inFlight  atomic.Int64
	panics    atomic.Int64
	decisions [4]atomic.Int64 // by policy.Outcome
	problems  [9]atomic.Int64 // by place in kinds
	took      atomic.Int64    // nanoseconds of all decisions
}

func (m *Metrics) arrived() {
	if m != nil {
		m.requests.Add(1)
		m.inFlight.Add(1)
	}
}

func (m *Metrics) left() {
	if m != nil {
		m.inFlight.Add(-1)
	}
}

func (m *Metrics) panicked() {
	if m != nil {
		m.panics.Add(1)
	}
}

func (m *Metrics) decided(o policy.Outcome, took time.Duration) {
	if m != nil {
		m.decisions[o].Add(1)
		m.took.Add(int64(took))
	}
}

func (m *Metrics) refused(kind *ProblemKind) {
	if m == nil {
		return
	}
	for i, k := range kinds {
		if k == kind {
			m.problems[i].Add(1)
		}
	}
}

// Handler is GET /api/health/metrics: Prometheus text.
func (m *Metrics) Handler() Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ identity.Principal) error {
		writeBody(w, http.StatusOK, []string{"text/plain; version=0.0.4; charset=utf-8"}, m.appendText(nil))
		return nil
	}
}

func (m *Metrics) appendText(dst []byte) []byte {
	dst = appendMetric(dst, "# TYPE fabric_requests_total counter\nfabric_requests_total", m.requests.Load())
	dst = appendMetric(dst, "# TYPE fabric_requests_in_flight gauge\nfabric_requests_in_flight", m.inFlight.Load())
	dst = appendMetric(dst, "# TYPE fabric_panics_total counter\nfabric_panics_total", m.panics.Load())
	dst = append(dst, "# TYPE fabric_decisions_total counter\n"...)
	var all int64
	for i := range m.decisions {
		n := m.decisions[i].Load()
		all += n
		dst = appendMetric(dst, `fabric_decisions_total{decision="`+policy.Outcome(i).String()+`"}`, n)
	}
	dst = append(dst, "# TYPE fabric_problems_total counter\n"...)
	for i := range m.problems {
		dst = appendMetric(dst, `fabric_problems_total{problem="`+kinds[i].Name+`"}`, m.problems[i].Load())
	}
	dst = append(dst, "# TYPE fabric_decision_seconds summary\nfabric_decision_seconds_sum "...)
	dst = strconv.AppendFloat(dst, time.Duration(m.took.Load()).Seconds(), 'f', -1, 64)
	return appendMetric(append(dst, '\n'), "fabric_decision_seconds_count", all)
}

func appendMetric(dst []byte, name string, n int64) []byte {
	dst = append(append(dst, name...), ' ')
	return append(strconv.AppendInt(dst, n, 10), '\n')
}
