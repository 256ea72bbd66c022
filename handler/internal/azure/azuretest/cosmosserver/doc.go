// Package cosmosserver is a Cosmos account for tests, over HTTP on this
// machine. It knows what the adapter uses of Cosmos and is strict about it:
// what the service refuses, it refuses, and what it does not know it refuses
// too. It does what no emulator does: answers 304, demands the partition key
// and a token, keeps sessions, lets records expire by a clock that a test sets,
// and fails as it is told: before a call takes effect, after, or with an effect
// that comes later.
//
// Its answers are those of Microsoft's documentation; none was compared with
// the service. It charges a constant for every request, has one physical
// partition a container, and knows neither batches, patches, deletes nor the
// change feed.
package cosmosserver
