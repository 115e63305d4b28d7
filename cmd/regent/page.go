package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"regent/agent/status"
	"regent/ipc/api"
)

//go:embed page.html
var pageText string

// grid is a table. On narrow screens each cell has the label of its column.
type grid struct {
	Head []string
	Rows [][]string
}

// page is the data of the page for a help desk.
type page struct {
	Health, Summary, When, Daemon string
	Facts, Faults, Problems       [][2]string
	Instances, Policy             grid
	NoPolicy                      string // why the page has no policy
}

// writePage writes status and policy as one page without other files. policy is nil if
// the user may not read it; why has the reason.
func writePage(w io.Writer, st status.Status, policy *api.Policy, why string, v view) error {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return fmt.Errorf("[unexpected] parse the page: %w", err)
	}
	if err := t.Execute(w, newPage(st, policy, why, v)); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// newPage makes the data of the page with the texts of regent status. It does no I/O.
func newPage(st status.Status, policy *api.Policy, why string, v view) page {
	p := page{
		Health: string(st.Health), Summary: st.Summary, When: v.now.UTC().Format(time.RFC1123), NoPolicy: why,
		Instances: grid{Head: []string{"Instance", "State", "Token valid for", "Next refresh", "Used by", "Tenant"}},
		Policy:    grid{Head: []string{"Key", "Value", "Level", "Status", "Source"}},
	}
	if st.Version != "" {
		p.Daemon = fmt.Sprintf("regentd %s, running for %s", st.Version, formatDuration(v.now.Sub(st.StartedAt)))
	}
	p.Facts, p.Faults, p.Problems = statusFacts(st, v), faultRows(st, v), problemRows(st.Problems)
	p.Instances.Rows = instanceRows(st, true, v)
	if policy == nil {
		return p
	}
	for _, k := range policy.Keys {
		if isSet(k) {
			p.Policy.Rows = append(p.Policy.Rows, []string{k.Key, k.Value, k.Level, valueText(k.Status), k.Source})
		}
	}
	return p
}
