package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/redeem"
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
	s := a.settings.Load()
	out := status.Status{
		Version: a.d.Version, StartedAt: a.started, Now: a.d.Clock.Wall(), Store: a.d.StoreStatus,
		Tenants: []status.Tenant{}, Applications: []status.Application{}, Problems: []status.Problem{},
	}
	out.Problems = append(out.Problems, *a.problems.Load()...)
	out.Problems = append(out.Problems, a.reported()...)
	for _, app := range s.Applications {
		view := status.Application{ID: app.ID, Tenant: token.TenantHost(app.Tenant), Rules: len(app.Allow), OnDemand: app.Redeem == policy.OnDemand, Instances: []status.Instance{}}
		for _, id := range instanceIDs(app) {
			view.Instances = append(view.Instances, a.instanceStatus(id, a.Administers(by) || a.isHolder(by, id)))
		}
		out.Applications = append(out.Applications, view)
	}
	held := a.recordsByTenant()
	for _, host := range hosts(s) {
		out.Tenants = append(out.Tenants, a.tenantStatus(host, a.Administers(by), held[host]))
	}
	out.CanServeUntil = canServeUntil(out.Applications)
	if a.d.Unusable == nil {
		out.Counts, out.FQDN = a.counts(), a.fqdnStatus()
	}
	out.Health, out.Summary = summarise(out, a.d.Unusable)
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

// recordsByTenant returns the stored auth tokens by tenant.
func (a *Agent) recordsByTenant() map[string][]tokenstore.Record {
	out := map[string][]tokenstore.Record{}
	for _, r := range a.tokens.List() {
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
	for _, h := range held {
		f, _ := a.refresh.LastFault(h.ID)
		if f == nil || f.Kind != fault.RefreshUncertain {
			continue
		}
		if r.Instances = append(r.Instances, h.ID.String()); r.Uncertain == "" {
			r.Uncertain = f.Text()
		}
	}
	if r.Uncertain != "" && !admin {
		r.Uncertain = fault.RefreshUncertain.Advice()
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
		v.Holder = &status.Holder{PID: h.PID, User: h.User, Exe: h.Exe}
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
	if held && !r.State.Refreshable() && f.Kind.NeedsPerson() && f.Kind != fault.RedemptionUncertain {
		if why := a.redeem.Obstacle(id); why != "" {
			text += ". " + why
		}
	}
	return &status.Fault{Code: string(f.Kind), Detail: text, At: at}
}

// counts adds up the redemptions of all instances in the ledger, including those that are
// no longer configured.
func (a *Agent) counts() *status.Counts {
	var c status.Counts
	for _, account := range redeem.BuildAccounts(a.ledger.Entries()) {
		c.Confirmed += account.Confirmed + account.FoundConsumed
		c.Uncertain += len(account.Uncertain)
	}
	return &c
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

// summarise returns the health and one or two sentences with the next step. It is pure.
func summarise(s status.Status, unusable *fault.Fault) (status.Health, string) {
	if unusable != nil {
		return status.NotServing, unusable.Text()
	}
	n := countInstances(s)
	limited := slices.ContainsFunc(s.Tenants, func(t status.Tenant) bool { return t.Limited != nil })
	switch {
	case n.interrupted > 0 && n.serving+n.expiredOffline+n.interrupted == n.total,
		n.expiredOffline > 0 && n.serving+n.expiredOffline == n.total && limited:
		return status.Degraded, "tokens expire before the next refresh is allowed; see Limited below"
	case n.expiredOffline > 0 && n.serving+n.expiredOffline == n.total:
		return status.Degraded, "access tokens expired while the device was off; Regent refreshes them within minutes, or when an application asks"
	}
	return health(s, n.total, n.serving+n.interrupted, n.waiting, n.failing)
}

// instanceCounts are the numbers of instances by their state.
type instanceCounts struct {
	total, serving, waiting int
	expiredOffline          int // the device was off; no refresh has failed
	interrupted             int // their access tokens end before the next refresh may begin
	failing                 []string
}

// countInstances is pure.
func countInstances(s status.Status) (n instanceCounts) {
	interrupts := map[string]bool{}
	for _, t := range s.Tenants {
		interrupts[t.Host] = t.Limited.Interrupts()
	}
	for _, app := range s.Applications {
		for _, i := range app.Instances {
			n.total++
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
			default:
				n.failing = append(n.failing, i.Name)
			}
		}
	}
	return n
}

func health(s status.Status, total, good, waiting int, troubled []string) (status.Health, string) {
	switch {
	case total == 0 && !hasRegistrationToken(s): // just installed
		return status.Waiting, "waiting for a registration token and an application. An administrator names applications in config.yaml or config.d, and runs: regent register --file FILE"
	case total == 0:
		return status.Degraded, "no application is configured. An administrator adds one in config.yaml or config.d"
	case good == total && len(troubled) == 0:
		return status.Serving, servingText(good, total)
	case good == total:
		return status.Degraded, fmt.Sprintf("%s; the refresh fails for %s", servingText(good, total), strings.Join(troubled, ", "))
	case good > 0:
		return status.Degraded, fmt.Sprintf("%s; see the others below", servingText(good, total))
	case waiting == total && !hasRegistrationToken(s):
		return status.Waiting, "waiting for a registration token. An administrator runs: regent register --file FILE"
	case waiting == total && onDemandOnly(s):
		return status.Waiting, "a registration token is stored; Regent redeems each instance at the first request"
	case waiting == total:
		return status.Waiting, "a registration token is stored; Regent redeems it now"
	default:
		return status.NotServing, fmt.Sprintf("no instance has a valid access token; see %s below", strings.Join(troubled, ", "))
	}
}

func servingText(good, total int) string {
	if total == 1 {
		return "serving the one instance that is configured"
	}
	return fmt.Sprintf("serving %d of %d instances", good, total)
}

// onDemandOnly reports whether all applications are redeemed on demand.
func onDemandOnly(s status.Status) bool {
	return !slices.ContainsFunc(s.Applications, func(a status.Application) bool { return !a.OnDemand })
}

func hasRegistrationToken(s status.Status) bool {
	return slices.ContainsFunc(s.Tenants, func(t status.Tenant) bool { return t.RegistrationToken != nil })
}
