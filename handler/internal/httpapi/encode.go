package httpapi

import (
	"strconv"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// timeFormat is RFC 3339 in UTC with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z"

// AppendAnswer writes a decision as the contract shows it: every member always
// there and in this order, nothing ever null. Equal answers are equal bytes.
func AppendAnswer(dst []byte, a *authorize.Answer) []byte {
	dst = appendMember(dst, `{"decision":`, a.Decision.String())
	dst = appendBool(dst, `,"execute":`, a.Decision.Execute())
	dst = appendMember(dst, `,"nextStep":`, policy.NextStep(a.Decision, a.ReasonCode))
	dst = appendMember(dst, `,"userMessage":`, a.UserMessage)
	dst = appendMember(dst, `,"reasonCode":`, string(a.ReasonCode))
	dst = appendMember(dst, `,"reason":`, a.Reason)
	dst = appendStrings(dst, `,"advice":`, a.Advice)
	dst = appendMember(dst, `,"decisionId":`, a.DecisionID)
	dst = appendMember(dst, `,"correlationId":`, a.CorrelationID)
	dst = appendStrings(dst, `,"policyIds":`, a.PolicyIDs)
	dst = appendPolicy(dst, &a.Policy)
	dst = appendMember(dst, `,"identity":`, a.Identity.String())
	dst = appendMember(dst, `,"requestDigest":`, a.RequestDigest)
	dst = appendEffective(dst, a.EffectiveParameters)
	dst = appendObligations(dst, a.Obligations)
	dst = append(dst, `,"approval":{`...)
	dst = appendApproval(dst, &a.Approval)
	dst = appendAlternatives(append(dst, '}'), a.Alternatives)
	dst = appendMember(dst, `,"grant":`, a.Grant)
	dst = appendReceipt(dst, a.Receipt)
	dst = appendTime(dst, `,"evaluatedAt":`, a.EvaluatedAt)
	dst = appendStrings(dst, `,"warnings":`, a.Warnings)
	dst = appendTrace(dst, a.Trace)
	return append(dst, '}')
}

// appendReceipt writes where the audit record is.
func appendReceipt(dst []byte, r authorize.Receipt) []byte {
	dst = appendMember(dst, `,"receipt":{"segment":`, r.Segment)
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendUint(dst, r.Seq, 10)
	return append(appendMember(dst, `,"hash":`, r.Hash), '}')
}

func appendPolicy(dst []byte, p *authorize.PolicyState) []byte {
	dst = appendMember(dst, `,"policy":{"environment":`, p.Environment)
	dst = append(dst, `,"epoch":`...)
	dst = strconv.AppendInt(dst, p.Epoch, 10)
	dst = append(dst, `,"ageSeconds":`...)
	dst = strconv.AppendInt(dst, p.AgeSeconds, 10)
	dst = appendBool(dst, `,"stale":`, p.Stale)
	dst = append(dst, `,"packs":[`...)
	for i := range p.Packs {
		pack := &p.Packs[i]
		dst = appendMember(separate(dst, i), `{"pack":`, pack.Pack)
		dst = append(dst, `,"version":`...)
		dst = strconv.AppendInt(dst, int64(pack.Version), 10)
		dst = appendMember(dst, `,"hash":`, pack.Hash)
		dst = appendMember(dst, `,"rulesHash":`, pack.RulesHash)
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}

func appendEffective(dst []byte, v strictjson.Value) []byte {
	dst = append(dst, `,"effectiveParameters":`...)
	if v.Kind() != strictjson.Object {
		return append(dst, `{}`...)
	}
	return strictjson.AppendCanonical(dst, v)
}

func appendObligations(dst []byte, list []policy.Obligation) []byte {
	dst = append(dst, `,"obligations":[`...)
	for i, o := range list {
		dst = appendMember(separate(dst, i), `{"type":`, o.Type)
		dst = appendMember(dst, `,"path":`, o.Path)
		dst = appendMember(dst, `,"method":`, o.Method)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendApproval writes the members of an approval, without its braces: the
// approval of its own has more.
func appendApproval(dst []byte, a *authorize.Approval) []byte {
	dst = appendMember(dst, `"id":`, a.ID)
	dst = appendMember(dst, `,"status":`, a.Status)
	dst = appendBool(dst, `,"final":`, a.Final)
	dst = appendStrings(dst, `,"triggers":`, a.Triggers)
	dst = appendMember(dst, `,"statusUrl":`, a.StatusURL)
	dst = append(dst, `,"pollAfterSeconds":`...)
	dst = strconv.AppendInt(dst, int64(a.PollAfterSeconds), 10)
	dst = appendTime(dst, `,"approveBy":`, a.ApproveBy)
	dst = appendTime(dst, `,"executeBy":`, a.ExecuteBy)
	dst = appendMember(dst, `,"comment":`, a.Comment)
	dst = append(dst, `,"requirements":[`...)
	for i := range a.Requirements {
		r := &a.Requirements[i]
		dst = appendMember(separate(dst, i), `{"policyId":`, r.PolicyID)
		dst = appendStrings(dst, `,"approvers":`, r.Approvers)
		dst = append(dst, `,"need":`...)
		dst = strconv.AppendInt(dst, int64(r.Need), 10)
		dst = append(dst, `,"have":`...)
		dst = strconv.AppendInt(dst, int64(r.Have), 10)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func appendAlternatives(dst []byte, list []policy.Alternative) []byte {
	dst = append(dst, `,"alternatives":[`...)
	for i, a := range list {
		dst = append(separate(dst, i), `{"parameters":{`...)
		dst = strictjson.AppendString(dst, a.Parameter)
		dst = appendMember(dst, `:`, a.Value)
		dst = appendMember(dst, `},"decision":`, a.Outcome.String())
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func appendTrace(dst []byte, lines []policy.TraceLine) []byte {
	dst = append(dst, `,"trace":[`...)
	for i := range lines {
		l := &lines[i]
		dst = appendMember(separate(dst, i), `{"stage":`, l.Stage)
		dst = appendMember(dst, `,"rule":`, l.Rule)
		dst = appendMember(dst, `,"result":`, l.Result)
		dst = appendMember(dst, `,"detail":`, l.Detail)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func appendStrings(dst []byte, name string, list []string) []byte {
	dst = append(append(dst, name...), '[')
	for i, s := range list {
		dst = strictjson.AppendString(separate(dst, i), s)
	}
	return append(dst, ']')
}

func appendBool(dst []byte, name string, b bool) []byte {
	return strconv.AppendBool(append(dst, name...), b)
}

// appendTime writes an instant, or "" for none.
func appendTime(dst []byte, name string, t time.Time) []byte {
	dst = append(append(dst, name...), '"')
	if !t.IsZero() {
		dst = t.UTC().AppendFormat(dst, timeFormat)
	}
	return append(dst, '"')
}

func separate(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}
