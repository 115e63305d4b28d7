package main

import (
	"fmt"
	"strings"
	"time"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/status"
	"regent/ipc/api"
)

// outcome is what a registration came to for one instance.
type outcome struct {
	text    string
	refused fault.Kind // "" unless the registration token was no good, or a person must look
}

// renderRegistration says what became of a registration, instance by instance.
// The error is not nil if any was refused.
func renderRegistration(r api.Registration, v view) (string, error) {
	text := fmt.Sprintf("Registration token %s is sealed, for %s.\n", printable(r.Fingerprint), printable(r.Tenant))
	if len(r.Instances) == 0 {
		return text + "No application uses it yet: configure one, and it is redeemed.\n", nil
	}
	var rows [][2]string
	var names []string
	var worst fault.Kind
	for _, i := range r.Instances {
		o := outcomeOf(i)
		rows = append(rows, [2]string{printable(i.Name), printable(o.text)})
		if o.refused != "" {
			names = append(names, i.Name)
			worst = o.refused
		}
	}
	text += v.labelled("  ", rows)
	if worst == "" {
		return text, nil
	}
	return text, &refusal{worst, names}
}

// refusal says for which instances the registration token was of no use. It is
// no fault of the request: the agent did take it.
type refusal struct {
	kind  fault.Kind // of the last of them
	names []string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%s: not registered: %s", r.kind, strings.Join(r.names, ", "))
}

func outcomeOf(i status.Instance) outcome {
	switch state := instance.State(i.State); state {
	case instance.Live, instance.Stale:
		return outcome{text: "registered, token good for " + inWords(time.Duration(i.ExpiresIn)*time.Second)}
	case instance.Expired:
		return outcome{text: "registered before, but its token cannot be refreshed now"}
	case instance.Uncertain:
		return outcome{fault.RedemptionUncertain.Advice(), fault.RedemptionUncertain}
	case instance.Revoked, instance.RefreshLost, instance.RefreshExpired:
		return outcome{text: fmt.Sprintf("%s: left as it is; %s", stateInWords(state, true), fault.Kind(state).Advice())}
	}
	if i.LastFault == nil {
		return outcome{text: "not redeemed yet: the agent does it when it is first asked for, or goes on trying"}
	}
	kind := fault.Kind(i.LastFault.Code)
	text := fmt.Sprintf("%s: %s", kind, i.LastFault.Detail)
	switch kind {
	case fault.RegistrationExpired, fault.RegistrationExhausted, fault.RegistrationRefused, fault.RedemptionUncertain:
		return outcome{text, kind}
	}
	return outcome{text: "not yet, the agent goes on trying: " + text}
}
