package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/token"
	"regent/platform/terminal"
)

// deviceState is a state that one instance can have, with its surroundings.
type deviceState struct {
	state                   token.State
	valid                   bool // the access token
	stored, onDemand, asked bool // of the registration token, the application and a person
	fault                   fault.Kind
}

func (d deviceState) String() string {
	text := string(d.state)
	for _, f := range []struct {
		is   bool
		text string
	}{{d.valid, "valid token"}, {d.stored, "registration token stored"}, {d.onDemand, "on demand"}, {d.asked, "redemption asked"}, {d.fault != "", string(d.fault)}} {
		if f.is {
			text += ", " + f.text
		}
	}
	return text
}

// deviceStates lists every state of an instance with each of its causes.
func deviceStates() (all []deviceState) {
	for _, stored := range []bool{false, true} {
		add := func(d deviceState) {
			d.stored = stored
			all = append(all, d)
		}
		add(deviceState{state: token.Unredeemed})
		add(deviceState{state: token.Unredeemed, onDemand: true})
		for _, f := range []fault.Kind{fault.RegistrationExhausted, fault.RegistrationRefused, fault.RegistrationExpired, fault.RedemptionUnconfirmed, fault.Unavailable} {
			add(deviceState{state: token.Unredeemed, fault: f})
		}
		add(deviceState{state: token.Uncertain, fault: fault.RedemptionUncertain})
		add(deviceState{state: token.Live, valid: true})
		add(deviceState{state: token.Live, valid: true, asked: true})
		add(deviceState{state: token.Stale, valid: true, fault: fault.Unavailable})
		add(deviceState{state: token.Expired})
		add(deviceState{state: token.Expired, fault: fault.Unavailable})
		for _, s := range []token.State{token.RefreshLost, token.RefreshExpired, token.Revoked} {
			add(deviceState{state: s, fault: fault.Kind(s)})
			add(deviceState{state: s, fault: fault.Kind(s), asked: true})
		}
		add(deviceState{state: token.RefreshLost, valid: true, fault: fault.RefreshLost})
	}
	return append(all, deviceState{state: status.Unknown})
}

// status is the status of a device with one instance in this state.
func (d deviceState) status() status.Status {
	s := servingDevice()
	s.CanServeUntil, s.Counts, s.ConfigFile = nil, nil, "/etc/regent/config.yaml"
	i := status.Instance{Name: "cad/1", State: string(d.state), RedeemAsked: d.asked}
	if d.valid {
		i.ExpiresIn = 720
	}
	if d.state.Refreshable() {
		i.NextRefresh = afterNoon(4 * time.Minute)
	}
	if d.fault != "" {
		i.LastFault = &status.Fault{Code: string(d.fault), Detail: fault.New("", d.fault, nil).WithInstance(i.Name).Text(), At: beforeNoon(12 * time.Second)}
	}
	if d.fault == fault.Unavailable {
		i.LastFault.Detail = "demo-host.com: connection refused. Regent retries"
	}
	if d.asked && i.LastFault != nil { // as package agent does
		i.LastFault.Detail = fault.WithoutRedeemAgain(i.LastFault.Detail)
	}
	if d.stored {
		s.Tenants[0].RegistrationToken = &status.RegistrationToken{Source: "regent register by alice", ReceivedAt: beforeNoon(12 * time.Second)}
	}
	s.Applications[0].OnDemand, s.Applications[0].Instances = d.onDemand, []status.Instance{i}
	s.Health, s.Summary = status.Summarise(s, fault.Commands("sudo regent setup"))
	if d.state == status.Unknown {
		s.Health, s.Summary = status.NotServing, fault.New("", fault.StoreMissing, nil).Text()
		s.Store.State = "missing"
	}
	return s
}

// noApplication is a device without an application, with or without a registration token.
func noApplication(stored bool) status.Status {
	s := deviceState{state: token.Unredeemed, stored: stored}.status()
	s.Applications = []status.Application{}
	s.Health, s.Summary = status.Summarise(s, fault.Commands("sudo regent setup"))
	return s
}

// TestStatesAgree: the texts of one status never contradict each other, in any state.
func TestStatesAgree(t *testing.T) {
	var all strings.Builder
	show := func(name string, s status.Status) {
		text := renderStatus(s, view{now: noon, width: 80})
		if why := contradiction(s, text); why != "" {
			t.Errorf("%s: %s:\n%s", name, why, text)
		}
		wantWidth(t, text, 80)
		fmt.Fprintf(&all, "=== %s\n%s\n", name, text)
	}
	for _, d := range deviceStates() {
		show(d.String(), d.status())
	}
	show("no application", noApplication(false))
	show("no application, registration token stored", noApplication(true))
	golden(t, "states.golden", all.String())
}

// contradiction returns why two texts of a status do not agree.
func contradiction(s status.Status, text string) string {
	text = strings.Join(strings.Fields(text), " ")
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	waits := has("waiting for a registration token", "waits for", "there is no registration token")
	stored := has("Registration token from")
	switch {
	case has("not needed") && (waits || has("not redeemed", "no application", "uncertain", "revoked", "redeem again", "lost")):
		return "no registration token is needed, and one is"
	case waits && stored:
		return "it waits for the registration token that it has"
	case has("a registration token is stored") && !stored:
		return "a registration token is stored, and none is"
	case waits && !has("setup", "requested a new redemption", "not serving", "no instance"):
		return "it waits, and no command is named"
	case s.Health == status.Serving && has("fails", "uncertain", "revoked", "lost", "not redeemed", "Last faults") && !has("requested a new redemption"):
		return "it serves, and something fails"
	case s.Health == status.Waiting && has("serving", "live", "revoked"):
		return "it waits, and has had a token"
	case has(" 0 min", "pid 0", "below Key") || strings.Contains(text, "failing: ."):
		return "a text is not complete"
	}
	return ""
}

// wantWidth checks that no line is wider than width, unless one word is.
func wantWidth(t *testing.T, text string, width int) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if terminal.Cells(line) > width && len(strings.Fields(line)) > 1 {
			t.Errorf("%d columns, want %d: %q", terminal.Cells(line), width, line)
		}
	}
}

// TestHostileNamesFit: the longest names, with many instances, at each width.
func TestHostileNamesFit(t *testing.T) {
	s := troubledDevice()
	s.ConfigFile = "/etc/regent/config.yaml"
	application, host := strings.Repeat("computeraided", 3)+"x", "a-very-long-name-of-a-tenant.licensing.example.com:8443"
	s.Tenants[1].Host = host
	s.Applications = []status.Application{{ID: application, Tenant: host, Rules: 1}}
	for n := range 300 {
		i := status.Instance{Name: fmt.Sprintf("%s/%d", application, n+1), State: string(token.States()[n%len(token.States())]), RedeemAsked: n%7 == 0}
		i.Holder = &status.Holder{PID: 4194304, User: "svc-computer-aided-design", Exe: "/opt/computer-aided-design/2026/bin/cad"}
		if n%3 == 0 {
			i.Holder = &status.Holder{User: "unit computer-aided-design-render-farm@17.service"}
		}
		i.LastFault = &status.Fault{Code: "unavailable", Detail: fmt.Sprintf("connection refused by %s", host), At: beforeNoon(12 * time.Second)}
		s.Applications[0].Instances = append(s.Applications[0].Instances, i)
	}
	s.Health, s.Summary = status.Summarise(s, fault.Commands("sudo regent setup"))
	for _, width := range []int{60, 80, 120} {
		v := view{now: noon, width: width}
		wantWidth(t, renderStatus(s, v), width)
		wantWidth(t, renderInstances(s, v), width)
	}
	wide := renderInstances(s, view{now: noon})
	if got := strings.Count(wide, "\n"); got > 303 {
		t.Errorf("%d lines without a terminal, want one for each instance", got)
	}
	for _, never := range []string{"pid 0", "unit computer"} {
		if strings.Contains(wide, never) {
			t.Errorf("%q is shown", never)
		}
	}
	if !strings.Contains(renderStatus(s, view{now: noon, width: 80}), "12 s ago") {
		t.Error("the age of a fault is not in seconds")
	}
}
