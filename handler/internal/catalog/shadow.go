package catalog

import (
	"fmt"
	"slices"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Shadow is a policy that is tried beside the one that decides. It gives away
// no decision, only an [Opinion], so that nothing of it can become an answer.
// It is immutable and safe for concurrent use.
type Shadow struct{ set *policy.Set }

// Opinion is what a shadow would have decided, in words for the log. It has no
// reason text: the shadow's masks may cover less than those in force.
type Opinion struct {
	Decision   string // ALLOW, MASK, REQUIRE_APPROVAL or DENY; "" where there is none
	ReasonCode string
	PolicyIDs  []string
	Packs      []policy.PackRef
	Differs    bool   // what the caller or approvers get would be another
	Failed     string // why there is no decision; "" otherwise
}

// Judge decides the call as the shadow would, and compares it with what was
// decided. It does not panic, whatever the shadow does.
func (s *Shadow) Judge(in policy.Input, enforced *policy.Decision) (o Opinion) {
	defer func() {
		if fault := recover(); fault != nil {
			o = Opinion{Differs: true, Failed: fmt.Sprintf("the shadow failed: %T", fault)}
		}
	}()
	d := s.set.Decide(&in, false)
	return Opinion{
		Decision: d.Outcome.String(), ReasonCode: string(d.Code), PolicyIDs: d.PolicyIDs, Packs: d.Packs,
		Differs: differ(&d, enforced),
	}
}

// differ compares what a caller may do and what people are asked for, not the
// rules it follows from.
func differ(a, b *policy.Decision) bool {
	return a.Outcome != b.Outcome || a.Code != b.Code || !slices.Equal(a.Obligations, b.Obligations) ||
		string(strictjson.AppendCanonical(nil, a.Effective)) != string(strictjson.AppendCanonical(nil, b.Effective)) ||
		!slices.EqualFunc(a.Requirements, b.Requirements, func(x, y policy.Requirement) bool {
			return x.PolicyID == y.PolicyID && x.Need == y.Need && slices.Equal(x.Approvers, y.Approvers) && slices.Equal(x.Exclude, y.Exclude)
		})
}
