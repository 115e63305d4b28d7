package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/status"
	"regent/ipc/api"
)

// outcome is what a registration came to for one instance.
type outcome struct {
	text   string
	failed *fault.Fault // why it is still not registered; nil if it is, or nobody tried
}

// renderRegistration says what became of a registration, instance by instance.
// The error is not nil if the redemptions were waited for and any failed; what
// is known without waiting may be older than this registration token.
func renderRegistration(r api.Registration, waited bool, v view) (string, error) {
	text := fmt.Sprintf("Registration token %s is sealed, for %s.\n", printable(r.Fingerprint), printable(r.Tenant))
	if len(r.Instances) == 0 {
		return text + "No application uses it yet: configure one, and it is redeemed.\n", nil
	}
	var rows [][2]string
	var failures []*fault.Fault
	for _, i := range r.Instances {
		o := outcomeOf(i, waited)
		rows = append(rows, [2]string{printable(i.Name), printable(o.text)})
		if o.failed != nil {
			failures = append(failures, o.failed.On(i.Name))
		}
	}
	return text + v.labelled("  ", rows), together(failures)
}

// together is the first of the failures, on behalf of every instance that
// shares its reason; the screen has them all. It is nil if there are none.
func together(failures []*fault.Fault) error {
	if len(failures) == 0 {
		return nil
	}
	first := failures[0]
	var names []string
	for _, f := range failures {
		if f.Kind == first.Kind && f.Detail == first.Detail {
			names = append(names, f.ID)
		}
	}
	return first.On(strings.Join(names, ", "))
}

func outcomeOf(i status.Instance, waited bool) outcome {
	switch state := instance.State(i.State); state {
	case instance.Live, instance.Stale:
		return outcome{text: "registered, token good for " + inWords(time.Duration(i.ExpiresIn)*time.Second)}
	case instance.Expired:
		return outcome{text: "registered before, but its token cannot be refreshed now"}
	case instance.Uncertain:
		return outcome{fault.RedemptionUncertain.Advice(), fault.E("redeem", fault.RedemptionUncertain, nil)}
	case instance.Revoked, instance.RefreshLost, instance.RefreshExpired:
		return outcome{text: fmt.Sprintf("%s: left as it is; %s", stateInWords(state, true), fault.Kind(state).Advice())}
	}
	if i.LastFault == nil || !waited {
		return outcome{text: "not redeemed yet: the agent does so in the background, or when it is first asked for"}
	}
	failed := fault.Errorf("redeem", fault.Kind(i.LastFault.Code), "%s", i.LastFault.Detail)
	text := fmt.Sprintf("%s: %s", failed.Kind, failed.Text())
	if !final(failed.Kind) {
		text = "not yet, the agent goes on trying: " + text
	}
	return outcome{text, failed}
}

// final reports whether only a person can help.
func final(k fault.Kind) bool {
	return slices.Contains([]fault.Kind{
		fault.RegistrationExpired, fault.RegistrationExhausted, fault.RegistrationRefused, fault.RedemptionUncertain,
	}, k)
}
