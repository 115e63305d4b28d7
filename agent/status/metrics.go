package status

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"regent/agent/token"
)

// Counters are numbers for the metrics. Events are counted since the daemon's start.
type Counters struct {
	Tokens  map[string]uint64 // requests for a token: "ok" or a fault.Kind
	Audit   uint64            // events that could not be recorded
	Changes map[string]uint64 // changes of state, by the next state
	// Refused has the number of instances that wait now, because the service refused their
	// registration token. Each key of it is a fault.Kind, also those without an instance.
	Refused map[string]uint64
}

// healths are all healths, in the order of the documentation.
var healths = [...]Health{Serving, Waiting, Degraded, NotServing}

// Prometheus returns the status and counters in Prometheus' text format.
func Prometheus(s Status, c Counters) string {
	var b exposition
	b.gauge("regent_build_info", "Version of the daemon.", 1, "version", s.Version)
	b.gauge("regent_start_time_seconds", "When the daemon was started, as Unix time in seconds.", unix(s.StartedAt))
	b.gauge("regent_status_time_seconds", "When this was written, as Unix time in seconds.", unix(s.Now))
	b.family("regent_health", "gauge", "State of the whole: 1 for the one that it is in.")
	for _, h := range healths {
		b.sample("regent_health", boolValue(s.Health == h), "health", string(h))
	}
	b.gauge("regent_store_ok", "Whether the sealed store can be used.", boolValue(s.Store.State == "ok"), "guard", s.Store.Guard)
	b.gauge("regent_problems", "Parts of the configuration that are to be mended.", float64(len(s.Problems)))
	b.tenants(s.Tenants)
	b.instances(s)
	b.byLabel("regent_registration_refused", "gauge", "Instances that wait because the service refused the registration token, by the reason.", "code", c.Refused)
	if s.Counts != nil {
		b.gauge("regent_counts_used", "Counts of registration tokens that this device used, by certainty.", float64(s.Counts.Confirmed), "certainty", "confirmed")
		b.sample("regent_counts_used", float64(s.Counts.Uncertain), "certainty", "uncertain")
	}
	b.byLabel("regent_token_requests_total", "counter", "Requests for an access token, by outcome.", "outcome", c.Tokens)
	b.byLabel("regent_state_changes_total", "counter", "Changes of the state of instances, by the state that came.", "state", c.Changes)
	b.family("regent_audit_failures_total", "counter", "Events that could not be recorded in the audit log.")
	b.sample("regent_audit_failures_total", float64(c.Audit))
	return b.out.String()
}

func (b *exposition) tenants(all []Tenant) {
	b.family("regent_tenant_reachable", "gauge", "Whether the last request to the tenant's service was answered; absent before the first.")
	for _, t := range all {
		if t.Reachable != "unknown" {
			b.sample("regent_tenant_reachable", boolValue(t.Reachable == "yes"), "tenant", t.Host)
		}
	}
	b.family("regent_tenant_clock_skew_seconds", "gauge", "How far the service's clock is ahead of this device's.")
	for _, t := range all {
		b.sample("regent_tenant_clock_skew_seconds", float64(t.ClockSkewSeconds), "tenant", t.Host)
	}
	b.family("regent_registration_token_held", "gauge", "Whether a registration token is held for the tenant.")
	for _, t := range all {
		b.sample("regent_registration_token_held", boolValue(t.RegistrationToken != nil), "tenant", t.Host)
	}
}

func (b *exposition) instances(s Status) {
	b.family("regent_instance_state", "gauge", "State of an instance: 1 for the one that it is in.")
	for a, i := range s.Instances() {
		for _, state := range append(token.States(), Unknown) {
			b.sample("regent_instance_state", boolValue(i.State == string(state)), "application", a.ID, "application_instance", i.Name, "state", string(state))
		}
	}
	b.family("regent_instance_leased", "gauge", "Whether a process uses the instance.")
	for a, i := range s.Instances() {
		b.sample("regent_instance_leased", boolValue(i.Leased), "application", a.ID, "application_instance", i.Name)
	}
	b.family("regent_instance_token_expiry_seconds", "gauge", "For how long the access token is still good; 0 if there is none.")
	for a, i := range s.Instances() {
		b.sample("regent_instance_token_expiry_seconds", float64(i.ExpiresIn), "application", a.ID, "application_instance", i.Name)
	}
}

// exposition builds the text.
type exposition struct{ out strings.Builder }

func (b *exposition) family(name, kind, help string) {
	fmt.Fprintf(&b.out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// gauge adds a family and its first sample.
func (b *exposition) gauge(name, help string, value float64, labels ...string) {
	b.family(name, "gauge", help)
	b.sample(name, value, labels...)
}

// byLabel adds a family with a sample for each value of a label, sorted.
func (b *exposition) byLabel(name, kind, help, label string, by map[string]uint64) {
	b.family(name, kind, help)
	for _, value := range slices.Sorted(maps.Keys(by)) {
		b.sample(name, float64(by[value]), label, value)
	}
}

// sample adds a line; labels are names and values in turn.
func (b *exposition) sample(name string, value float64, labels ...string) {
	b.out.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		b.out.WriteByte("{,"[min(i, 1)])
		b.out.WriteString(labels[i] + `="` + escaped.Replace(labels[i+1]) + `"`)
	}
	if len(labels) > 0 {
		b.out.WriteByte('}')
	}
	b.out.WriteString(" " + strconv.FormatFloat(value, 'f', -1, 64) + "\n")
}

var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func boolValue(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}
