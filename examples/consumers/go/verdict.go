package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A record that is no verdict this program knows is told, and the next one is read.
var (
	errSpecVersion = errors.New("ce_specversion is not 1.0")
	errType        = errors.New("ce_type is not telltale.verdict.v1")
	errValue       = errors.New("the value is not a verdict of version 1")
	errTenant      = errors.New("ce_tenantid is not the verdict's tenant")
)

var (
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	actions  = []string{"ALLOW", "CHALLENGE", "REVIEW", "BLOCK"}
)

// verdict is what Telltale recommends, as far as this service reads it. Fields that are not named here are passed over.
// The risk score is 0..1, higher is riskier.
type verdict struct {
	VerdictID string   `json:"verdict_id"`
	TenantID  string   `json:"tenant_id"`
	Subject   subject  `json:"subject"`
	Action    string   `json:"action"`
	RiskScore *float64 `json:"risk_score"`
	Reasons   []reason `json:"reasons"`
}

// subject is who or what was judged.
type subject struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// reason is one cause of a verdict; the contribution is its part of the risk score, 0..1.
type reason struct {
	Code         string   `json:"code"`
	Contribution *float64 `json:"contribution"`
}

// read reads a record; the error says why it is no verdict of version 1, and holds nothing of it.
func read(record *kgo.Record) (*verdict, error) {
	attributes := make(map[string]string, len(record.Headers))
	for _, header := range record.Headers {
		attributes[header.Key] = string(header.Value)
	}
	if attributes["ce_specversion"] != "1.0" {
		return nil, errSpecVersion
	}
	if attributes["ce_type"] != "telltale.verdict.v1" {
		return nil, errType
	}
	var found verdict
	// encoding/json would put another letter for what is no UTF-8, and act on a subject that nobody named.
	if !utf8.Valid(record.Value) || json.Unmarshal(record.Value, &found) != nil || !found.complete() {
		return nil, errValue
	}
	if attributes["ce_tenantid"] != found.TenantID {
		return nil, errTenant
	}
	return &found, nil
}

// complete tells whether everything is there: encoding/json leaves out in silence what a document lacks.
func (v *verdict) complete() bool {
	return uuidForm.MatchString(v.VerdictID) &&
		v.TenantID != "" && v.Subject.Type != "" && v.Subject.ID != "" &&
		slices.Contains(actions, v.Action) && v.RiskScore != nil && v.Reasons != nil &&
		!slices.ContainsFunc(v.Reasons, func(r reason) bool { return r.Code == "" || r.Contribution == nil })
}

// topReason gives the code that contributed most, or nil.
func (v *verdict) topReason() *string {
	if len(v.Reasons) == 0 {
		return nil
	}
	top := slices.MaxFunc(v.Reasons, func(a, b reason) int { return cmp.Compare(*a.Contribution, *b.Contribution) })
	return &top.Code
}
