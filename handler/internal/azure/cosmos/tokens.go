package cosmos

import (
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of what is remembered of sessions.
const (
	// tokenLife is how long a token is sent after it was seen last. Replicas of
	// a region are milliseconds behind; a token that none will ever reach, as
	// after a failover that lost writes, must not stop reads for good.
	tokenLife = 10 * time.Minute
	maxTokens = 10_000
)

// tokens are the newest session tokens by container and partition. The SDK
// keeps none.
type tokens struct {
	now    func() time.Time
	mu     *sync.Mutex
	newest map[place]token // guarded by mu
}

type place struct{ container, partition string }

type token struct {
	text string
	seen time.Time
}

func newTokens() tokens {
	return tokens{now: time.Now, mu: &sync.Mutex{}, newest: map[place]token{}}
}

// of is the token to read a partition with; nil is none.
func (t *tokens) of(c call) *string {
	t.mu.Lock()
	defer t.mu.Unlock()
	newest, ok := t.newest[place{c.container, c.partition}]
	if !ok || t.now().Sub(newest.seen) > tokenLife {
		return nil
	}
	return &newest.text
}

// saw remembers the token of an answer, unless a newer one came before it.
func (t *tokens) saw(c call, text string) {
	if text == "" || c.partition == "" || strings.Contains(text, ",") || !plausible(text) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at := place{c.container, c.partition}
	now := t.now()
	if was, ok := t.newest[at]; ok && newer(was.text, text) {
		text = was.text
	}
	if len(t.newest) >= maxTokens {
		maps.DeleteFunc(t.newest, func(_ place, old token) bool { return now.Sub(old.seen) > tokenLife })
	}
	if len(t.newest) < maxTokens {
		t.newest[at] = token{text, now}
	}
}

// newer reports whether a is certainly of a later state than b. A token is
// RANGE:VERSION#LSN#REGION=LSN… or RANGE:LSN.
func newer(a, b string) bool {
	rangeA, versionA, lsnA, okA := parseToken(a)
	rangeB, versionB, lsnB, okB := parseToken(b)
	return okA && okB && rangeA == rangeB && (versionA > versionB || versionA == versionB && lsnA > lsnB)
}

func parseToken(s string) (keyRange string, version, lsn int64, ok bool) {
	keyRange, rest, ok := strings.Cut(s, ":")
	if !ok {
		return "", 0, 0, false
	}
	parts := strings.Split(rest, "#")
	if len(parts) > 1 {
		v, err := strconv.ParseInt(parts[0], 10, 64)
		if err != nil {
			return "", 0, 0, false
		}
		version, parts = v, parts[1:]
	}
	lsn, err := strconv.ParseInt(parts[0], 10, 64)
	return keyRange, version, lsn, err == nil
}
