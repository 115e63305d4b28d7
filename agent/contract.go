package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"regent/agent/policy"
	"regent/agent/status"
	"regent/agent/tms"
	"regent/agent/tms/contract"
	"regent/agent/token"
)

// contractProber is a [Service] that can be asked for its forms.
type contractProber interface {
	Probe(ctx context.Context, madeUp token.Secret) tms.Probe
}

// Contract asks each tenant of the configuration for what the vendor leaves open, and
// adds what its auth tokens on this device showed. No count can be used: the secrets
// that are sent are made up. Administrators only.
func (a *Agent) Contract(ctx context.Context, by Caller) (status.Contract, error) {
	if err := a.Administer(ctx, by, "contract"); err != nil {
		return status.Contract{}, err
	}
	settings := a.Settings()
	out := status.Contract{Tenants: []contract.Block{}}
	for _, t := range settings.ByTenant() {
		host := policy.Host(t.URL)
		one := contract.Block{Tenant: host, Forms: []contract.Form{}}
		p, err := a.clients.probeContract(ctx, t.URL, token.NewSecret("regent-doctor-"+a.d.NewID()))
		if err != nil {
			one.Failed = err.Error()
		} else {
			found := p.Findings(a.formsSeen(host))
			a.addFindings(host, found) // what worked says more than a refusal
			one.Forms = compareConfigured(contract.Fill(contract.Device, found), settings)
		}
		out.Tenants = append(out.Tenants, one)
	}
	return out, nil
}

// probeContract asks a tenant, whatever the gate says: a person asks.
func (c *serviceClients) probeContract(ctx context.Context, base string, madeUp token.Secret) (tms.Probe, error) {
	s, err := c.service(base)
	if err != nil {
		return tms.Probe{}, err
	}
	n, _ := s.(trackedService)
	p, ok := n.Service.(contractProber)
	if !ok {
		return tms.Probe{}, errors.New("[unexpected] this service cannot be asked")
	}
	return p.Probe(ctx, madeUp), nil
}

// formsSeen are the forms in which auth tokens of a tenant came.
func (a *Agent) formsSeen(host string) []tms.Form {
	if a.d.Unusable != nil {
		return nil
	}
	var seen []tms.Form
	for _, r := range a.tokens.List() {
		if r.ID.Tenant == host && r.ReplyForm != (tms.Form{}) && !slices.Contains(seen, r.ReplyForm) {
			seen = append(seen, r.ReplyForm)
		}
	}
	return seen
}

// addFindings adds what the auth tokens and the registration token of a tenant showed.
func (a *Agent) addFindings(host string, found contract.Findings) {
	if a.d.Unusable != nil {
		return
	}
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
	for _, r := range a.tokens.List() {
		if r.ID.Tenant != host || r.Generation == 0 {
			continue
		}
		lives = append(lives, lifetimeText(r.AccessLife))
		refreshLives = append(refreshLives, lifetimeText(r.RefreshLife))
	}
	found.Set(contract.AccessLife, distinct(lives)...)
	found.Set(contract.RefreshLife, distinct(refreshLives)...)
}

func lifetimeText(l token.Lifetime) string {
	if l.TTL == 0 {
		return "not in the reply, or unlimited"
	}
	return fmt.Sprintf("%d s", int64(l.TTL.Seconds()))
}

// distinct sorts, and keeps one of each.
func distinct(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

// compareConfigured adds to the rows that a key selects whether what is configured is what the
// tenant has. It is pure.
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
