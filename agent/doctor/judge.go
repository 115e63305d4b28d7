package doctor

import (
	"strings"

	"regent/agent/status"
)

// check is one check of the facts. It does no I/O.
type check struct {
	name string
	// unasked returns why the check cannot run; "" if it can.
	unasked func(Facts) string
	judge   func(Facts) []diagnosis
}

// checks returns all checks, causes before effects. A check finds nothing that an earlier
// check explains.
func checks(f Facts) []check {
	all := []check{
		{"service", noManager, judgeManager},
		{"socket", nil, judgeSocket},
		{"configuration", noConfig, judgeConfig},
		{"processes", noDaemon, judgeOthers},
		{"store", noDaemon, judgeStore},
		{"disk", noDaemon, judgeDisk},
		{"policy", noDaemon, judgePolicy},
		{"network", noServiceCheck, judgeNetwork},
		{"clock", noServiceCheck, judgeClock},
		{"identity provider", noServiceCheck, judgeProviders},
		{"registration token", noTokens, judgeRegistrations},
		{"instances", noTokens, judgeInstances},
		{"refresh", noTokens, judgeRefreshes},
		{"sessions", noTokens, judgeSessions},
		{"limits", noTokens, judgeLimits},
		{"name", noTokens, judgeName},
		{"callers", noDaemon, judgeDenials},
		{"version", noDaemon, judgeVersion},
	}
	if f.Windows == nil {
		return all
	}
	return append(all,
		check{"access lists", noAccessLists, judgeAccess},
		check{"time service", noTimeService, judgeTimeService},
	)
}

// Judge turns facts into a report. It does no I/O.
func Judge(f Facts) Report {
	r := Report{Audience: f.Audience, Checked: []string{}, Skipped: []Skipped{}, Findings: []Finding{}}
	for _, c := range checks(f) {
		if c.unasked != nil {
			if why := c.unasked(f); why != "" {
				r.Skipped = append(r.Skipped, Skipped{c.name, why})
				continue
			}
		}
		r.Checked = append(r.Checked, c.name)
		for _, d := range sortByTable(c.judge(f)) {
			r.Findings = append(r.Findings, d.finding(f.Audience, f.Windows != nil))
		}
	}
	for _, d := range judgeHealth(f, r.Worst()) {
		r.Findings = append(r.Findings, d.finding(f.Audience, f.Windows != nil))
	}
	r.Findings = sortByCause(r.Findings)
	return r
}

// judgeHealth keeps doctor and status in agreement: it adds a finding if the status is
// worse than all findings.
func judgeHealth(f Facts, worst Severity) []diagnosis {
	if f.Daemon == nil || worst == Failure {
		return nil
	}
	s := f.Daemon.Status
	switch {
	case s.Health == status.NotServing:
		return []diagnosis{{code: StatusNotServing, evidence: strings.TrimSuffix(s.Summary, status.Diagnose)}}
	case s.Health == status.Degraded && worst != Warning:
		return []diagnosis{{code: StatusDegraded, evidence: strings.TrimSuffix(s.Summary, status.Diagnose)}}
	}
	return nil
}

func noDaemon(f Facts) string {
	if f.Daemon == nil && f.Socket.Connection == ConnectionThrottled {
		return "the daemon gets too many calls and refuses them"
	}
	if f.Daemon == nil {
		return "no daemon answers"
	}
	return ""
}

func noManager(f Facts) string {
	if f.Units == nil && (f.Windows == nil || f.Windows.Service == nil) {
		return "no service manager has the package's units, or the daemon is another one"
	}
	return ""
}

func noConfig(f Facts) string {
	if f.Socket.Connection == ConnectionThrottled {
		return noDaemon(f)
	}
	if f.Config == nil && f.Daemon == nil {
		return "this user may not read the configuration, or it is in another place"
	}
	return ""
}

func noServiceCheck(f Facts) string {
	if f.Daemon != nil && len(f.Daemon.ServiceChecks) == 0 {
		return "no tenant is configured"
	}
	return noDaemon(f)
}

func noTokens(f Facts) string {
	if f.Daemon != nil && f.Daemon.Unusable != "" {
		return "the store cannot be used"
	}
	return noDaemon(f)
}
