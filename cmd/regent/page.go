package main

import (
	_ "embed"
	"fmt"
	"runtime"
	"strings"
	"time"

	"regent/agent/doctor"
	"regent/agent/status"
	"regent/ipc/api"
	"regent/platform/page"
	"regent/platform/terminal"
)

//go:embed page.html
var pageText string

// pageSource has the facts for the page of a help desk. policy is nil if the user may not
// read it; noPolicy has the reason.
type pageSource struct {
	device   string
	status   status.Status
	facts    doctor.Facts
	policy   *api.Policy
	noPolicy string
}

// helpDeskPage is the data of the page for a help desk.
type helpDeskPage struct {
	Device, Summary, When   string
	Health, Class           string // the health for people, and its class in the style
	Findings                []pageFinding
	Checks                  []string // sentences about the checks of regent doctor
	Facts, Faults, Problems [][2]string
	Instances, Policy       page.Table
	NoPolicy                string
}

// pageFinding is a finding of regent doctor, with its next step.
type pageFinding struct {
	Severity, Title string
	Facts           [][2]string
}

// newPage makes the data of the page with the texts of regent status and regent doctor. It
// does no I/O.
func newPage(s pageSource, v view) helpDeskPage {
	st, report := s.status, doctor.Judge(s.facts)
	p := helpDeskPage{
		Device: s.device, Summary: st.Summary, When: v.now.UTC().Format(time.RFC1123), NoPolicy: s.noPolicy,
		Health: valueText(string(st.Health)), Class: string(st.Health), Facts: deviceFacts(s, v),
		Checks:    append([]string{"Checked: " + strings.Join(report.Checked, ", ") + "."}, skippedChecks(report.Skipped)...),
		Instances: page.Table{Head: []string{"Instance", "State", "Token valid for", "Next refresh", "Used by", "Tenant"}},
		Policy:    page.Table{Head: []string{"Key", "Value", "Level", "Status", "Source"}},
	}
	for _, f := range report.Findings {
		p.Findings = append(p.Findings, pageFinding{string(f.Severity), f.Title, append(findingRows(f), [2]string{"Code", string(f.Code)})})
	}
	p.Instances.Rows, p.Faults = instanceRows(st, true, v), faultRows(st, v)
	if s.facts.Daemon == nil { // otherwise each problem has a finding
		p.Problems = problemRows(st.Problems)
	}
	if s.policy == nil {
		return p
	}
	for _, k := range s.policy.Keys {
		if isSet(k) {
			p.Policy.Rows = append(p.Policy.Rows, []string{k.Key, k.Value, k.Level, valueText(k.Status), k.Source})
		}
	}
	return p
}

// deviceFacts names the device, its programs and, if the daemon answers, its status.
func deviceFacts(s pageSource, v view) [][2]string {
	st := s.status
	rows := [][2]string{{"Device", s.device}, {"System", runtime.GOOS + ", " + runtime.GOARCH}, {"regent", version}}
	if st.Version == "" {
		return append(rows, [2]string{"regentd", "does not answer"})
	}
	rows = append(rows, [2]string{"regentd", fmt.Sprintf("%s, running for %s", st.Version, terminal.Duration(v.now.Sub(st.StartedAt)))})
	return append(rows, statusFacts(st, v)...)
}
