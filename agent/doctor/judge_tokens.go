package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/token"
)

// judgeRegistrations finds problems of the registration tokens.
func judgeRegistrations(f Facts) []diagnosis {
	var out []diagnosis
	for _, h := range f.Daemon.RegistrationTokens {
		if h.Refused == "" || h.Pending == 0 {
			continue
		}
		code := refusalCode(h.Refused)
		switch {
		case code == RegistrationExpired, code == RegistrationExhausted:
		case strings.Contains(strings.ToLower(h.Message), "disabled"): // a guess: the service's texts are not documented
			code = RegistrationDisabled
		default:
			code = RegistrationRefused
		}
		waiting := h.waiting(f)
		out = append(out, diagnosis{
			code: code, subject: h.Tenant, placeholders: onlyInstance(waiting),
			evidence: fmt.Sprintf("%s, refused at %s; waiting: %s; %s", h.Label(), h.RefusedAt.UTC().Format("2006-01-02 15:04Z"), strings.Join(waiting, ", "), serviceWords(h.Message)),
		})
	}
	return append(out, missingRegistrations(f)...)
}

// Label names h, with its fingerprint if the reader may see it.
func (h RegistrationToken) Label() string {
	return strings.TrimSpace("registration token " + h.Fingerprint)
}

// waiting names the instances that need h.
func (h RegistrationToken) waiting(f Facts) (names []string) {
	for a, i := range f.Daemon.Status.Instances() {
		if h.paysFor(a) && isWaiting(i) {
			names = append(names, i.Name)
		}
	}
	return names
}

// paysFor reports whether h is for the application.
func (h RegistrationToken) paysFor(a status.Application) bool {
	return h.Tenant == a.Tenant && (h.Application == "" || h.Application == a.ID)
}

// isWaiting reports whether a registration token would be redeemed for an instance.
func isWaiting(i status.Instance) bool {
	return i.State == string(token.Unredeemed) && !i.NeedsRedeem() || i.RedeemAsked
}

// redeemedInstances names the tenant's instances that have an auth token.
func redeemedInstances(f Facts, tenant string) (names []string) {
	for a, i := range f.Daemon.Status.Instances() {
		if a.Tenant == tenant && token.State(i.State).Refreshable() {
			names = append(names, i.Name)
		}
	}
	return names
}

// onlyInstance returns the placeholder of the instance if there is exactly one.
func onlyInstance(instances []string) []string {
	if len(instances) != 1 {
		return nil
	}
	return []string{fault.InstancePlaceholder, instances[0]}
}

// serviceWords returns the service's message in a text, which is in parentheses, and the
// text after it. It leaves out the advice before it, since a finding has the advice of the
// table. It returns a text without such a message as it is.
func serviceWords(text string) string {
	before, _, ok := strings.Cut(text, " said: ")
	begin := strings.LastIndex(before, "(")
	if !ok || begin < 0 {
		return text
	}
	text = text[begin+1:]
	if end := strings.LastIndex(text, `")`); end >= 0 {
		return text[:end+1] + text[end+2:]
	}
	return strings.TrimSuffix(text, ")")
}

// redemptionID returns the identifier in a text about an uncertain redemption; "" without
// one.
func redemptionID(text string) string {
	_, after, _ := strings.Cut(text, "regent ledger resolve ")
	id, _, _ := strings.Cut(after, " ")
	return id
}

// missingRegistrations names the tenants with waiting instances and no registration token,
// and the instances whose last registration token was refused.
func missingRegistrations(f Facts) []diagnosis {
	var out []diagnosis
	waiting, order := map[string][]string{}, []string{}
	for a, i := range f.Daemon.Status.Instances() {
		if slices.ContainsFunc(f.Daemon.RegistrationTokens, func(h RegistrationToken) bool { return h.paysFor(a) }) {
			continue
		}
		code := lastRefusal(i)
		switch {
		case i.NeedsRedeem(): // judgeInstances names it
		case code != "" && i.State == string(token.Unredeemed):
			out = append(out, diagnosis{code: code, subject: i.Name, evidence: serviceWords(i.LastFault.Detail), placeholders: onlyInstance([]string{i.Name})})
		case code == "" && isWaiting(i):
			if waiting[a.Tenant] == nil {
				order = append(order, a.Tenant)
			}
			waiting[a.Tenant] = append(waiting[a.Tenant], i.Name)
		}
	}
	hint := ""
	if HasTokenProblem(f.Daemon.Status) {
		hint = "; a file has one, see " + string(RegistrationFile)
	}
	for _, host := range order {
		out = append(out, diagnosis{code: RegistrationMissing, subject: host, evidence: "waiting: " + strings.Join(waiting[host], ", ") + hint})
	}
	return out
}

// refusalCode returns the code for a refused registration token; "" for any other fault.
func refusalCode(refused string) Code {
	code := Code(refused)
	if code == RegistrationExpired || code == RegistrationExhausted || code == RegistrationRefused {
		return code
	}
	return ""
}

// lastRefusal returns refusalCode of an instance's last fault.
func lastRefusal(i status.Instance) Code {
	if i.LastFault == nil {
		return ""
	}
	return refusalCode(i.LastFault.Code)
}

// judgeInstances finds instances that need a person. Other checks explain those that wait
// for the network or a registration token.
func judgeInstances(f Facts) []diagnosis {
	var out []diagnosis
	blocked := blockedInstances(f)
	for _, i := range f.Daemon.Status.Instances() {
		code := instanceCode(i)
		if code == "" || code == RedemptionUnconfirmed && slices.Contains(blocked[redemptionID(i.LastFault.Detail)], i.Name) {
			continue
		}
		why := "state " + i.State
		if i.LastFault != nil {
			why = i.LastFault.Detail
		}
		known := onlyInstance([]string{i.Name})
		if id := redemptionID(why); id != "" {
			why, _, _ = strings.Cut(why, ". Ask ") // the next step has the rest
			known = append(known, "IDENTIFIER", id)
			if names := blocked[id]; len(names) > 0 {
				why += "; " + status.WaitText(names) + " for it"
			}
		}
		out = append(out, diagnosis{code: code, subject: i.Name, evidence: serviceWords(why), placeholders: known})
	}
	return out
}

// blockedInstances returns the instances that wait for an uncertain redemption of another
// instance, by its identifier. The finding of that instance names them: one redemption has
// one next step.
func blockedInstances(f Facts) map[string][]string {
	blocked := map[string][]string{}
	for _, i := range f.Daemon.Status.Instances() {
		if i.LastFault != nil && instanceCode(i) == RedemptionUncertain {
			blocked[redemptionID(i.LastFault.Detail)] = nil
		}
	}
	delete(blocked, "")
	for _, i := range f.Daemon.Status.Instances() {
		if instanceCode(i) != RedemptionUnconfirmed {
			continue
		}
		id := redemptionID(i.LastFault.Detail)
		if _, uncertain := blocked[id]; uncertain {
			blocked[id] = append(blocked[id], i.Name)
		}
	}
	return blocked
}

// instanceCode returns the code of an instance that needs a person; "" for any other.
func instanceCode(i status.Instance) Code {
	if i.LastFault != nil && Code(i.LastFault.Code) == RedemptionUnconfirmed {
		return RedemptionUnconfirmed
	}
	if i.NeedsRedeem() {
		return RedemptionManual
	}
	switch s := token.State(i.State); s {
	case token.Uncertain:
		return RedemptionUncertain
	case token.Revoked, token.RefreshLost, token.RefreshExpired:
		return Code(s)
	}
	return ""
}

// judgeRefreshes finds tenants without a refresh mode that works.
func judgeRefreshes(f Facts) []diagnosis {
	var out []diagnosis
	for _, t := range f.Daemon.Status.Tenants {
		if r := t.Refresh; r != nil && r.Uncertain != "" {
			out = append(out, diagnosis{
				code: RefreshUncertain, subject: t.Host, placeholders: onlyInstance(r.Instances),
				evidence: fmt.Sprintf("refresh.mode: %s; %s: %s", r.Configured, strings.Join(r.Instances, ", "), r.Uncertain),
			})
		}
	}
	return out
}

// judgeSessions finds tenants that end every session after a time.
func judgeSessions(f Facts) []diagnosis {
	var out []diagnosis
	for _, t := range f.Daemon.Status.Tenants {
		if t.SessionsEndSeconds > 0 {
			out = append(out, diagnosis{code: SessionEnds, subject: t.Host, evidence: token.SessionLimitText(time.Duration(t.SessionsEndSeconds) * time.Second)})
		}
	}
	return out
}

// judgeLimits finds tenants with access tokens that expire before the next refresh may
// start.
func judgeLimits(f Facts) []diagnosis {
	var out []diagnosis
	for _, t := range f.Daemon.Status.Tenants {
		if l := t.Limited; l.Interrupts() {
			out = append(out, diagnosis{code: RefreshLimited, subject: t.Host, evidence: fmt.Sprintf("%s; limits.refresh_floor: %d s", l.LifeText(), l.FloorSeconds)})
		}
	}
	return out
}

// judgeName finds a device that the service knows by an earlier name.
func judgeName(f Facts) []diagnosis {
	if n := f.Daemon.Status.FQDN; n.Differs() {
		return []diagnosis{{code: DeviceRenamed, subject: n.Registered, evidence: fmt.Sprintf("name at the first redemption: %s; name today: %s", n.Registered, n.Current), placeholders: []string{"FQDN", n.Registered}}}
	}
	return nil
}
