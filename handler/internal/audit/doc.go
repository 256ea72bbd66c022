// Package audit is the record of what was decided and the chain that makes
// every change to it visible.
//
// The promise is one-sided: every answered decision is in the log, and every
// change to the log is detectable. A record may exist whose answer never
// arrived; an answer without a record may not. [Log.Append] returns once the
// record is durable, and whoever gets an error from it must not answer.
//
// Writing: a [Log] spreads records over a few lanes. A lane writes one
// [Sink] object after another, its segments; it has one append in flight, and
// what arrives meanwhile shares the next one. Each line carries its sequence
// number and the hash of the line before it, and the first line of a segment
// names the segment before it, so that a lane is one chain of bytes.
//
// Signed statements about the segments, their anchors, go to a second place
// that whoever can change the log cannot: see [AnchorOptions].
//
// Reading is a path of its own that trusts nothing but bytes: [Verify] derives
// every chain again and names file, line and sequence of what is wrong, [Why]
// tells the story of a decision years later from the log alone, [Find] looks for
// decisions from the newest back, [Tail] follows the log. README.md says what is promised under
// which assumptions, and what verification cannot see.
package audit
