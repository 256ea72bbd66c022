package audit

import (
	"context"
	"sync"
	"time"
)

const (
	// maxFailures is how many batches in a row may fail before nothing more
	// is admitted.
	maxFailures = 3

	firstRepair = 250 * time.Millisecond // until the first attempt, then doubled
	lastRepair  = 2 * time.Second        // the longest pause between attempts
)

// fail counts a batch that failed. From maxFailures on the log is broken: it
// refuses at once and tries by itself to open a segment, so that no caller's
// record is the probe. The waiters returned are to be answered.
func (l *Log) fail(s *station, err error) []*waiter {
	s.failed = true
	l.failures++
	if l.failures < maxFailures || l.broken != nil || l.closing {
		return nil
	}
	l.breakDown(err)
	return l.takeAll()
}

func (l *Log) breakDown(err error) {
	l.broken = err
	l.work.Go(l.repairUntilOpen)
}

// repairUntilOpen tries to open a segment until it can, or the log closes.
func (l *Log) repairUntilOpen() {
	for pause := firstRepair; wait(l.repair, pause); pause = min(2*pause, lastRepair) {
		s := l.borrow()
		if s == nil {
			continue
		}
		err := l.openLane(l.repair, s)
		l.mu.Lock()
		s.running, s.failed = false, err != nil
		l.broken = err
		if err == nil {
			l.failures = 0
		}
		l.mu.Unlock()
		if err == nil {
			return
		}
	}
}

// borrow takes a lane that has to open a segment and does not run.
func (l *Log) borrow() *station {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.stations {
		if s.failed && !s.running {
			s.running = true
			return s
		}
	}
	return nil
}

func (l *Log) openLane(ctx context.Context, s *station) error {
	ctx, cancel := context.WithTimeout(ctx, l.options.Deadline)
	defer cancel()
	return s.lane.ready(ctx)
}

// openStations opens the first segment of every lane, side by side. It runs
// before anybody else knows the log.
func (l *Log) openStations() {
	errs := make([]error, len(l.stations))
	var all sync.WaitGroup
	for i, s := range l.stations {
		all.Go(func() { errs[i] = l.openLane(l.ctx, s) })
	}
	all.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	works := false
	for i, s := range l.stations {
		s.failed = errs[i] != nil
		works = works || errs[i] == nil
	}
	if !works {
		l.breakDown(errs[0])
	}
}

// closeStations closes the open segments, side by side. Nobody runs a lane any
// more.
func (l *Log) closeStations(ctx context.Context) {
	var all sync.WaitGroup
	for _, s := range l.stations {
		if s.lane.open {
			all.Go(func() { s.lane.close(ctx, l.options.Clock().UTC(), "stop") })
		}
	}
	all.Wait()
}
