package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/status"
	"regent/agent/tms"
	"regent/agent/tms/contract"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// probeTimeout bounds the probe of one service.
const probeTimeout = 10 * time.Second

// Diagnose collects the facts that only this process knows, and probes each tenant's
// service with ordinary requests. It costs no count. Run must be running.
//
// All users may call it. It returns the facts that status shows, and the denials of the
// caller's user. Administrators get the denials of all users.
//
// One probe runs at a time. Users share its result for [probeCacheTime], also if they hang
// up, so that no user can cause many requests or disk writes. An administrator gets a
// probe that began after the call, which takes at most two times [probeTimeout]. The
// result has no status, since all callers share it.
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
	saw, err := a.probes.get(ctx, since)
	if err != nil {
		return doctor.Daemon{}, err
	}
	out.Disk, out.ServiceChecks = saw.disk, saw.checks
	out.RegistrationTokens = append(out.RegistrationTokens, saw.held...) // a copy: users share the result
	if !a.Administers(by) {
		for i := range out.RegistrationTokens {
			out.RegistrationTokens[i].Fingerprint = ""
		}
	}
	return out, nil
}

// probeCacheTime is how long users share the result of a probe.
const probeCacheTime = 30 * time.Second

// probeResult is the result of a probe.
type probeResult struct {
	settings *policy.Settings // in force when it began
	at       time.Duration    // of the boot clock, when it began
	disk     doctor.Disk
	checks   []doctor.ServiceCheck
	held     []doctor.RegistrationToken
}

// probeQueue runs one probe of the services at a time. All waiting callers share it. A
// probe belongs to runProbes and to no caller, so a caller that hangs up does not end it,
// and does not start the next one earlier. It is safe for concurrent use.
type probeQueue struct {
	requests chan probeRequest
	stopped  chan struct{} // closed when no probe begins any more
}

type probeRequest struct {
	since  time.Duration    // the probe must begin later
	answer chan probeResult // buffer of 1
}

func newProbeQueue() probeQueue {
	return probeQueue{requests: make(chan probeRequest), stopped: make(chan struct{})}
}

// get returns the result of a probe that began after since. It waits for at most one older
// probe, and for its own.
func (q probeQueue) get(ctx context.Context, since time.Duration) (probeResult, error) {
	request := probeRequest{since, make(chan probeResult, 1)}
	send := q.requests
	for {
		select {
		case send <- request:
			send = nil // it is accepted; the answer follows
		case saw := <-request.answer:
			return saw, nil
		case <-ctx.Done():
			return probeResult{}, ctx.Err()
		case <-q.stopped:
			return probeResult{}, fault.Errorf("diagnose", fault.Unavailable, "regentd is stopping. Try again")
		}
	}
}

// runProbes starts a probe if a caller asks and the last result is too old, until ctx is
// done.
func (a *Agent) runProbes(ctx context.Context) {
	defer close(a.probes.stopped)
	var last probeResult
	for {
		select {
		case <-ctx.Done():
			return
		case request := <-a.probes.requests:
			if last.settings != a.settings.Load() || last.at <= request.since {
				last = a.probe(ctx)
			}
			if ctx.Err() != nil {
				return // the probe was interrupted: its failures are not the services'
			}
			request.answer <- last
		}
	}
}

// probe tests the disk and each tenant.
func (a *Agent) probe(ctx context.Context) probeResult {
	saw := probeResult{settings: a.settings.Load(), at: a.d.Clock.Boot()}
	saw.checks = a.probeTenants(ctx, saw.settings)
	if a.d.Unusable == nil {
		a.readNames()
		saw.disk, saw.held = a.diskStatus(ctx), a.heldRegistrations()
	}
	return saw
}

// diskStatus tests that the state can be written.
func (a *Agent) diskStatus(ctx context.Context) doctor.Disk {
	err := a.d.Store.Probe(ctx)
	if err == nil {
		return doctor.Disk{}
	}
	return doctor.Disk{Failure: err.Error(), Full: a.d.IsDiskFull != nil && a.d.IsDiskFull(err)}
}

// heldRegistrations describes the registration tokens without showing them.
func (a *Agent) heldRegistrations() []doctor.RegistrationToken {
	var out []doctor.RegistrationToken
	for _, h := range a.registrations.List() {
		d := doctor.RegistrationToken{
			Tenant: h.Tenant, Application: h.Application, Fingerprint: h.Fingerprint,
			Refused: string(h.Refused), Message: h.RefusedText, RefusedAt: h.RefusedAt,
		}
		for _, id := range a.coveredInstances(h.Scope) {
			if i := a.instanceStatus(id, true); i.State == string(token.Unredeemed) || i.RedeemAsked {
				d.Pending++
			}
		}
		out = append(out, d)
	}
	return out
}

// probeTenants probes all tenants at the same time.
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
	host := token.TenantHost(base)
	service, err := a.clients.service(base)
	if err != nil {
		return doctor.ServiceCheck{Host: host, Stage: fault.StageSettings, Failure: err.Error()}
	}
	look := service.Diagnose(ctx)
	w := doctor.ServiceCheck{Host: host, Proxy: look.Proxy, ProxyStatus: look.ProxyStatus, Issuer: look.Issuer, Minted: look.Minted, Stage: look.Stage}
	if f := look.Failure; f != nil {
		w.Failure, w.Status, w.ServiceShape = f.Error(), f.Status, f.ServiceShape
	}
	if look.Authorities != "" {
		w.Failure += "; " + look.Authorities
	}
	if look.Stage == fault.StageAnswer || look.Stage == fault.StageDone { // otherwise the skew is from an earlier answer
		w.SkewSeconds = int64(a.clients.skew(host).Seconds())
	}
	if look.Stage == fault.StageDone {
		w.Provider = providerText(look.Provider)
		w.Remembered = a.otherProviders(host, look.Provider)
	}
	return w
}

// providerText shows a provider to people.
func providerText(p tms.Provider) string {
	return strings.TrimSuffix(p.TokenEndpoint, "/") + " realm " + p.Realm
}

// otherProviders lists the earlier providers of the tenant's auth tokens, if those are
// still refreshed.
func (a *Agent) otherProviders(host string, now tms.Provider) []string {
	var out []string
	for _, r := range a.recordsByTenant()[host] {
		if r.State.Refreshable() && providerText(r.Provider) != providerText(now) {
			out = append(out, providerText(r.Provider))
		}
	}
	return distinct(out)
}

// Contract asks each configured tenant for the undocumented parts of its contract, and adds
// evidence from the auth tokens on this device. It sends made-up secrets, so it uses no
// count. Administrators only.
func (a *Agent) Contract(ctx context.Context, by Caller) (status.Contract, error) {
	if err := a.Administer(ctx, by, "contract"); err != nil {
		return status.Contract{}, err
	}
	settings := a.Settings()
	out := status.Contract{Tenants: []contract.Block{}}
	for _, t := range settings.ByTenant() {
		host := token.TenantHost(t.URL)
		one := contract.Block{Tenant: host, Forms: []contract.Form{}}
		service, err := a.clients.service(t.URL)
		if err != nil {
			one.Failed = err.Error()
		} else {
			p := service.Probe(ctx, token.NewSecret("regent-doctor-"+a.d.NewID()))
			found := p.Findings(a.formsSeen(host))
			a.addFindings(host, found) // evidence of success replaces that of refusals
			one.Forms = compareConfigured(contract.Fill(contract.Device, found), settings)
		}
		out.Tenants = append(out.Tenants, one)
	}
	return out, nil
}

// formsSeen returns the reply forms in which auth tokens of a tenant came.
func (a *Agent) formsSeen(host string) []tms.Form {
	var seen []tms.Form
	for _, r := range a.recordsByTenant()[host] {
		if r.ReplyForm != (tms.Form{}) && !slices.Contains(seen, r.ReplyForm) {
			seen = append(seen, r.ReplyForm)
		}
	}
	return seen
}

// addFindings adds evidence from the auth tokens and the registration token of a tenant.
func (a *Agent) addFindings(host string, found contract.Findings) {
	switch l := a.capabilities.RequestForm(host); {
	case l.Proven():
		found[contract.RequestBody] = contract.Observation{Answers: []string{l.Form}, Why: "proof: " + string(l.Proof)}
	case l.Form != "":
		found[contract.RequestBody] = contract.Observation{Why: "a " + l.Form + " redemption was accepted; nobody has confirmed that the service read it"}
	}
	if mode := a.capabilities.Get(host).Refresh.Mode; mode != "" {
		found[contract.RefreshMode] = contract.Observation{Answers: []string{mode}, Why: "a refresh worked in this mode"}
	}
	for _, h := range a.registrations.List() {
		if h.Tenant != host {
			continue
		}
		form := token.FormatWarning(h.Token)
		if form == "" {
			form = "base64 of user:password"
		}
		found.Set(contract.RegistrationForm, form)
	}
	lives, refreshLives := []string{}, []string{}
	for _, r := range a.recordsByTenant()[host] {
		if r.Generation > 0 {
			lives = append(lives, lifetimeText(r.AccessLife))
			refreshLives = append(refreshLives, lifetimeText(r.RefreshLife))
		}
	}
	found.Set(contract.AccessLife, distinct(lives)...)
	found.Set(contract.RefreshLife, distinct(refreshLives)...)
}

func lifetimeText(l tokenstore.Lifetime) string {
	if l.TTL == 0 {
		return "not in the reply, or unlimited"
	}
	return fmt.Sprintf("%d s", int64(l.TTL.Seconds()))
}

// distinct sorts all and removes duplicates.
func distinct(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

// compareConfigured marks each row that a key selects: whether the configured form is the
// tenant's form. It is pure.
func compareConfigured(rows []contract.Form, s policy.Settings) []contract.Form {
	configured := map[string]string{
		"contract.base_path": s.Contract.BasePath, "contract.reply": s.Contract.Reply,
		"contract.access_token_name": s.Contract.AccessTokenName, "contract.registration_header": s.Contract.RegistrationHeader,
		"refresh.mode": s.Refresh.Mode, "contract.request": s.Contract.Request,
	}
	for i := range rows {
		f := &rows[i]
		if f.Key == "" {
			continue
		}
		f.Configured, f.Fits = configured[f.Key], contract.FitUnknown
		switch {
		case len(f.Answers) == 0:
		case f.Configured == contract.AnyForm, slices.Contains(f.Answers, f.Configured),
			f.Key == "contract.request" && f.Configured == contract.Auto,
			f.Key == "refresh.mode" && f.Configured == contract.Auto && autoFindsMode(f.Answers):
			f.Fits = contract.FitYes
		default:
			f.Fits = contract.FitNo
		}
	}
	return rows
}

// autoFindsMode reports whether refresh.mode: auto finds one of these modes.
func autoFindsMode(answers []string) bool {
	return slices.Contains(answers, contract.ModeOIDC) || slices.Contains(answers, contract.ModeTMS)
}
