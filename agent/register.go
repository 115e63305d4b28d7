package agent

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/redeem"
	"regent/agent/status"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// Registration is a request to register a registration token.
type Registration struct {
	Token       token.Secret
	Tenant      string        // "" is the configured one
	Application string        // "" is the tenant's default
	Source      string        // "file /etc/regent/registration-token", "credential", "regent register"
	Manual      bool          // a person gave it by hand
	Wait        time.Duration // how long to wait for its redemptions; 0 does not wait
}

// RegisterResult is the result of a registration.
type RegisterResult struct {
	Tenant      string // host
	Fingerprint string
	Stored      bool // sealed; false if no instance needs it
	Instances   []status.Instance
}

// Register seals a registration token and starts to redeem it. If it returns nil, the
// caller may delete the original, even if a redemption fails later. The result shows how
// far the redemptions came. Administrators only.
func (a *Agent) Register(ctx context.Context, by Caller, r Registration) (RegisterResult, error) {
	var out RegisterResult
	err := a.administer(ctx, by, "register", r.Application, func() (err error) {
		out, err = a.RegisterAsDaemon(ctx, r)
		return err
	})
	return out, err
}

// RegisterAsDaemon is Register for a registration token from a file or a credential that
// only an administrator could put there. It checks no caller.
func (a *Agent) RegisterAsDaemon(ctx context.Context, r Registration) (RegisterResult, error) {
	if a.d.Unusable != nil {
		return RegisterResult{}, a.d.Unusable
	}
	scope, err := a.scope(r)
	if err != nil {
		return RegisterResult{}, err
	}
	held := redeem.RegistrationToken{Scope: scope, Token: r.Token, Source: r.Source}
	kept, err := a.redeem.Register(ctx, held)
	if _, told := errors.AsType[*fault.Fault](err); err != nil && !told {
		err = fault.Errorf("register", fault.Unavailable, "the registration token cannot be sealed in %s, so Regent did not accept it. Free disk space there, check that regentd may write to it, then register the token again", a.d.StateDir).WithCause(err)
	}
	if err != nil {
		return RegisterResult{}, err
	}
	if why := token.FormatWarning(r.Token); why != "" {
		a.d.Log.WarnContext(ctx, "a registration token may not be a whole one", "why", why, "source", r.Source)
	}
	out := RegisterResult{Tenant: scope.Tenant, Fingerprint: a.registrations.Fingerprint(r.Token), Stored: kept}
	if r.Manual {
		a.redeem.SkipWait(scope.Tenant, out.Fingerprint)
	}
	a.d.Log.InfoContext(ctx, "registration token received", "tenant", scope.Tenant, "source", r.Source, "kept", kept)
	ids := a.coveredInstances(scope)
	a.waitSettled(ctx, r.Wait, ids...)
	for _, id := range ids {
		out.Instances = append(out.Instances, a.instanceStatus(id, true))
	}
	return out, nil
}

// scope finds the tenant and application of a registration token.
func (a *Agent) scope(r Registration) (redeem.Scope, error) {
	s := a.settings.Load()
	base := s.Tenant
	if r.Application != "" {
		app, ok := (*a.applications.Load())[r.Application]
		if !ok {
			return redeem.Scope{}, fault.Errorf("register", fault.UnknownApplication, "no application %.64q is configured, so Regent did not accept the registration token. To list the applications, run: regent instances", r.Application)
		}
		base = app.Tenant
	}
	if r.Tenant != "" {
		t, err := policy.NormalizeTenant(r.Tenant)
		if err != nil {
			return redeem.Scope{}, fault.Errorf("register", fault.InvalidRequest, "tenant: %v", err)
		}
		if err := checkTenant(s, r.Application, base, t); err != nil {
			return redeem.Scope{}, err
		}
		base = t
	}
	if base == "" {
		return redeem.Scope{}, fault.Errorf("register", fault.InvalidRequest, "no tenant is configured, so Regent does not know which service issued the registration token. Set tenant in config.yaml, or name it with --tenant")
	}
	return redeem.Scope{Tenant: token.TenantHost(base), Application: r.Application}, nil
}

// checkTenant refuses a tenant that the configuration does not name: a typing error would
// send the registration token to a stranger. It also refuses a tenant that is not the
// application's.
func checkTenant(s *policy.Settings, application, own, asked string) error {
	if application != "" && own != asked {
		return fault.Errorf("register", fault.InvalidRequest, "application %s is licensed at %s, not at %s, so Regent did not accept the registration token", application, token.TenantHost(own), token.TenantHost(asked))
	}
	if names := hosts(s); !slices.Contains(names, token.TenantHost(asked)) {
		return fault.Errorf("register", fault.InvalidRequest, "no application uses the tenant %s, so Regent did not accept the registration token. Ask for one of a configured tenant: %s", token.TenantHost(asked), cmp.Or(strings.Join(names, ", "), "none"))
	}
	return nil
}

// coveredInstances lists the declared instances that a scope pays for.
func (a *Agent) coveredInstances(scope redeem.Scope) []token.Instance {
	var ids []token.Instance
	for _, w := range a.plan.Load().Targets {
		if scope.Covers(w.ID) {
			ids = append(ids, w.ID)
		}
	}
	return ids
}

// waitSettled waits until the redemptions of ids have settled, for wait at most.
func (a *Agent) waitSettled(ctx context.Context, wait time.Duration, ids ...token.Instance) {
	if wait <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	a.redeem.WaitSettled(ctx, ids...)
}

// registrationStatus describes the stored registration token of a tenant without showing
// it. It shows the fingerprint to administrators only.
func (a *Agent) registrationStatus(host string, admin bool) *status.RegistrationToken {
	for _, h := range a.registrations.List() {
		if h.Tenant != host {
			continue
		}
		out := status.RegistrationToken{Source: h.Source, ReceivedAt: h.ReceivedAt}
		if admin {
			out.Fingerprint = h.Fingerprint
		}
		return &out
	}
	return nil
}

// RegistrationFingerprints returns the fingerprints that the ledger may have for a
// registration token. It returns none if the store cannot be used.
func (a *Agent) RegistrationFingerprints(ctx context.Context, t token.Secret) []string {
	if a.d.Unusable != nil {
		return nil
	}
	a.registrations.CacheFingerprint(ctx, t)
	return a.registrations.Fingerprints(t)
}

// HasRedeemed reports whether the ledger has a redemption of this registration token that
// the service confirmed.
func (a *Agent) HasRedeemed(t token.Secret) bool {
	return a.d.Unusable == nil && redeem.HasRedeemed(a.ledger.Entries(), a.registrations.Fingerprints(t))
}

// HasRegistration reports whether t is sealed for the tenant and application of r, in use
// or as its fallback.
func (a *Agent) HasRegistration(r Registration, t token.Secret) bool {
	h, ok := a.registrationFor(r)
	return ok && h.Is(t)
}

// LacksRegistration reports whether t is sealed for no tenant and no application. It
// returns false if the store cannot be used. It is safe for concurrent use.
func (a *Agent) LacksRegistration(t token.Secret) bool {
	return a.d.Unusable == nil && !slices.ContainsFunc(a.registrations.List(), func(h redeem.RegistrationToken) bool { return h.Is(t) })
}

// Superseded reports whether the service has redeemed another registration token than t
// for the tenant and application of r, and that token arrived after since.
func (a *Agent) Superseded(r Registration, t token.Secret, since time.Time) bool {
	if h, ok := a.registrationFor(r); ok {
		return !h.Token.Equal(t) && h.ReceivedAt.After(since) && a.HasRedeemed(h.Token)
	}
	scope, err := a.scope(r)
	return err == nil && a.d.Unusable == nil && redeem.OtherRedeemedSince(a.ledger.Entries(), scope, a.registrations.Fingerprints(t), since)
}

// registrationFor returns the registration token that is sealed for the scope of r.
func (a *Agent) registrationFor(r Registration) (redeem.RegistrationToken, bool) {
	scope, err := a.scope(r)
	held := a.registrations.List()
	i := slices.IndexFunc(held, func(h redeem.RegistrationToken) bool { return h.Scope == scope })
	if err != nil || i < 0 {
		return redeem.RegistrationToken{}, false
	}
	return held[i], true
}

// registrationOf returns the registration token that was redeemed for an auth token, if it
// is still stored. The refresh mode tms_registration sends it again. The service would
// refuse another one, and Regent would take the auth token for revoked.
func (a *Agent) registrationOf(r tokenstore.Record) token.Secret {
	for _, held := range a.registrations.List() {
		switch {
		case held.Tenant != r.ID.Tenant:
		case slices.Contains(a.registrations.Fingerprints(held.Token), r.Registration):
			return held.Token
		case !held.Fallback.Token.IsZero() && slices.Contains(a.registrations.Fingerprints(held.Fallback.Token), r.Registration):
			return held.Fallback.Token
		}
	}
	return token.Secret{}
}

// Unregister deletes every registration token and every auth token from this device. It
// returns the auth tokens that the Contact Administrator can delete, since the service has
// no such call for a device. It also returns the redemptions that may have used a
// count. The caller deletes the rest of the store. Administrators only.
func (a *Agent) Unregister(ctx context.Context, by Caller) ([]status.WipedToken, error) {
	var wiped []status.WipedToken
	err := a.administer(ctx, by, "unregister", "", func() error {
		// 1. The registration tokens, which could redeem new auth tokens.
		for _, h := range a.registrations.List() {
			if err := a.registrations.Delete(ctx, h); err != nil {
				return err
			}
		}
		// 2. The redemptions that may have used a count: the service may have an auth token.
		for id, account := range redeem.BuildAccounts(a.ledger.Entries()) {
			for _, e := range slices.Concat(account.Uncertain, account.Open) {
				wiped = append(wiped, status.WipedToken{Tenant: id.Tenant, Instance: id.String(), Identifier: e.ID, Uncertain: true})
			}
		}
		slices.SortFunc(wiped, func(a, b status.WipedToken) int { return strings.Compare(a.Identifier, b.Identifier) })
		// 3. The auth tokens. If one cannot be deleted, the others are deleted all the same.
		var failed []error
		for _, r := range a.tokens.List() {
			wiped = append(wiped, status.WipedToken{Tenant: r.ID.Tenant, Instance: r.ID.String(), AuthTokenID: r.AuthTokenID, Identifier: r.Identifier})
			failed = append(failed, a.redeem.Forget(ctx, r.ID, by.name()))
		}
		// 4. The ledger stays: the next one begins with its entries.
		return errors.Join(append(failed, a.ledger.Keep())...)
	})
	return wiped, err
}
