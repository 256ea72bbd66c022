// Package policy is the policy language and the decision: it reads packs,
// lints them, evaluates calls against them and explains the result.
//
// It is pure: no I/O, no clock, no globals that change. [Load] turns documents
// into an immutable [Set]; [Set.Decide] turns one [Input] into one [Decision].
// Equal inputs give byte-identical decisions. A rule that cannot be evaluated
// counts as matched where it restricts and as unmatched where it permits, and
// leaving a fact out of a request never gives a better answer than stating it.
//
// README.md beside this file says what the language leaves to its readers.
package policy
