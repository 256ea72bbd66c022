package sheet

import "strings"

// Amount is a plain decimal and its unit, which may be "", as a sheet writes
// them: "100,000 EUR".
func Amount(value, unit string) string { return strings.TrimSpace(grouped(value) + " " + unit) }
