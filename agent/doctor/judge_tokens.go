package doctor

import (
	"fmt"
	"strings"
	"time"

	"regent/agent/fault"
	state "regent/agent/instance"
	"regent/agent/status"
	"regent/agent/token"
)

// judgeRegistrations says what is wrong with the registration tokens.
func judgeRegistrations(f Facts) []doubt {
	var out []doubt
	for _, h := range f.Daemon.Held {
		if h.Refused == "" || h.Unpaid == 0 {
			continue
		}
		words := strings.ToLower(h.Words)
		code := RegistrationRefused
		switch {
		case h.Refused == "registration_expired":
			code = RegistrationExpired
		case h.Refused == "registration_exhausted":
			code = RegistrationExhausted
		case strings.Contains(words, "disabled"): // best effort: no text of the service is documented
			code = RegistrationDisabled
		}
		waiting := h.waiting(f)
		out = append(out, doubt{
			code: code, subject: h.Tenant, known: theOne(waiting),
			evidence: fmt.Sprintf("%s, refused at %s; waiting: %s; %s", h.Named(), h.RefusedAt.UTC().Format("2006-01-02 15:04Z"), strings.Join(waiting, ", "), said(h.Words)),
		})
	}
	return append(out, missing(f)...)
}

// Named names h to its reader, who may know its fingerprint or not.
func (h Held) Named() string { return strings.TrimSpace("registration token " + h.Fingerprint) }

// waiting names the instances that h would be redeemed for.
func (h Held) waiting(f Facts) []string {
	var out []string
	for _, a := range f.Daemon.Status.Applications {
		if a.Tenant != h.Tenant || h.Application != "" && h.Application != a.ID {
			continue
		}
		for _, i := range a.Instances {
			if i.State == "unredeemed" || i.RedeemAsked {
				out = append(out, i.Name)
			}
		}
	}
	return out
}

// refreshed names the tenant's instances that have an auth token.
func refreshed(f Facts, tenant string) []string {
	var out []string
	for _, a := range f.Daemon.Status.Applications {
		for _, i := range a.Instances {
			if a.Tenant == tenant && state.State(i.State).Refreshable() {
				out = append(out, i.Name)
			}
		}
	}
	return out
}

// theOne is the value for a next step that is about each of the instances, if
// there is but one.
func theOne(instances []string) []string {
	if len(instances) != 1 {
		return nil
	}
	return []string{fault.AnInstance, instances[0]}
}

// said is what the service said, of a text that has it in parentheses, and what stands
// after that. The text before it is advice, which the finding has in the table's
// words. A text without it is returned whole.
func said(text string) string {
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

// redemption is the identifier in the text about an uncertain redemption, "" if it
// has none.
func redemption(text string) string {
	_, after, _ := strings.Cut(text, "regent ledger resolve ")
	id, _, _ := strings.Cut(after, " ")
	return id
}

// missing names the tenants whose instances wait and for which nothing is held.
func missing(f Facts) []doubt {
	waiting, order := map[string][]string{}, []string{}
	for _, a := range f.Daemon.Status.Applications {
		for _, i := range a.Instances {
			if i.State != "unredeemed" && !i.RedeemAsked || pays(f, a) || refusedFor(i) != "" {
				continue
			}
			if waiting[a.Tenant] == nil {
				order = append(order, a.Tenant)
			}
			waiting[a.Tenant] = append(waiting[a.Tenant], i.Name)
		}
	}
	out := refusals(f)
	hint := ""
	if BringsToken(f.Daemon.Status) {
		hint = "; one was brought, see " + string(RegistrationFile)
	}
	for _, host := range order {
		out = append(out, doubt{code: RegistrationMissing, subject: host, evidence: "waiting: " + strings.Join(waiting[host], ", ") + hint})
	}
	return out
}

// pays reports whether a held registration token is for the application.
func pays(f Facts, a status.Application) bool {
	for _, h := range f.Daemon.Held {
		if h.Tenant == a.Tenant && (h.Application == "" || h.Application == a.ID) {
			return true
		}
	}
	return false
}

// refusedFor is the code of an instance whose registration token was refused
// and is gone.
func refusedFor(i status.Instance) Code {
	if i.LastFault == nil {
		return ""
	}
	switch i.LastFault.Code {
	case "registration_expired":
		return RegistrationExpired
	case "registration_exhausted":
		return RegistrationExhausted
	case "registration_refused":
		return RegistrationRefused
	}
	return ""
}

func refusals(f Facts) []doubt {
	var out []doubt
	for _, a := range f.Daemon.Status.Applications {
		if pays(f, a) {
			continue
		}
		for _, i := range a.Instances {
			if code := refusedFor(i); code != "" && i.State == "unredeemed" {
				out = append(out, doubt{code: code, subject: i.Name, evidence: said(i.LastFault.Detail), known: theOne([]string{i.Name})})
			}
		}
	}
	return out
}

// judgeInstances says which instances need a person. Those that only wait for
// the network or a registration token are explained by that.
func judgeInstances(f Facts) []doubt {
	codes := map[string]Code{
		"uncertain": RedemptionUncertain, "revoked": AuthTokenRevoked,
		"refresh_lost": RefreshTokenLost, "refresh_expired": RefreshTokenExpired,
	}
	var out []doubt
	for _, a := range f.Daemon.Status.Applications {
		for _, i := range a.Instances {
			code, bad := codes[i.State]
			if i.LastFault != nil && i.LastFault.Code == string(RedemptionUnconfirmed) {
				code, bad = RedemptionUnconfirmed, true
			}
			if !bad {
				continue
			}
			why := "state " + i.State
			if i.LastFault != nil {
				why = i.LastFault.Detail
			}
			known := theOne([]string{i.Name})
			if id := redemption(why); id != "" {
				why, _, _ = strings.Cut(why, ";") // the rest is in the next step
				known = append(known, "IDENTIFIER", id)
			}
			out = append(out, doubt{code: code, subject: i.Name, evidence: said(why), known: known})
		}
	}
	return out
}

// judgeRefreshes names the tenants at which it is uncertain how to refresh.
func judgeRefreshes(f Facts) []doubt {
	var out []doubt
	for _, t := range f.Daemon.Status.Tenants {
		if r := t.Refresh; r != nil && r.Uncertain != "" {
			out = append(out, doubt{
				code: RefreshUncertain, subject: t.Host, known: theOne(r.Instances),
				evidence: fmt.Sprintf("refresh.mode: %s; %s: %s", r.Configured, strings.Join(r.Instances, ", "), r.Uncertain),
			})
		}
	}
	return out
}

// judgeSessions names the tenants whose sessions end, whatever a device does.
func judgeSessions(f Facts) []doubt {
	var out []doubt
	for _, t := range f.Daemon.Status.Tenants {
		if t.SessionsEndSeconds > 0 {
			out = append(out, doubt{code: SessionEnds, subject: t.Host, evidence: token.SessionsEnd(time.Duration(t.SessionsEndSeconds) * time.Second)})
		}
	}
	return out
}

// judgeLimits names the tenants whose access tokens end before the next refresh may
// begin.
func judgeLimits(f Facts) []doubt {
	var out []doubt
	for _, t := range f.Daemon.Status.Tenants {
		if l := t.Limited; l.Interrupts() {
			out = append(out, doubt{code: RefreshLimited, subject: t.Host, evidence: fmt.Sprintf("lifetime of access tokens: %d s; limits.refresh_floor: %d s", l.LifeSeconds, l.FloorSeconds)})
		}
	}
	return out
}

// judgeName says that the service knows this device by the name of its first
// redemption.
func judgeName(f Facts) []doubt {
	if n := f.Daemon.Status.FQDN; n.Differs() {
		return []doubt{{code: DeviceRenamed, subject: n.Told, evidence: fmt.Sprintf("name at the first redemption: %s; name today: %s", n.Told, n.Now), known: []string{"FQDN", n.Told}}}
	}
	return nil
}
