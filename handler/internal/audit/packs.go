package audit

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// packLimits admit any pack that lint admits.
var packLimits = strictjson.Limits{Depth: 2 * strictjson.MaxDepth, Names: 1 << 24}

// ruleSections are the sections of a pack whose rules a decision may name.
func ruleSections() []string {
	return []string{"guardrails", "isolation", "classification", "entitlements", "thresholds", "approvals"}
}

// packShelf reads each kept pack once.
type packShelf struct {
	documents map[string]strictjson.Value // by object name
	missing   map[string]string           // why there is none
}

// rules finds the rules that a decision names, in the packs that it names.
func (p *packShelf) rules(ctx context.Context, r Reader, d Entry) ([]RuleText, error) {
	rules := []RuleText{}
	for _, id := range d.value.Get("policyIds").Items() {
		rule := RuleText{ID: id.Text()}
		pack, name, _ := strings.Cut(rule.ID, "/")
		for _, ref := range d.value.Get("packs").Items() {
			if ref.Get("pack").Text() == pack {
				rule.Pack, rule.Version, rule.Hash = pack, intOf(ref.Get("version")), ref.Get("hash").Text()
			}
		}
		if err := p.fill(ctx, r, d.environment(), name, &rule); err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// environment is that of the segment that the record stands in.
func (e *Entry) environment() string {
	id, _ := parseSegmentName(e.Segment)
	return id.environment
}

func (p *packShelf) fill(ctx context.Context, r Reader, environment, name string, rule *RuleText) error {
	if rule.Hash == "" {
		rule.Missing = "the record names no pack for it"
		return nil
	}
	document, missing, err := p.get(ctx, r, environment, rule.Hash)
	if err != nil || missing != "" {
		rule.Missing = missing
		return err
	}
	for _, section := range ruleSections() {
		for _, candidate := range document.Get(section).Items() {
			if candidate.Get("id").Text() == name {
				rule.Section = section
				rule.Text = escapeJSON(strictjson.AppendCanonical(nil, candidate))
				return nil
			}
		}
	}
	rule.Missing = "the pack has no such rule"
	return nil
}

// get reads a kept pack once, or says why there is none.
func (p *packShelf) get(ctx context.Context, r Reader, environment, hash string) (v strictjson.Value, missing string, err error) {
	name := packName(environment, hash)
	if v, ok := p.documents[name]; ok {
		return v, p.missing[name], nil
	}
	v, missing, err = readPack(ctx, r, name, hash)
	if err != nil {
		return v, "", err
	}
	if p.documents == nil {
		p.documents, p.missing = map[string]strictjson.Value{}, map[string]string{}
	}
	p.documents[name], p.missing[name] = v, missing
	return v, missing, nil
}

// readPack reads a kept pack and believes it only if it has the hash.
func readPack(ctx context.Context, r Reader, name, hash string) (v strictjson.Value, missing string, err error) {
	data, err := readRange(ctx, r, name, 0, maxPack)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid):
		return v, "the pack was not kept in the log", nil
	case err != nil:
		return v, "", err
	case string(appendHash(nil, data)) != hash:
		return v, "the pack that was kept does not have its hash", nil
	}
	v, err = strictjson.Parse(data, packLimits)
	if err != nil {
		return v, "the pack that was kept is not JSON", nil
	}
	return v, "", nil
}
