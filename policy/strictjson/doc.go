// Package strictjson reads JSON the way a decision point must: one meaning a
// text, or an error that says where.
//
// It accepts the I-JSON profile (RFC 7493) and less: no duplicate names at any
// depth, no invalid UTF-8 or lone surrogates, no byte-order mark, nothing after
// the value, bounded depth and number of names, and no number that two parsers
// could read as two values. Tokens come from jsontext; this package adds the
// bounds, the numbers and a value tree that keeps what the sender wrote.
//
// A [Value] is immutable after [Parse] and safe for concurrent use.
package strictjson
