// Package sheet says what a person is shown of an approval, in the order in
// which it is read: what it is about, who asks, why a person is needed, every
// parameter, the deadline, what approving does, what the requester asked for
// before, and last what the agent wrote. Page and mail are rendered from the
// same [Sheet], so that they cannot tell different things.
//
// Every string of a Sheet is text and safe to print as text: what a caller or
// a model wrote holds no character that cannot be seen, such characters being
// written as \u{...}. Nothing is escaped for HTML; whoever renders HTML does
// that. Line feeds are kept in [Fact.Value], [Sheet.Said] and comments only.
package sheet
