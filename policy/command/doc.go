// Package command reads a command line as bash would, so that rules can be
// held against what it runs and not against how it is spelled.
//
// [Parse] turns text into a [Line]: the simple commands it would run, in every
// branch, loop, group, pipe and list, or the construct that makes it opaque,
// which means that its effect cannot be known before it runs. A [Pattern] is a
// glob over those commands, with two meanings. One that restricts
// ([Pattern.Restricts]) holds if any form of any simple command matches:
// wrappers taken off, directories dropped, global options moved, quotes
// removed. One that permits ([Permits]) sees the line as it is written, and a
// set of them holds only if every simple command matches one of it. Whatever
// is not understood restricts and does not permit.
//
// What programs do with their arguments is data, in programs.go. The package
// runs nothing, expands nothing and asks no system. Its values are immutable
// and safe for concurrent use.
package command
