package catalog

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"
)

// buckets is how finely agents are told apart: basis points.
const buckets = 10_000

// NoBucket is the bucket of a call that names no agent. It is in no rollout.
const NoBucket = -1

// Cohort says on which side of a rollout an agent is.
type Cohort struct {
	Pack    string
	Version int  // the one that is rolled out
	Bucket  int  // 0 to 9,999, or [NoBucket]
	In      bool // the version serves this agent; else the one before does
}

// bucketOf is the agent's place in a rollout. It depends on nothing else: every
// instance gives the same at any time, and a larger rollout under the same salt
// keeps whoever is in.
func bucketOf(pack, salt, agent string) int {
	buf := make([]byte, 0, 256) // on the stack
	buf = append(buf, "rollout.v1\x00"...)
	buf = append(append(buf, pack...), 0)
	buf = append(append(buf, salt...), 0)
	sum := sha256.Sum256(append(buf, agent...))
	bucket, _ := bits.Mul64(binary.BigEndian.Uint64(sum[:8]), buckets)
	return int(bucket)
}

// cohort is where the agent is in the rollout of an entry.
func (e *Entry) cohort(agent string) Cohort {
	c := Cohort{Pack: e.Pack, Version: e.Version, Bucket: NoBucket}
	if agent == "" {
		return c
	}
	c.Bucket = bucketOf(e.Pack, e.Rollout.Salt, agent)
	c.In = c.Bucket < e.Rollout.BasisPoints || slices.Contains(e.Rollout.Agents, agent)
	return c
}
