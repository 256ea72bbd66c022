package suite

import (
	"strconv"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// detailsOf is an approval requirement with who may meet it, in which time and
// who is told: the keys of the rule, defaults filled in. What is empty is left
// out, so that a test names only what there is.
func detailsOf(r policy.Requirement) strictjson.Value {
	members := []strictjson.Member{
		{Name: "policyId", Value: strictjson.StringOf(r.PolicyID)},
		{Name: "need", Value: strictjson.NumberOf(strconv.Itoa(r.Need))},
		{Name: "approveWithin", Value: strictjson.StringOf(isoDuration(r.ApproveWithin))},
		{Name: "executeWithin", Value: strictjson.StringOf(isoDuration(r.ExecuteWithin))},
	}
	members = appendList(members, "approvers", r.Approvers)
	members = appendList(members, "exclude", r.Exclude)
	members = appendList(members, "notify", r.Notify)
	if r.Have > 0 {
		members = append(members, strictjson.Member{Name: "have", Value: strictjson.NumberOf(strconv.Itoa(r.Have))})
	}
	if r.Relay {
		members = append(members, strictjson.Member{Name: "relay", Value: strictjson.BoolOf(true)})
	}
	if e := r.Escalate; e != nil {
		escalate := []strictjson.Member{{Name: "after", Value: strictjson.StringOf(isoDuration(e.After))}}
		escalate = appendList(escalate, "approvers", e.Approvers)
		escalate = appendList(escalate, "notify", e.Notify)
		members = append(members, strictjson.Member{Name: "escalate", Value: strictjson.ObjectOf(escalate...)})
	}
	return strictjson.ObjectOf(members...)
}

func appendList(members []strictjson.Member, name string, list []string) []strictjson.Member {
	if len(list) == 0 {
		return members
	}
	return append(members, strictjson.Member{Name: name, Value: stringsOf(list)})
}

// isoDuration writes a duration as packs do, in hours, minutes and seconds.
func isoDuration(d time.Duration) string {
	var b strings.Builder
	b.WriteString("PT")
	for _, unit := range []struct {
		letter string
		length time.Duration
	}{{"H", time.Hour}, {"M", time.Minute}, {"S", time.Second}} {
		if n := d / unit.length; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + unit.letter)
			d %= unit.length
		}
	}
	return b.String()
}
