// Package gate is how Go programs stand in front of an action.
//
// An agent uses [Client]: it asks the service about a call, waits where a
// person must agree, runs the call with the parameters it gets back and with
// nothing else, and reports what became of it. Only one thing ever runs: an
// answer that is whole, says ALLOW or MASK, and says execute. Everything else
// is an error, be it a failure on the way, a page of a proxy, or an answer of a
// later version that this client cannot read.
//
// A tool uses [Checker]: it takes the grant that came with a call and checks,
// without asking anybody, that exactly this call was allowed and that the grant
// was not used before. A caller that never asks the service is stopped only by
// a tool that checks.
package gate
