package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/platform/layout"
	"regent/platform/terminal"
)

// renderStatus formats the whole status for one screen.
func renderStatus(s status.Status, v view) string {
	if s.Version == "" { // the service manager's answer
		return renderHealth(s, v)
	}
	instances := ""
	if len(s.Applications) > 0 { // the summary says if there is none
		instances = renderInstances(s, v)
	}
	parts := []string{
		renderHealth(s, v),
		v.labelled("", statusFacts(s, v)),
		instances,
		v.section("Last faults", faultRows(s, v)),
		v.section("Problems", problemRows(s.Problems)),
		fmt.Sprintf("regentd %s, running for %s\n", printable(s.Version), terminal.Duration(v.now.Sub(s.StartedAt))),
	}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), "\n")
}

// renderHealth formats the summary of the status.
func renderHealth(s status.Status, v view) string {
	summary := printable(s.Summary)
	if summary == "" {
		summary = strings.ReplaceAll(printable(string(s.Health)), "_", " ")
	}
	colour := cmp.Or(map[status.Health]string{status.Serving: green, status.Waiting: yellow, status.Degraded: yellow}[s.Health], red)
	return v.paint(bold+colour, strings.TrimSuffix(v.prose(summary), "\n")) + "\n"
}

// statusFacts returns the key protection, and each tenant with its registration token and
// clock.
func statusFacts(s status.Status, v view) [][2]string {
	rows := facts{}
	rows.add("Configuration", s.ConfigFile)
	rows.add("Key protection", storeText(s.Store))
	for _, t := range s.Tenants {
		rows = append(rows, tenantFacts(t, registrationNeedOf(s, t.Host), v)...)
	}
	if s.FQDN.Differs() {
		rows.add("Name", fmt.Sprintf("%s at the service (from the first redemption), %s today", s.FQDN.Registered, s.FQDN.Current))
	}
	if s.CanServeUntil != nil {
		rows.add("Works offline", fmt.Sprintf("for %s, until %s", terminal.Duration(s.CanServeUntil.Sub(v.now)), s.CanServeUntil.UTC().Format("2006-01-02 15:04 UTC")))
	}
	if s.Counts != nil {
		rows.add("Counts used", countsText(*s.Counts))
	}
	return rows
}

// countsText returns the number of counts that this device has used.
func countsText(c status.Counts) string {
	text := fmt.Sprintf("%d by this device", c.Confirmed)
	if c.Uncertain > 0 {
		text += fmt.Sprintf(", and %d uncertain: see %s", c.Uncertain, fault.Commands("sudo regent ledger"))
	}
	return text
}

func storeText(s status.Store) string {
	text := s.Guard
	if s.State != "ok" {
		text += ", store " + strings.ReplaceAll(s.State, "_", " ")
	}
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	return printable(text)
}

// registrationNeed says why a tenant needs a registration token.
type registrationNeed struct {
	now          bool // an instance waits for it
	forRedeem    bool // an instance has ended or is uncertain, and a person may redeem it again
	hasAuthToken bool // an instance has an auth token
	unknown      bool // the store cannot be read
	brought      bool // a file or credential with a token exists, but has a problem
}

func registrationNeedOf(s status.Status, tenant string) registrationNeed {
	n := registrationNeed{brought: doctor.HasTokenProblem(s)}
	for a, i := range s.Instances() {
		if i.State == status.Unknown {
			n.unknown = true
		}
		if a.Tenant != tenant {
			continue
		}
		switch token.State(i.State) {
		case token.Unredeemed:
			n.now = true
		case token.Revoked, token.RefreshLost, token.RefreshExpired, token.Uncertain:
			n.forRedeem = true
		case token.Live, token.Stale, token.Expired:
			n.hasAuthToken = true
		}
		n.now = n.now || i.RedeemAsked
	}
	return n
}

func tenantFacts(t status.Tenant, n registrationNeed, v view) [][2]string {
	rows := facts{{"Token service", printable(t.Host) + ", " + cmp.Or(reachableTexts[t.Reachable], "not asked yet")}}
	if t.LastFault != nil && t.Reachable != "yes" {
		rows.add("", faultText(*t.LastFault, v))
	}
	rows.add("Registration token", registrationText(t.RegistrationToken, n, v))
	if skew := time.Duration(t.ClockSkewSeconds) * time.Second; skew.Abs() > time.Minute {
		rows.add("Clock", skewText(skew))
	}
	rows.add("Redemptions", requestFormText(t.RequestForm))
	if t.Refresh != nil {
		rows.add("Refresh", t.Refresh.Text())
	}
	if t.SessionsEndSeconds > 0 {
		rows.add("Sessions", token.SessionLimitText(time.Duration(t.SessionsEndSeconds)*time.Second))
	}
	for _, line := range limitsText(t.Limited) {
		rows.add("Limited", line)
	}
	return rows
}

// requestFormText describes a form of redemptions if a person should act; "" otherwise.
func requestFormText(r *status.RequestForm) string {
	if r == nil {
		return ""
	}
	switch tms.Proof(r.Proof) {
	case tms.Accepted:
		id := "IDENTIFIER"
		if r.Redemption != "" {
			id = printable(r.Redemption)
		}
		return fault.Commands(fmt.Sprintf("%s, accepted, unconfirmed: the reply did not show the names of this device. If tmsctl auth-token list shows %s, run: sudo regent ledger resolve %[2]s --listed. If not, run it with --not-listed", printable(r.Form), id))
	case tms.Ignored:
		return fmt.Sprintf("%s, accepted, but a person found that the service ignored it", printable(r.Form))
	case tms.ByRelease:
		return printable(r.Form) + ", as sent by an earlier release"
	case tms.Unproven, tms.ByReply, tms.ByPerson:
	}
	return ""
}

// limitsText returns the active limits, each in a line.
func limitsText(l *status.Limited) []string {
	if l == nil {
		return nil
	}
	var lines []string
	if l.FloorSeconds > 0 {
		lines = append(lines, fmt.Sprintf("%s; Regent refreshes each instance at most every %d s", l.LifeText(), l.FloorSeconds))
	}
	if l.Rate > 0 {
		lines = append(lines, fmt.Sprintf("refreshes wait: at most %d per second start at this tenant (limits.refresh_rate)", l.Rate))
	}
	return lines
}

func registrationText(r *status.RegistrationToken, n registrationNeed, v view) string {
	switch {
	case r == nil && n.unknown:
		return "unknown, since the store cannot be used"
	case r == nil && n.now && n.brought:
		return "none; Regent did not seal its file, see Problems below"
	case r == nil && n.now:
		return "none"
	case r == nil && n.forRedeem:
		return "none. A registration token is needed to redeem again"
	case r == nil && !n.hasAuthToken:
		return "none; no application of this tenant is configured"
	case r == nil:
		return "not needed"
	}
	held := fmt.Sprintf("from %s, stored for %s", r.Source, terminal.Duration(v.now.Sub(r.ReceivedAt)))
	if r.Fingerprint != "" { // only administrators see it
		held = r.Fingerprint + " " + held
	}
	return printable(held)
}

// skewText describes the error of this device's clock, compared with the service's.
func skewText(skew time.Duration) string {
	side := "behind"
	if skew < 0 {
		side = "ahead of"
	}
	return fmt.Sprintf("this device is %s %s the service; set its clock: Cloud LM refuses calls that are over 15 min off", terminal.Duration(skew.Abs()), side)
}

// renderInstances formats the table of all instances.
func renderInstances(s status.Status, v view) string {
	if len(s.Applications) == 0 {
		return fmt.Sprintf("No application is configured. An administrator runs: %s\n", layout.SetupCommand)
	}
	head := []string{"INSTANCE", "STATE", "VALID FOR", "REFRESH", "USED BY"}
	several := len(s.Tenants) > 1
	if several {
		head = append(head, "TENANT")
	}
	return terminal.Table(append([][]string{head}, instanceRows(s, several, v)...), v.width) + terminal.WrapText(pendingRedemptions(s)+closedApplications(s), v.width)
}

// instanceRows returns a row for each instance, with its tenant if tenant is set.
func instanceRows(s status.Status, tenant bool, v view) (rows [][]string) {
	for a, i := range s.Instances() {
		row := instanceRow(i, stateText(i, holdsRegistration(s, a.Tenant), a.OnDemand), v)
		if tenant {
			row = append(row, printable(a.Tenant))
		}
		rows = append(rows, row)
	}
	return rows
}

func instanceRow(i status.Instance, state string, v view) []string {
	left, next := "-", "-"
	if i.ExpiresIn > 0 {
		left = terminal.Duration(time.Duration(i.ExpiresIn) * time.Second)
	}
	if i.NextRefresh != nil {
		next = formatUntil(v.now, *i.NextRefresh)
	}
	return []string{printable(i.Name), state, left, next, holderText(i)}
}

// pendingRedemptions names the redemptions that a person asked for and that wait for a
// registration token.
func pendingRedemptions(s status.Status) string {
	var names []string
	for a, i := range s.Instances() {
		if i.RedeemAsked && !holdsRegistration(s, a.Tenant) {
			names = append(names, printable(i.Name))
		}
	}
	if len(names) == 0 {
		return ""
	}
	text := " for a registration token. An administrator requested a new redemption. It costs one count.\n"
	if len(names) > 1 {
		text = " for a registration token. An administrator requested new redemptions. Each costs one count.\n"
	}
	return status.WaitText(names) + text
}

// closedApplications names the applications without an allow rule: a common mistake.
func closedApplications(s status.Status) string {
	var b strings.Builder
	for _, a := range s.Applications {
		if a.Rules == 0 {
			fmt.Fprintf(&b, "Every request for %s is denied: it has no allow rule.\n", printable(a.ID))
		}
	}
	return b.String()
}

func holdsRegistration(s status.Status, tenant string) bool {
	return slices.ContainsFunc(s.Tenants, func(t status.Tenant) bool { return t.Host == tenant && t.RegistrationToken != nil })
}

// faultRows returns a row for each last fault. Instances with the same fault share a row.
func faultRows(s status.Status, v view) (rows [][2]string) {
	troubled := slices.DeleteFunc(allInstances(s), func(i status.Instance) bool { return i.LastFault == nil })
	detail := func(i status.Instance) string { // without the instance's name
		return strings.ReplaceAll(i.LastFault.Detail, i.Name, fault.InstancePlaceholder)
	}
	for _, same := range groups(troubled, func(i status.Instance) [2]string { return [2]string{i.LastFault.Code, detail(i)} }) {
		last := *slices.MaxFunc(same, func(a, b status.Instance) int { return a.LastFault.At.Compare(b.LastFault.At) }).LastFault
		var names []string
		for _, i := range same {
			names = append(names, i.Name)
		}
		if len(names) > 1 {
			last.Detail = detail(same[0])
		}
		rows = append(rows, [2]string{printable(status.FirstNames(names)), faultText(last, v)})
	}
	return rows
}

func problemRows(problems []status.Problem) (rows [][2]string) {
	for _, p := range problems {
		rows = append(rows, [2]string{printable(p.Source), printable(p.Detail)})
	}
	return rows
}

// section formats rows under a heading; "" without rows.
func (v view) section(heading string, rows [][2]string) string {
	if len(rows) == 0 {
		return ""
	}
	return v.paint(bold, heading) + "\n" + v.labelled("  ", rows)
}

func faultText(f status.Fault, v view) string {
	return printable(fmt.Sprintf("%s, %s: %s", formatAgo(v.now, f.At), f.Code, f.Detail))
}
