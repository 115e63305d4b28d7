package doctor

import "regent/agent/status"

// check is one judgement: a question, whether it can be asked of the facts,
// and its answer. It is pure.
type check struct {
	name string
	// unasked says why the facts do not answer it; "" if they do.
	unasked func(Facts) string
	judge   func(Facts) []diagnosis
}

// checks are all judgements, causes before what follows from them. What one finds
// hides what follows from it: each judges only what is not explained by those before it.
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

// Judge turns facts into a report. It is pure.
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

// judgeHealth sees to it that doctor and status never disagree: it finds what
// status says if nothing that was found is as bad as that.
func judgeHealth(f Facts, worst Severity) []diagnosis {
	if f.Daemon == nil || worst == Failure {
		return nil
	}
	s := f.Daemon.Status
	switch {
	case s.Health == status.NotServing:
		return []diagnosis{{code: StatusNotServing, evidence: s.Summary}}
	case s.Health == status.Degraded && worst != Warning:
		return []diagnosis{{code: StatusDegraded, evidence: s.Summary}}
	}
	return nil
}

func noDaemon(f Facts) string {
	if f.Daemon == nil && f.Socket.Connection == ConnectionThrottled {
		return "the daemon refuses calls: it gets too many"
	}
	if f.Daemon == nil {
		return "no daemon answers"
	}
	return ""
}

func noManager(f Facts) string {
	if f.Units == nil && (f.Windows == nil || f.Windows.Service == nil) {
		return "no service manager has the package's units, or it is not the package's daemon"
	}
	return ""
}

func noConfig(f Facts) string {
	if f.Socket.Connection == ConnectionThrottled {
		return noDaemon(f)
	}
	if f.Config == nil && f.Daemon == nil {
		return "this user may not read the configuration, or it is not where this program looks"
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
