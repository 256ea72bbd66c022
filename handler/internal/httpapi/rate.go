package httpapi

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxBuckets is how many callers one generation of buckets holds.
const maxBuckets = 4096

// buckets are the token buckets of the callers. They are bounded: when a
// generation is full it becomes the older one, and the buckets of the one
// before it, unused since, are forgotten, which is to say full again.
type buckets struct {
	limit rate.Limit
	burst int
	now   func() time.Time

	mu       sync.Mutex
	current  map[string]*rate.Limiter // guarded by mu
	previous map[string]*rate.Limiter // guarded by mu
}

func newBuckets(perSecond, burst int, now func() time.Time) *buckets {
	return &buckets{limit: rate.Limit(perSecond), burst: burst, now: now, current: map[string]*rate.Limiter{}}
}

// take takes a token, or says when there will be one.
func (b *buckets) take(caller string) (retry time.Duration, ok bool) {
	limiter, now := b.of(caller), b.now()
	if limiter.AllowN(now, 1) {
		return 0, true
	}
	missing := 1 - limiter.TokensAt(now)
	return time.Duration(missing / float64(b.limit) * float64(time.Second)), false
}

func (b *buckets) of(caller string) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if limiter, ok := b.current[caller]; ok {
		return limiter
	}
	limiter, ok := b.previous[caller]
	if !ok {
		limiter = rate.NewLimiter(b.limit, b.burst)
	}
	if len(b.current) >= maxBuckets {
		b.previous, b.current = b.current, map[string]*rate.Limiter{}
	}
	b.current[caller] = limiter
	return limiter
}
