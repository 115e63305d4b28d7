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

// judgeRegistrations says what is wrong with the registration tokens.
func judgeRegistrations(f Facts) []diagnosis {
	var out []diagnosis
	for _, h := range f.Daemon.RegistrationTokens {
		if h.Refused == "" || h.Pending == 0 {
			continue
		}
		code := refusalCode(h.Refused)
		switch {
		case code == RegistrationExpired, code == RegistrationExhausted:
		case strings.Contains(strings.ToLower(h.Message), "disabled"): // best effort: no text of the service is documented
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

// Label names h to its reader, who may know its fingerprint or not.
func (h RegistrationToken) Label() string {
	return strings.TrimSpace("registration token " + h.Fingerprint)
}

// waiting names the instances that h would be redeemed for.
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
	return i.State == string(token.Unredeemed) || i.RedeemAsked
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

// onlyInstance is the value for a next step that is about each of the instances, if
// there is but one.
func onlyInstance(instances []string) []string {
	if len(instances) != 1 {
		return nil
	}
	return []string{fault.InstancePlaceholder, instances[0]}
}

// serviceWords is what the service said, of a text that has it in parentheses, and what stands
// after that. The text before it is advice, which the finding has in the table's
// words. A text without it is returned whole.
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

// redemptionID is the identifier in the text about an uncertain redemption, "" if it
// has none.
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
		hint = "; one was brought, see " + string(RegistrationFile)
	}
	for _, host := range order {
		out = append(out, diagnosis{code: RegistrationMissing, subject: host, evidence: "waiting: " + strings.Join(waiting[host], ", ") + hint})
	}
	return out
}

// refusalCode is the doctor's code for a registration token that was refused with a
// fault; "" of any other fault.
func refusalCode(refused string) Code {
	code := Code(refused)
	if code == RegistrationExpired || code == RegistrationExhausted || code == RegistrationRefused {
		return code
	}
	return ""
}

// lastRefusal is refusalCode of an instance's last fault.
func lastRefusal(i status.Instance) Code {
	if i.LastFault == nil {
		return ""
	}
	return refusalCode(i.LastFault.Code)
}

// judgeInstances says which instances need a person. Those that only wait for
// the network or a registration token are explained by that.
func judgeInstances(f Facts) []diagnosis {
	var out []diagnosis
	for _, i := range f.Daemon.Status.Instances() {
		code := instanceCode(i)
		if code == "" {
			continue
		}
		why := "state " + i.State
		if i.LastFault != nil {
			why = i.LastFault.Detail
		}
		known := onlyInstance([]string{i.Name})
		if id := redemptionID(why); id != "" {
			why, _, _ = strings.Cut(why, ";") // the rest is in the next step
			known = append(known, "IDENTIFIER", id)
		}
		out = append(out, diagnosis{code: code, subject: i.Name, evidence: serviceWords(why), placeholders: known})
	}
	return out
}

// instanceCode is the code of an instance that needs a person; "" of any other.
func instanceCode(i status.Instance) Code {
	if i.LastFault != nil && Code(i.LastFault.Code) == RedemptionUnconfirmed {
		return RedemptionUnconfirmed
	}
	switch s := token.State(i.State); s {
	case token.Uncertain:
		return RedemptionUncertain
	case token.Revoked, token.RefreshLost, token.RefreshExpired:
		return Code(s)
	}
	return ""
}

// judgeRefreshes names the tenants at which it is uncertain how to refresh.
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

// judgeSessions names the tenants whose sessions end, whatever a device does.
func judgeSessions(f Facts) []diagnosis {
	var out []diagnosis
	for _, t := range f.Daemon.Status.Tenants {
		if t.SessionsEndSeconds > 0 {
			out = append(out, diagnosis{code: SessionEnds, subject: t.Host, evidence: token.SessionLimitText(time.Duration(t.SessionsEndSeconds) * time.Second)})
		}
	}
	return out
}

// judgeLimits names the tenants whose access tokens end before the next refresh may
// begin.
func judgeLimits(f Facts) []diagnosis {
	var out []diagnosis
	for _, t := range f.Daemon.Status.Tenants {
		if l := t.Limited; l.Interrupts() {
			out = append(out, diagnosis{code: RefreshLimited, subject: t.Host, evidence: fmt.Sprintf("%s; limits.refresh_floor: %d s", l.LifeText(), l.FloorSeconds)})
		}
	}
	return out
}

// judgeName says that the service knows this device by the name of its first
// redemption.
func judgeName(f Facts) []diagnosis {
	if n := f.Daemon.Status.FQDN; n.Differs() {
		return []diagnosis{{code: DeviceRenamed, subject: n.Registered, evidence: fmt.Sprintf("name at the first redemption: %s; name today: %s", n.Registered, n.Current), placeholders: []string{"FQDN", n.Registered}}}
	}
	return nil
}
