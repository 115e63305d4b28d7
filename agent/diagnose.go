package agent

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"regent/agent/authz"
	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/policy"
	"regent/agent/tms"
)

// probeTimeout bounds one look at a service.
const probeTimeout = 10 * time.Second

// Diagnose gathers the facts that only this process can see, and looks at each
// tenant's service as every request does, which costs no count. Everybody may
// ask: the facts are no more than status tells, but for refusals, of which only
// administrators see those of others. One look is under way at a time, and users
// share one for half a minute, also if they hang up: nobody can have the service
// asked, or the disk written, again and again. An administrator gets a look that
// began after the question, which takes at most two times [probeTimeout]. The status is
// left out: all callers share one. Run has to be running.
func (a *Agent) Diagnose(ctx context.Context, by Caller) (doctor.Daemon, error) {
	out := doctor.Daemon{
		StateDir: a.d.StateDir, Audience: doctor.User,
		Denials: a.denials.since(a.d.Clock.Wall(), by.UID, a.Administers(by)), RegistrationTokens: []doctor.RegistrationToken{},
	}
	if a.Administers(by) {
		out.Audience = doctor.Administrator
	}
	if a.d.Unusable != nil {
		out.Unusable = string(a.d.Unusable.Kind)
	}
	since := a.d.Clock.Boot()
	if !a.Administers(by) {
		since -= probeCacheTime
	}
	saw, err := a.probes.get(ctx, a.settings.Load(), since)
	if err != nil {
		return doctor.Daemon{}, err
	}
	out.Disk, out.ServiceChecks = saw.disk, saw.ways
	out.RegistrationTokens = append(out.RegistrationTokens, saw.held...) // a copy: users share what was seen
	if !a.Administers(by) {
		for i := range out.RegistrationTokens {
			out.RegistrationTokens[i].Fingerprint = ""
		}
	}
	return out, nil
}

// diskStatus proves that the state can be written, or says why not.
func (a *Agent) diskStatus(ctx context.Context) doctor.Disk {
	err := a.d.Store.Probe(ctx)
	if err == nil {
		return doctor.Disk{}
	}
	return doctor.Disk{Failure: err.Error(), Full: a.d.IsDiskFull != nil && a.d.IsDiskFull(err)}
}

// heldRegistrations describes the registration tokens without showing them.
func (a *Agent) heldRegistrations(ctx context.Context) []doctor.RegistrationToken {
	var out []doctor.RegistrationToken
	tokens := a.registrations.List()
	if len(tokens) == 0 {
		return nil
	}
	st, _ := a.Status(ctx, Caller{Caller: authz.Caller{Admin: true}}) // it does not fail
	for _, h := range tokens {
		d := doctor.RegistrationToken{
			Tenant: h.Tenant, Application: h.Application, Fingerprint: h.Fingerprint,
			Refused: string(h.Refused), Message: h.RefusedText, RefusedAt: h.RefusedAt,
		}
		for _, app := range st.Applications {
			if app.Tenant != h.Tenant || h.Application != "" && h.Application != app.ID {
				continue
			}
			for _, i := range app.Instances {
				if i.State == string(instance.Unredeemed) || i.RedeemAsked {
					d.Pending++
				}
			}
		}
		out = append(out, d)
	}
	return out
}

// probeTenants looks at each tenant, all at one time.
func (a *Agent) probeTenants(ctx context.Context, s *policy.Settings) []doctor.ServiceCheck {
	tenants := s.ByTenant()
	out := make([]doctor.ServiceCheck, len(tenants))
	var looks sync.WaitGroup
	for i, t := range tenants {
		looks.Go(func() { out[i] = a.probeTenant(ctx, t.URL) })
	}
	looks.Wait()
	return out
}

func (a *Agent) probeTenant(ctx context.Context, base string) doctor.ServiceCheck {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	host := policy.Host(base)
	look, err := a.clients.probe(ctx, base)
	if err != nil {
		return doctor.ServiceCheck{Host: host, Stage: fault.StageSettings, Failure: err.Error()}
	}
	w := doctor.ServiceCheck{Host: host, Proxy: look.Proxy, ProxyStatus: look.ProxyStatus, Issuer: look.Issuer, Minted: look.Minted, Stage: look.Stage}
	if f := look.Failure; f != nil {
		w.Failure, w.Status, w.ServiceShape = f.Error(), f.Status, f.ServiceShape
	}
	if look.Authorities != "" {
		w.Failure += "; " + look.Authorities
	}
	if look.Stage == fault.StageAnswer || look.Stage == fault.StageDone { // else the skew is that of an earlier answer
		w.SkewSeconds = int64(a.clients.skew(host).Seconds())
	}
	if look.Stage == fault.StageDone {
		w.Provider = providerText(look.Provider)
		w.Remembered = a.otherProviders(host, look.Provider)
	}
	return w
}

// providerText is a provider for people.
func providerText(p tms.Provider) string {
	return strings.TrimSuffix(p.TokenEndpoint, "/") + " realm " + p.Realm
}

// otherProviders lists where auth tokens of the tenant came from that are still
// refreshed, other than now.
func (a *Agent) otherProviders(host string, now tms.Provider) []string {
	if a.d.Unusable != nil {
		return nil
	}
	var out []string
	for _, r := range a.tokens.List() {
		if r.ID.Tenant == host && r.State.Refreshable() && providerText(r.Provider) != providerText(now) {
			out = append(out, providerText(r.Provider))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
