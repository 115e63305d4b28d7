package doctor

import (
	"fmt"
	"strings"

	"regent/agent/status"
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
		out = append(out, doubt{code, h.Tenant, fmt.Sprintf("registration token %s, for %d instances, refused at %s: %s", h.Fingerprint, h.Unpaid, h.RefusedAt.UTC().Format("2006-01-02 15:04Z"), h.Words)})
	}
	return append(out, missing(f)...)
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
	for _, host := range order {
		out = append(out, doubt{RegistrationMissing, host, "waiting: " + strings.Join(waiting[host], ", ")})
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
				out = append(out, doubt{code, i.Name, i.LastFault.Detail})
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
			if !bad {
				continue
			}
			why := "state " + i.State
			if i.LastFault != nil {
				why = i.LastFault.Detail
			}
			out = append(out, doubt{code, i.Name, why})
		}
	}
	return out
}
