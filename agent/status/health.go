package status

import (
	"fmt"
	"slices"
	"strings"

	"regent/agent/fault"
	"regent/agent/token"
)

// Diagnose ends a summary without another next step.
const Diagnose = ". Run: regent doctor"

// Summarise returns the health of a status with a usable store, and one or two sentences
// with the next step. setup is the command that configures this device. It is pure.
func Summarise(s Status, setup string) (Health, string) {
	n := countInstances(s)
	limited := slices.ContainsFunc(s.Tenants, func(t Tenant) bool { return t.Limited != nil })
	switch {
	case n.interrupted > 0 && n.serving+n.expiredOffline+n.interrupted == n.total,
		n.expiredOffline > 0 && n.serving+n.expiredOffline == n.total && limited:
		return Degraded, "tokens expire before the next refresh is allowed" + Diagnose
	case n.expiredOffline > 0 && n.serving+n.expiredOffline == n.total:
		return Degraded, "access tokens expired while the device was off; Regent refreshes them within minutes, or when an application asks"
	}
	n.serving += n.interrupted
	if n.serving > 0 {
		return servingHealth(n, setup)
	}
	return healthWithoutToken(s, n, setup)
}

// servingHealth is the health of a device with a valid access token.
func servingHealth(n instanceCounts, setup string) (Health, string) {
	text := fmt.Sprintf("serving %d of %d instances", n.serving, n.total)
	if n.total == 1 {
		text = "serving the one instance that is configured"
	}
	switch {
	case n.serving == n.total && len(n.failing) == 0:
		return Serving, text
	case n.serving == n.total:
		return Degraded, fmt.Sprintf("%s; the refresh fails for %s", text, FirstNames(n.failing))
	case len(n.manual) > 0 && n.serving+len(n.manual)+len(n.tokenless) == n.total:
		return Degraded, text + "; " + redeemText(n.manual)
	case n.serving+len(n.tokenless) == n.total:
		return Degraded, fmt.Sprintf("%s; %s for a registration token. An administrator runs: %s", text, WaitText(n.tokenless), setup)
	}
	return Degraded, text + Diagnose
}

// healthWithoutToken is the health of a device without a valid access token.
func healthWithoutToken(s Status, n instanceCounts, setup string) (Health, string) {
	switch {
	case n.total == 0 && !hasRegistrationToken(s): // just installed
		return Waiting, fmt.Sprintf("no application is configured in %s, and there is no registration token. An administrator runs: %s", configText(s), setup)
	case n.total == 0:
		return Degraded, fmt.Sprintf("no application is configured in %s. An administrator runs: %s", configText(s), setup)
	case n.waiting < n.total && len(n.tokenless) > 0:
		return NotServing, fmt.Sprintf("no instance has a valid access token; %s for a registration token. An administrator runs: %s", WaitText(n.tokenless), setup)
	case len(n.manual) > 0 && len(n.failing) == 0:
		return NotServing, "no instance has a valid access token; " + redeemText(n.manual)
	case n.waiting < n.total && len(n.failing) > 0:
		return NotServing, fmt.Sprintf("no instance has a valid access token; failing: %s", FirstNames(n.failing)) + Diagnose
	case n.waiting < n.total:
		return NotServing, "no instance has a valid access token" + Diagnose
	case len(n.tokenless) == n.total:
		return Waiting, "waiting for a registration token. An administrator runs: " + setup
	case len(n.tokenless) > 0:
		return Waiting, fmt.Sprintf("%s for a registration token. An administrator runs: %s", WaitText(n.tokenless), setup)
	case onDemandOnly(s):
		return Waiting, "a registration token is stored; Regent redeems each instance at the first request"
	}
	return Waiting, "a registration token is stored; Regent redeems it now"
}

// NeedsRegistration reports whether an instance waits for a registration token. stored: one
// is stored for its tenant. Before an unconfirmed redemption is confirmed, none helps.
func (i Instance) NeedsRegistration(stored bool) bool {
	unconfirmed := i.LastFault != nil && i.LastFault.Code == string(fault.RedemptionUnconfirmed)
	return i.State == string(token.Unredeemed) && !stored && !unconfirmed && !i.NeedsRedeem()
}

// NeedsRedeem reports whether only a person redeems an instance again: its auth token was
// deleted from this device, or its last redemption used a count. It needs the last fault,
// which only administrators see.
func (i Instance) NeedsRedeem() bool {
	return i.State == string(token.Unredeemed) && i.LastFault != nil && i.LastFault.Code == string(fault.NotRegistered)
}

// redeemText says that an administrator decides about instances, and names the command.
func redeemText(names []string) string {
	return WaitText(names) + " for an administrator. To use another count, run: " + fault.Commands("sudo regent instances redeem "+names[0])
}

// configText names the configuration.
func configText(s Status) string {
	if s.ConfigFile == "" {
		return "config.yaml or config.d"
	}
	return s.ConfigFile + " or config.d"
}

// WaitText says that instances wait: "cad/1 waits", "cad/1, cad/2 wait".
func WaitText(names []string) string {
	if len(names) == 1 {
		return names[0] + " waits"
	}
	return FirstNames(names) + " wait"
}

// FirstNames lists the first names, and the number of the others.
func FirstNames(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// instanceCounts has the instances by their state.
type instanceCounts struct {
	total, serving int
	waiting        int      // they have no auth token and no fault
	expiredOffline int      // the device was off; no refresh has failed
	interrupted    int      // their access tokens end before the next refresh may begin
	tokenless      []string // they need a registration token of their tenant
	manual         []string // only a person redeems them again
	failing        []string // they have another fault
}

// countInstances is pure.
func countInstances(s Status) (n instanceCounts) {
	interrupts, redeems := map[string]bool{}, map[string]bool{}
	for _, t := range s.Tenants {
		interrupts[t.Host], redeems[t.Host] = t.Limited.Interrupts(), t.RegistrationToken != nil
	}
	for app, i := range s.Instances() {
		n.total++
		if i.NeedsRegistration(redeems[app.Tenant]) {
			n.tokenless = append(n.tokenless, i.Name)
		}
		expired := i.State == string(token.Expired) && i.LastFault == nil
		switch live := i.ExpiresIn > 0 && i.State == string(token.Live); {
		case interrupts[app.Tenant] && (live || expired):
			n.interrupted++
		case live:
			n.serving++
		case i.ExpiresIn > 0:
			n.serving++
			n.failing = append(n.failing, i.Name)
		case i.State == string(token.Unredeemed) && i.LastFault == nil:
			n.waiting++
		case expired:
			n.expiredOffline++
		case i.NeedsRedeem():
			n.manual = append(n.manual, i.Name)
		default:
			n.failing = append(n.failing, i.Name)
		}
	}
	return n
}

// onDemandOnly reports whether all applications are redeemed on demand.
func onDemandOnly(s Status) bool {
	return !slices.ContainsFunc(s.Applications, func(a Application) bool { return !a.OnDemand })
}

func hasRegistrationToken(s Status) bool {
	return slices.ContainsFunc(s.Tenants, func(t Tenant) bool { return t.RegistrationToken != nil })
}
