package main

import (
	"path"
	"slices"
	"strings"
	"time"

	"regent/agent/doctor"
	"regent/agent/status"
	"regent/ipc/api"
)

// A bundle is what support is given. Its types are this file's own, filled field
// by field: what is added elsewhere does not get into it by itself. A test holds
// the list of all paths, so that a new field is reviewed. No field holds a
// secret; where there may be a user's name, redact takes it out.
type (
	bundle struct {
		About  bundleAbout   `json:"about"`
		Status bundleStatus  `json:"status"`
		Doctor bundleDoctor  `json:"doctor"`
		Policy []bundleKey   `json:"policy"`
		Store  *bundleStore  `json:"store"`
		Ledger []bundleEntry `json:"ledger"`
	}
	bundleAbout struct {
		Made      time.Time `json:"made"`
		Program   string    `json:"program"`
		Daemon    string    `json:"daemon"`
		UserNames bool      `json:"user_names"`
		Missing   []string  `json:"missing"` // parts that could not be had, and why
	}
	bundleStatus struct {
		StartedAt    time.Time        `json:"started_at"`
		Now          time.Time        `json:"now"`
		Health       string           `json:"health"`
		Summary      string           `json:"summary"`
		StoreState   string           `json:"store_state"`
		Guard        string           `json:"guard"`
		Confirmed    int              `json:"counts_confirmed"`
		Uncertain    int              `json:"counts_uncertain"`
		Tenants      []bundleTenant   `json:"tenants"`
		Instances    []bundleInstance `json:"instances"`
		Applications []bundleApp      `json:"applications"`
		Problems     []bundleProblem  `json:"problems"`
	}
	bundleTenant struct {
		Host         string `json:"host"`
		Reachable    string `json:"reachable"`
		Fault        string `json:"fault"`
		SkewSeconds  int64  `json:"clock_skew_seconds"`
		Registration string `json:"registration_token_fingerprint"`
		Source       string `json:"registration_token_source"`
	}
	bundleApp struct {
		ID       string `json:"id"`
		Tenant   string `json:"tenant"`
		Rules    int    `json:"rules"`
		OnDemand bool   `json:"on_demand"`
	}
	bundleInstance struct {
		Name        string    `json:"instance"`
		State       string    `json:"state"`
		Since       time.Time `json:"since"`
		Generation  uint64    `json:"generation"`
		Leased      bool      `json:"leased"`
		User        string    `json:"user"`
		Exe         string    `json:"exe"`
		ExpiresIn   int64     `json:"expires_in"`
		Code        string    `json:"code"`
		Detail      string    `json:"detail"`
		RedeemAsked bool      `json:"redeem_asked"`
	}
	bundleProblem struct {
		Source string `json:"source"`
		Detail string `json:"detail"`
	}
	bundleDoctor struct {
		Findings []bundleFinding `json:"findings"`
		Checked  []string        `json:"checked"`
		Ways     []bundleWay     `json:"ways"`
		Denials  []bundleDenial  `json:"denials"`
	}
	bundleFinding struct {
		Code     string `json:"code"`
		Severity string `json:"severity"`
		Subject  string `json:"subject"`
		Evidence string `json:"evidence"`
	}
	bundleWay struct {
		Host     string `json:"host"`
		Proxy    string `json:"proxy"`
		Step     string `json:"step"`
		Failure  string `json:"failure"`
		Status   int    `json:"status"`
		Issuer   string `json:"issuer"`
		Provider string `json:"provider"`
	}
	bundleDenial struct {
		Application string    `json:"application"`
		User        string    `json:"user"`
		Exe         string    `json:"exe"`
		Reason      string    `json:"reason"`
		At          time.Time `json:"at"`
		Times       int       `json:"times"`
	}
	bundleKey struct {
		Key    string `json:"key"`
		Value  string `json:"value"`
		Level  string `json:"level"`
		Source string `json:"source"`
		Status string `json:"status"`
	}
	bundleStore struct {
		State   string   `json:"state"`
		Guard   string   `json:"guard"`
		Why     string   `json:"why"`
		Binding string   `json:"binding"`
		Records int      `json:"records"`
		Damaged []string `json:"damaged"`
		Ledger  string   `json:"ledger"`
	}
	bundleEntry struct {
		At         time.Time `json:"at"`
		Kind       string    `json:"kind"`
		Instance   string    `json:"instance"`
		Tenant     string    `json:"tenant"`
		Identifier string    `json:"identifier"`
		Code       string    `json:"code"`
		Status     int       `json:"status"`
		By         string    `json:"by"`
	}
)

func bundleStatusOf(s status.Status) bundleStatus {
	out := bundleStatus{
		StartedAt: s.StartedAt, Now: s.Now, Health: string(s.Health), Summary: s.Summary, StoreState: s.Store.State, Guard: s.Store.Guard,
		Tenants: []bundleTenant{}, Instances: []bundleInstance{}, Applications: []bundleApp{}, Problems: []bundleProblem{},
	}
	if s.Counts != nil {
		out.Confirmed, out.Uncertain = s.Counts.Confirmed, s.Counts.Uncertain
	}
	for _, t := range s.Tenants {
		b := bundleTenant{Host: t.Host, Reachable: t.Reachable, SkewSeconds: t.ClockSkewSeconds}
		if t.LastFault != nil {
			b.Fault = t.LastFault.Detail
		}
		if t.RegistrationToken != nil {
			b.Registration, b.Source = t.RegistrationToken.Fingerprint, t.RegistrationToken.Source
		}
		out.Tenants = append(out.Tenants, b)
	}
	for _, a := range s.Applications {
		out.Applications = append(out.Applications, bundleApp{a.ID, a.Tenant, a.Rules, a.OnDemand})
		for _, i := range a.Instances {
			out.Instances = append(out.Instances, bundleInstanceOf(i))
		}
	}
	for _, p := range s.Problems {
		out.Problems = append(out.Problems, bundleProblem{p.Source, p.Detail})
	}
	return out
}

func bundleInstanceOf(i status.Instance) bundleInstance {
	b := bundleInstance{
		Name: i.Name, State: i.State, Since: i.Since, Generation: i.Generation, Leased: i.Leased, ExpiresIn: i.ExpiresIn, RedeemAsked: i.RedeemAsked,
	}
	if i.Holder != nil {
		b.User, b.Exe = i.Holder.User, i.Holder.Exe
	}
	if i.LastFault != nil {
		b.Code, b.Detail = i.LastFault.Code, i.LastFault.Detail
	}
	return b
}

func bundleDoctorOf(f doctor.Facts) bundleDoctor {
	r := doctor.Judge(f)
	out := bundleDoctor{Findings: []bundleFinding{}, Checked: r.Checked, Ways: []bundleWay{}, Denials: []bundleDenial{}}
	for _, x := range r.Findings {
		out.Findings = append(out.Findings, bundleFinding{string(x.Code), string(x.Severity), x.Subject, x.Evidence})
	}
	if f.Daemon == nil {
		return out
	}
	for _, w := range f.Daemon.ServiceChecks {
		out.Ways = append(out.Ways, bundleWay{w.Host, w.Proxy, string(w.Stage), w.Failure, w.Status, w.Issuer, w.Provider})
	}
	for _, d := range f.Daemon.Denials {
		out.Denials = append(out.Denials, bundleDenial{d.Application, d.User, d.Exe, d.Reason, d.At, d.Times})
	}
	return out
}

func bundlePolicyOf(p api.Policy) []bundleKey {
	out := []bundleKey{}
	for _, k := range p.Keys {
		if k.Level != defaultLevel || k.Status != api.PolicyStateOK {
			out = append(out, bundleKey{k.Key, k.Value, k.Level, k.Source, k.Status})
		}
	}
	return out
}

func bundleStoreOf(s api.Store) *bundleStore {
	out := &bundleStore{State: s.State, Guard: s.Protection, Why: s.Reason, Binding: s.Binding, Records: s.Records, Damaged: []string{}, Ledger: s.Ledger}
	for _, d := range s.Damaged {
		out.Damaged = append(out.Damaged, d.Path+": "+d.Why)
	}
	return out
}

func bundleLedgerOf(l api.Ledger) []bundleEntry {
	out := []bundleEntry{}
	for _, e := range l.Entries {
		out = append(out, bundleEntry{e.At, string(e.Kind), e.Instance, e.Tenant, e.Identifier, string(e.Code), e.Status, e.By})
	}
	return out
}

// redacted stands where a user's name was.
const redacted = "(left out)"

// redact takes out what names users: fields that are names, rules that list
// them, and the names themselves wherever a text repeats them. Of programs only
// the file's name stays, since their path may be in somebody's home.
func (b *bundle) redact() {
	var names []string
	hide := func(name *string) {
		if *name != "" {
			names = append(names, *name)
			*name = redacted
		}
	}
	for i := range b.Status.Instances {
		hide(&b.Status.Instances[i].User)
		b.Status.Instances[i].Exe = path.Base(b.Status.Instances[i].Exe)
	}
	for i := range b.Doctor.Denials {
		hide(&b.Doctor.Denials[i].User)
		b.Doctor.Denials[i].Exe, b.Doctor.Denials[i].Reason = path.Base(b.Doctor.Denials[i].Exe), redacted
	}
	for i := range b.Ledger {
		hide(&b.Ledger[i].By)
	}
	for i := range b.Status.Tenants {
		if b.Status.Tenants[i].Source != "" {
			b.Status.Tenants[i].Source = redacted
		}
	}
	for i := range b.Policy {
		if strings.HasSuffix(b.Policy[i].Key, ".allow") {
			b.Policy[i].Value = redacted
		}
	}
	b.About.UserNames = false
	b.mask(names)
}

// mask takes names out of texts, the longest first.
func (b *bundle) mask(names []string) {
	slices.SortFunc(names, func(x, y string) int { return len(y) - len(x) })
	var pairs []string
	for _, name := range names {
		pairs = append(pairs, name, redacted)
	}
	r := strings.NewReplacer(pairs...)
	for i := range b.Status.Instances {
		b.Status.Instances[i].Detail = r.Replace(b.Status.Instances[i].Detail)
	}
	for i, f := range b.Doctor.Findings {
		b.Doctor.Findings[i].Evidence = r.Replace(f.Evidence)
		if f.Code == string(doctor.Denied) {
			b.Doctor.Findings[i].Evidence = redacted
		}
	}
	for i, p := range b.Status.Problems {
		b.Status.Problems[i].Detail = r.Replace(p.Detail)
	}
}
