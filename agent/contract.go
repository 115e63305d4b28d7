package agent

import (
	"context"
	"errors"
	"slices"
	"strings"

	"regent/agent/policy"
	"regent/agent/status"
	"regent/agent/tms"
	"regent/agent/token"
)

// prober is a [Service] that can be asked for its forms.
type prober interface {
	Probe(ctx context.Context, madeUp token.Secret) tms.Probe
}

// Contract asks each tenant of the configuration to which of the open forms it
// answers. No count can be used: what is sent is made up. Administrators only.
func (a *Agent) Contract(ctx context.Context, by Caller) (status.Contract, error) {
	if err := a.Administer(ctx, by, "contract"); err != nil {
		return status.Contract{}, err
	}
	settings := a.Settings()
	out := status.Contract{Tenants: []status.TenantContract{}}
	for _, t := range settings.ByTenant() {
		host := policy.Host(t.URL)
		one := status.TenantContract{Tenant: host, Forms: []status.Form{}}
		p, err := a.tenants.probe(ctx, t.URL, token.NewSecret("regent-doctor-"+a.d.NewID()))
		if err != nil {
			one.Failed = err.Error()
		} else {
			one.Forms = compare(p.Judge(a.formsSeen(host)), settings)
		}
		out.Tenants = append(out.Tenants, one)
	}
	return out, nil
}

// probe asks a tenant, whatever the gate says: a person asks.
func (c *contacts) probe(ctx context.Context, base string, madeUp token.Secret) (tms.Probe, error) {
	s, err := c.service(base)
	if err != nil {
		return tms.Probe{}, err
	}
	n, _ := s.(noted)
	p, ok := n.Service.(prober)
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
	for _, r := range a.vault.List() {
		if r.ID.Tenant == host && r.Form != (tms.Form{}) && !slices.Contains(seen, r.Form) {
			seen = append(seen, r.Form)
		}
	}
	return seen
}

// compare holds what is configured against what a tenant has. It is pure.
func compare(variants []tms.Variant, s policy.Settings) []status.Form {
	configured := map[string]string{
		"contract.base_path": s.Contract.BasePath, "contract.reply": s.Contract.Reply,
		"contract.access_token_name": s.Contract.AccessTokenName, "contract.registration_header": s.Contract.RegistrationHeader,
		"refresh.mode": s.Refresh.Mode,
	}
	forms := make([]status.Form, 0, len(variants))
	for _, v := range variants {
		f := status.Form{Key: v.Key, Configured: configured[v.Key], Answers: append([]string{}, v.Answers...), Why: v.Why, Fits: status.FitNo}
		switch {
		case len(v.Answers) == 0:
			f.Fits = status.FitUnknown
		case f.Configured == policy.AnyForm || slices.Contains(v.Answers, f.Configured):
			f.Fits = status.FitYes
		default:
			f.Why += "; set " + v.Key + ": " + strings.Join(v.Answers, " or ")
		}
		forms = append(forms, f)
	}
	return forms
}
