package policy

import "github.com/authorization-fabric/fabric/policy/strictjson"

// riskScore is context.riskScore in plain notation; "" is absent, as is
// whatever is no number that can be compared exactly.
func (e *evaluation) riskScore() string {
	v := e.in.Request.Context.Get("riskScore")
	if v.Kind() != strictjson.Number {
		return ""
	}
	d, ok := strictjson.ParseDecimal(v.Text())
	if !ok {
		return ""
	}
	return d.String()
}
