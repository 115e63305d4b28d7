package agent

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"regent/agent/authz"
	"regent/agent/doctor"
	"regent/agent/instance"
	"regent/agent/policy"
	"regent/agent/tms"
)

// lookFor bounds one look at a service.
const lookFor = 10 * time.Second

// Diagnose gathers the facts that only this process can see, and looks at each
// tenant's service as every request does, which costs no count. Everybody may
// ask: the facts are no more than status tells, but for refusals, of which only
// administrators see those of others. One look is under way at a time, and users
// share one for half a minute, also if they hang up: nobody can have the service
// asked, or the disk written, again and again. An administrator gets a look that
// began after the question, which takes at most two times [lookFor]. The status is
// left out: all callers share one. Run has to be running.
func (a *Agent) Diagnose(ctx context.Context, by Caller) (doctor.Daemon, error) {
	out := doctor.Daemon{
		StateDir: a.d.StateDir, Reader: doctor.User,
		Denials: a.denials.since(a.d.Clock.Wall(), by.UID, a.Administers(by)), Held: []doctor.Held{},
	}
	if a.Administers(by) {
		out.Reader = doctor.Administrator
	}
	if a.d.Unusable != nil {
		out.Unusable = string(a.d.Unusable.Kind)
	}
	since := a.d.Clock.Boot()
	if !a.Administers(by) {
		since -= shareFor
	}
	saw, err := a.looks.see(ctx, a.settings.Load(), since)
	if err != nil {
		return doctor.Daemon{}, err
	}
	out.Disk, out.Ways = saw.disk, saw.ways
	out.Held = append(out.Held, saw.held...) // a copy: users share what was seen
	if !a.Administers(by) {
		for i := range out.Held {
			out.Held[i].Fingerprint = ""
		}
	}
	return out, nil
}

// disk proves that the state can be written, or says why not.
func (a *Agent) disk(ctx context.Context) doctor.Disk {
	err := a.d.Store.Probe(ctx)
	if err == nil {
		return doctor.Disk{}
	}
	return doctor.Disk{Failure: err.Error(), Full: a.d.Full != nil && a.d.Full(err)}
}

// held describes the registration tokens without showing them.
func (a *Agent) held(ctx context.Context) []doctor.Held {
	var out []doctor.Held
	tokens := a.regs.List()
	if len(tokens) == 0 {
		return nil
	}
	st, _ := a.Status(ctx, Caller{Caller: authz.Caller{Admin: true}}) // it does not fail
	for _, h := range tokens {
		d := doctor.Held{
			Tenant: h.Tenant, Application: h.Application, Fingerprint: h.Fingerprint,
			Refused: string(h.Refused), Words: h.RefusedText, RefusedAt: h.RefusedAt,
		}
		for _, app := range st.Applications {
			if app.Tenant != h.Tenant || h.Application != "" && h.Application != app.ID {
				continue
			}
			for _, i := range app.Instances {
				if i.State == string(instance.Unredeemed) || i.RedeemAsked {
					d.Unpaid++
				}
			}
		}
		out = append(out, d)
	}
	return out
}

// ways looks at each tenant, all at one time.
func (a *Agent) ways(ctx context.Context, s *policy.Settings) []doctor.Way {
	tenants := s.ByTenant()
	out := make([]doctor.Way, len(tenants))
	var looks sync.WaitGroup
	for i, t := range tenants {
		looks.Go(func() { out[i] = a.way(ctx, t.URL) })
	}
	looks.Wait()
	return out
}

func (a *Agent) way(ctx context.Context, base string) doctor.Way {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	host := policy.Host(base)
	look, err := a.tenants.look(ctx, base)
	if err != nil {
		return doctor.Way{Host: host, Step: doctor.AtSettings, Failure: err.Error()}
	}
	w := doctor.Way{Host: host, Proxy: look.Proxy, ProxyStatus: look.ProxyStatus, Issuer: look.Issuer, Minted: look.Minted, Step: stepOf(look.At)}
	if f := look.Failure; f != nil {
		w.Failure, w.Status, w.ServiceShape = f.Error(), f.Status, f.ServiceShape
	}
	if look.Authorities != "" {
		w.Failure += "; " + look.Authorities
	}
	if look.At >= tms.StageAnswer { // else the skew is that of an earlier answer
		w.SkewSeconds = int64(a.tenants.skew(host).Seconds())
	}
	if look.At == tms.Reached {
		w.Provider = named(look.Provider)
		w.Remembered = a.otherProviders(host, look.Provider)
	}
	return w
}

func stepOf(at tms.Stage) doctor.Step {
	return map[tms.Stage]doctor.Step{
		tms.StageProxy: doctor.AtProxy, tms.StageDNS: doctor.AtDNS, tms.StageConnect: doctor.AtConnect,
		tms.StageTrust: doctor.AtTrust, tms.StageName: doctor.AtName, tms.StageCertificate: doctor.AtCertificate,
		tms.StageVersion: doctor.AtVersion, tms.StageClientCertificate: doctor.AtClient, tms.StageHandshake: doctor.AtHandshake, tms.StageTLS: doctor.AtTLS,
		tms.StageAnswer: doctor.AtAnswer, tms.Reached: doctor.Reachable,
	}[at]
}

// named is a provider for people.
func named(p tms.Provider) string {
	return strings.TrimSuffix(p.TokenEndpoint, "/") + " realm " + p.Realm
}

// otherProviders lists where auth tokens of the tenant came from that are still
// refreshed, other than now.
func (a *Agent) otherProviders(host string, now tms.Provider) []string {
	if a.d.Unusable != nil {
		return nil
	}
	var out []string
	for _, r := range a.vault.List() {
		if r.ID.Tenant == host && r.State.Refreshable() && named(r.Provider) != named(now) {
			out = append(out, named(r.Provider))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
