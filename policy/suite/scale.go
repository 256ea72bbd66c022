package suite

import (
	"fmt"
	"strings"

	"github.com/authorization-fabric/fabric/policy"
)

// Scale is a pack of about so many rules, for measuring: an entitlement with a
// limit for each of its actions Act0, Act1, …, a mask, an isolation rule and a
// threshold for every fifth, and one approval rule for all. A when, if not
// empty, is the condition of every entitlement. ana@contoso.com may do 50,000
// EUR of each through the agent "bot".
func Scale(rules int, when string) policy.Document {
	var s scale
	condition := ""
	if when != "" {
		condition = fmt.Sprintf(`"when":%q,`, when)
	}
	for i := range max(1, rules*5/8) {
		s.add(i, condition)
	}
	return policy.Document{Name: "scale.json", Text: []byte(`{"schema":1,"pack":"scale","version":1,"environment":"dev",` +
		`"tenants":["11111111-1111-1111-1111-111111111111"],"classifications":["Public","Internal","Confidential"],` +
		`"defaultClassification":"Internal","regions":["EU","US"],"risks":["low","high"],"channels":["teams"],` +
		`"roles":[{"id":"Buyer","members":["user:ana@contoso.com"]},{"id":"Chief","members":["user:mia@contoso.com"]}],` +
		`"agents":[{"id":"bot","callers":["app:aaaaaaaa-0000-4000-8000-000000000001"],"users":["asserted"],"actions":` + array(s.names) + `}],` +
		`"actions":` + array(s.actions) + `,"isolation":` + array(s.isolation) + `,"classification":` + array(s.masks) +
		`,"entitlements":` + array(s.entitlements) + `,"thresholds":` + array(s.thresholds) +
		`,"approvals":[{"id":"over","match":{"actions":["*"]},"on":["overLimit"],"approvers":["role:Chief"]}]}`)}
}

type scale struct{ names, actions, isolation, masks, entitlements, thresholds []string }

func (s *scale) add(i int, condition string) {
	s.names = append(s.names, fmt.Sprintf(`"Act%d"`, i))
	s.actions = append(s.actions, fmt.Sprintf(`{"id":"Act%d","resource":"Thing","creates":true,"parameters":{`+
		`"amount":{"type":"decimal","required":true,"scale":2},"currency":{"type":"string","enum":["EUR","USD"]},"vendor":{"type":"string"}}}`, i))
	s.entitlements = append(s.entitlements, fmt.Sprintf(`{"id":"e%d",%s"roles":["Buyer"],"match":{"actions":["Act%d"]},`+
		`"limit":{"parameter":"amount","by":"currency","max":{"EUR":"50000","USD":"55000"}}}`, i, condition, i))
	if i%5 != 0 {
		return
	}
	s.masks = append(s.masks, fmt.Sprintf(`{"id":"m%d","match":{"actions":["Act%d"],"classificationAtLeast":"Confidential"},`+
		`"effect":"MASK","mask":[{"path":"output.iban","method":"last4"}]}`, i, i))
	s.isolation = append(s.isolation, fmt.Sprintf(`{"id":"i%d","match":{"actions":["Act%d"]},"allowedRegions":["EU"]}`, i, i))
	s.thresholds = append(s.thresholds, fmt.Sprintf(`{"id":"t%d","match":{"actions":["Act%d"]},"value":"context.riskScore","askAbove":"70","denyAbove":"90"}`, i, i))
}

func array(items []string) string { return "[" + strings.Join(items, ",") + "]" }
