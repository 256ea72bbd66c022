// Package logicapp tells people of approvals through a Logic App: each message
// is one POST to the workflow's request trigger, with a token of the program's
// own identity. The trigger's address carries no signature: whoever learns it
// can do nothing with it.
//
// The trigger answers 202 once it has taken a message; the workflow sends the
// mail. A message that comes again has the id of its first copy, in the body
// and as the tracking id of the run.
package logicapp
