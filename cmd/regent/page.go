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

// grid is a table; each cell is labelled with its column, for narrow screens.
type grid struct {
	Head []string
	Rows [][]string
}

// page is what stands on the page for a help desk.
type page struct {
	Health, Summary, When, Daemon string
	Facts, Faults, Problems       [][2]string
	Instances, Policy             grid
	NoPolicy                      string // why there is no policy on it
}

// writePage writes status and policy as one page that needs nothing else. policy
// is nil where the reader may not have it, and why says so.
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

// newPage puts everything into the words of the screen. It is pure.
func newPage(st status.Status, policy *api.Policy, why string, v view) page {
	p := page{
		Health: string(st.Health), Summary: st.Summary, When: v.now.UTC().Format(time.RFC1123), NoPolicy: why,
		Instances: grid{Head: []string{"Instance", "State", "Token good for", "Next refresh", "Used by", "Tenant"}},
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
