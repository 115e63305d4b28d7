package agent

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"regent/agent/fault"
	"regent/agent/lease"
	"regent/agent/policy"
	"regent/agent/refresh"
	"regent/agent/status"
	"regent/agent/tms"
	"regent/agent/tms/contract"
	"regent/agent/token"
	"regent/agent/tokenstore"
)

// Status returns a snapshot. Every user may call it. Only administrators and the holder of
// an instance see its holder and its last fault.
func (a *Agent) Status(_ context.Context, by Caller) (status.Status, error) {
	s, admin, mine := a.settings.Load(), a.Administers(by), map[token.Instance]bool{}
	for _, id := range a.leases.ByHolder(by.holder(a.d.Clock.BootID()), nil) {
		mine[id] = true
	}
	out := status.Status{
		Version: a.d.Version, StartedAt: a.started, Now: a.d.Clock.Wall(), ConfigFile: a.d.ConfigFile, Store: a.d.StoreStatus,
		Tenants: []status.Tenant{}, Applications: []status.Application{}, Problems: []status.Problem{},
	}
	out.Problems = append(out.Problems, *a.problems.Load()...)
	out.Problems = append(out.Problems, a.reported()...)
	for _, app := range s.Applications {
		view := status.Application{ID: app.ID, Tenant: token.TenantHost(app.Tenant), Rules: len(app.Allow), OnDemand: app.Redeem == policy.OnDemand, Instances: make([]status.Instance, 0, app.Instances)}
		for _, id := range instanceIDs(app) {
			view.Instances = append(view.Instances, a.instanceStatus(id, admin || mine[id]))
		}
		out.Applications = append(out.Applications, view)
	}
	held := a.recordsByTenant()
	for _, host := range hosts(s) {
		out.Tenants = append(out.Tenants, a.tenantStatus(host, admin, held[host]))
	}
	out.CanServeUntil = canServeUntil(out.Applications)
	if a.d.Unusable == nil {
		out.Counts, out.FQDN = a.redeem.Counts(), a.fqdnStatus()
	}
	if out.Health, out.Summary = status.Summarise(out, a.d.SetupCommand); a.d.Unusable != nil {
		out.Health, out.Summary = status.NotServing, a.d.Unusable.Text()
	}
	return out, nil
}

// LeasedInstances returns the instances that the caller leases, with the details for their
// holder.
func (a *Agent) LeasedInstances(_ context.Context, by Caller) []status.Instance {
	var out []status.Instance
	for _, id := range a.leases.ByHolder(by.holder(a.d.Clock.BootID()), nil) {
		out = append(out, a.instanceStatus(id, a.isHolder(by, id)))
	}
	return out
}

// Report sets the problem of a source in status. An empty detail clears it.
func (a *Agent) Report(source, detail string) {
	if detail == "" {
		a.reports.Delete(source)
		return
	}
	a.reports.Store(source, status.Problem{Source: source, Detail: detail})
}

// reported returns the problems that come and go while the daemon runs, by source.
func (a *Agent) reported() []status.Problem {
	var out []status.Problem
	for _, p := range a.reports.Range {
		problem, _ := p.(status.Problem) // the map has no other type
		out = append(out, problem)
	}
	slices.SortFunc(out, func(a, b status.Problem) int { return strings.Compare(a.Source, b.Source) })
	return out
}

func (a *Agent) isHolder(by Caller, id token.Instance) bool {
	h, ok := a.leases.Holder(id)
	return ok && h.Same(by.holder(a.d.Clock.BootID()))
}

// hosts lists the configured tenants, sorted.
func hosts(s *policy.Settings) []string {
	var out []string
	for _, t := range s.ByTenant() {
		out = append(out, token.TenantHost(t.URL))
	}
	return distinct(out)
}

// recordsByTenant returns the stored auth tokens by tenant, in no order.
func (a *Agent) recordsByTenant() map[string][]tokenstore.Record {
	out := map[string][]tokenstore.Record{}
	for r := range a.tokens.All() {
		if out[r.ID.Tenant] == nil { // most devices have one tenant
			out[r.ID.Tenant] = make([]tokenstore.Record, 0, a.tokens.Len())
		}
		out[r.ID.Tenant] = append(out[r.ID.Tenant], r)
	}
	return out
}

func (a *Agent) tenantStatus(host string, admin bool, held []tokenstore.Record) status.Tenant {
	t := status.Tenant{Host: host, Reachable: "unknown"}
	if k, ok := a.clients.last(host); ok {
		t.Reachable = "no"
		if k.reachable {
			t.Reachable = "yes"
		}
		t.ClockSkewSeconds = int64(k.skew.Seconds())
		if !k.reachable && admin {
			t.LastFault = &status.Fault{Code: string(fault.Unavailable), Detail: k.text, At: k.at}
		}
	}
	if a.d.Unusable == nil {
		t.RegistrationToken = a.registrationStatus(host, admin)
		t.RequestForm = requestFormStatus(a.capabilities.RequestForm(host), admin)
		t.SessionsEndSeconds = int64(refresh.SessionLimit(held).Seconds())
		t.Refresh = a.refreshStatus(host, admin, held)
		t.Limited = a.refresh.Limited(host, held)
	}
	return t
}

// requestFormStatus shows the form in which redemptions are accepted. It is nil if the form
// is not known. It is pure.
func requestFormStatus(l tms.RequestForm, admin bool) *status.RequestForm {
	if l.Form == "" {
		return nil
	}
	out := &status.RequestForm{Form: l.Form, Proof: string(l.Proof)}
	if admin {
		out.Redemption = l.By
	}
	return out
}

// refreshStatus shows the refresh mode of a tenant, and the instances with an uncertain
// refresh. It shows the service's message to administrators only.
func (a *Agent) refreshStatus(host string, admin bool, held []tokenstore.Record) *status.Refresh {
	known := a.capabilities.Get(host).Refresh
	if known.Mode == "" && len(held) == 0 {
		return nil
	}
	r := status.Refresh{Configured: a.refreshMode(), Mode: known.Mode}
	if !known.At.IsZero() {
		r.WorkedAt = &known.At
	}
	var uncertain []token.Instance
	for _, h := range held {
		if f, _ := a.refresh.LastFault(h.ID); f != nil && f.Kind == fault.RefreshUncertain {
			uncertain = append(uncertain, h.ID)
		}
	}
	slices.SortFunc(uncertain, token.Instance.Compare)
	for _, id := range uncertain {
		r.Instances = append(r.Instances, id.String())
		if f, _ := a.refresh.LastFault(id); f != nil && r.Uncertain == "" {
			r.Uncertain = f.Text()
		}
	}
	if r.Uncertain != "" && !admin {
		r.Uncertain = fault.Commands(fault.RefreshUncertain.Advice())
	}
	return &r
}

// refreshMode is refresh.mode in force.
func (a *Agent) refreshMode() string {
	return cmp.Or(a.settings.Load().Refresh.Mode, contract.Auto)
}

// instanceStatus shows one instance. detail adds the fields for its holder and for
// administrators.
func (a *Agent) instanceStatus(id token.Instance, detail bool) status.Instance {
	v := status.Instance{Name: id.String(), State: status.Unknown}
	if a.d.Unusable != nil {
		return v
	}
	r, held := a.tokens.Get(id)
	v.State = string(a.stateNow(id, r, held))
	v.Since, v.Generation = r.Since, r.Generation
	if left, known := r.AccessLife.Remaining(a.d.Clock); held && known && r.Servable() {
		v.ExpiresIn = int64(left.Seconds())
		at := a.d.Clock.Wall().Add(left)
		v.ExpiresAt = &at
	}
	h, leased := a.leases.Holder(id)
	v.Leased = leased
	if !detail {
		return v
	}
	if leased {
		v.Holder = a.holderStatus(id, h)
	} else if h, ended := a.leases.LastHolder(id); ended {
		v.LastHolder = &status.Holder{PID: h.PID, User: h.User, Exe: h.Exe}
	}
	v.AuthTokenID, v.Identifier = r.AuthTokenID, r.Identifier
	if held && r.State.Refreshable() {
		at := a.d.Clock.Wall().Add(a.refresh.NextDue(r))
		v.NextRefresh = &at
	}
	v.RedeemAsked = a.redeem.Account(id).Requested
	v.LastFault = a.lastFault(id, r, held)
	return v
}

// holderStatus shows the holder of id with the program that it runs now.
func (a *Agent) holderStatus(id token.Instance, h lease.Holder) *status.Holder {
	out := status.Holder{PID: h.PID, User: h.User, Exe: h.Exe}
	if h.PID == 0 || a.d.Executable == nil {
		return &out
	}
	// If h ended before it was asked, another process may have its PID.
	if exe := a.d.Executable(h.PID); exe != "" && a.leases.SetExe(id, h, exe) {
		out.Exe = exe
	}
	return &out
}

// stateNow is the state for people. An expired access token is Expired even before the
// next refresh fails.
func (a *Agent) stateNow(id token.Instance, r tokenstore.Record, held bool) token.State {
	if !held {
		return a.redeem.State(id)
	}
	if left, known := r.AccessLife.Remaining(a.d.Clock); r.State.Refreshable() && (!known || left == 0) {
		return token.Expired
	}
	return a.redeem.State(id) // a redemption may be replacing an ended auth token
}

func (a *Agent) lastFault(id token.Instance, r tokenstore.Record, held bool) *status.Fault {
	f, at := a.refresh.LastFault(id)
	if !held || a.redeem.State(id) == token.Uncertain {
		f, at = a.redeem.Reason(id)
	} else if f == nil && !r.State.Refreshable() {
		f, at = a.stateFault(r), r.Since
	}
	account := a.redeem.Account(id)
	if f == nil || f.Kind == fault.NotRegistered && (!account.ManualOnly || account.Requested) {
		return nil
	}
	text := f.Text()
	if account.Requested {
		text = fault.WithoutRedeemAgain(text)
	}
	if held && !r.State.Refreshable() && f.Kind.NeedsPerson() && f.Kind != fault.RedemptionUncertain {
		if why := a.redeem.Obstacle(id); why != "" {
			text += ". " + why
		}
	}
	return &status.Fault{Code: string(f.Kind), Detail: fault.Commands(text), At: at}
}

// canServeUntil returns the earliest end of a valid access token. It is pure.
func canServeUntil(apps []status.Application) *time.Time {
	var first *time.Time
	for _, app := range apps {
		for _, i := range app.Instances {
			if i.ExpiresIn > 0 && i.ExpiresAt != nil && (first == nil || i.ExpiresAt.Before(*first)) {
				first = i.ExpiresAt
			}
		}
	}
	return first
}
