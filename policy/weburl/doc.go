// Package weburl reads URLs strictly, so that a rule and the tool behind it
// mean the same host.
//
// [Parse] accepts one way of writing what could be read in two ways and
// refuses the rest: what parsers, browsers and HTTP clients are known to
// disagree about is an error here, not a guess. The canonical form,
// [URL.String], is what rules compare and what a tool must use. A
// [HostPattern] says which hosts are allowed.
//
// Nothing is resolved or fetched: that a name leads to an inner address, and
// where a redirect leads, is not seen. Values are immutable and safe for
// concurrent use.
package weburl
