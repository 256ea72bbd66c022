package policy

// Obligations are what the call is bound to when it runs: those of
// [Decision.Obligations], and for a call that waits for approval those that it
// would have. A call that is denied has none. It is safe for concurrent use.
func (s *Set) Obligations(in *Input) []Obligation {
	e := s.begin(in, false)
	defer e.end()
	if e.run(); e.outcome == Deny || len(e.masks) == 0 {
		return []Obligation{}
	}
	return obligationsOf(e.masks)
}
