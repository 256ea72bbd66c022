// Package approval keeps approvals: facts in a store that lift exactly the
// requirements they were opened for, for exactly one call, once.
//
// A call has one slot, derived from its tenant, the asking application and the
// digest of the call, and a slot has one stored document. Finding an approval
// by its id and finding it by the call are therefore the same point read, two
// approvals for one call cannot exist, and no step needs a transaction over two
// documents. A closed approval gives way to the next generation in its slot.
//
// Three rules hold everywhere:
//
//   - Every write is conditional on the revision that was read. A lost race is
//     read again and applied again.
//   - Visible only once logged: a transition is an event written into the
//     document, then handed to [Log], then marked. Whoever reads a document
//     with an unmarked event logs it first; a reader of the log counts an event
//     id once.
//   - The clock decides: an approval past its time is expired on every read,
//     whatever the document says, and no expiry ever approves.
//
// What a store cannot say for certain is an error ([ErrUnclear]) and never
// "there is none": an absent approval would be opened a second time.
package approval
