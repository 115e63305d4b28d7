package redeem

import (
	"fmt"
	"strings"
	"time"

	"regent/agent/fault"
	"regent/agent/instance"
)

// Target is one declared instance.
type Target struct {
	ID       instance.ID
	BaseURL  string // the tenant's base URL
	OnDemand bool   // redeemed only when first asked for
}

// Scope is where its registration token is looked for first.
func (w Target) Scope() Scope { return Scope{w.ID.Tenant, w.ID.Application} }

// Plan is what the configuration wants of redemption.
type Plan struct {
	Targets               []Target
	UncertainRetries      int
	Splay                 time.Duration
	KeepRegistrationToken bool // keep the registration token after all are confirmed
	RedeemOnExpiry        bool // policy redeems again after refresh_expired

	RequestForm      string // contract.request: Auto, tms.Wrapped or tms.Bare; "" for Auto
	RequestConfirmed bool   // contract.request_confirmed: a person has seen that Request is right
}

// policyInterval bounds what policy spends by itself: once per instance in 30 days.
const policyInterval = 30 * 24 * time.Hour

// decisionInput is all that decides whether an instance is to be redeemed.
type decisionInput struct {
	state             instance.State
	account           Account
	wanted            bool // eager, or asked for by a caller
	redeemOnExpiry    bool // Plan.RedeemOnExpiry
	sincePolicyRedeem time.Duration
	retryLimit        int
	formUnproven      bool // the form of redemptions is not proven, and one was accepted or is in doubt
}

// due reports whether a count may be spent now. It is pure, and the only place
// where that is decided.
func (s decisionInput) due() bool {
	switch {
	case s.formUnproven:
		return false
	case s.account.Requested:
		return true
	case s.account.ManualOnly || !s.wanted:
		return false
	case s.state == instance.Uncertain:
		return s.retryable()
	case s.state == instance.RefreshExpired:
		return s.redeemOnExpiry && s.sincePolicyRedeem >= policyInterval
	default:
		return s.state == instance.Unredeemed && s.account.CurrentIntent == ""
	}
}

// mayNeedToken reports whether a registration token may still be of use: now, or
// after a person has decided. It is, as long as the instance has no auth token
// that works.
func (s decisionInput) mayNeedToken() bool {
	return s.account.Requested || !s.state.Refreshable()
}

// retryable holds for the documented 500 alone, within the budget that the
// ledger counts.
func (s decisionInput) retryable() bool {
	for _, e := range s.account.RecentUncertain {
		if !e.Retryable {
			return false
		}
	}
	return len(s.account.Open) == 0 && s.account.RetriesUsed <= s.retryLimit
}

// stateOf is the state of an instance as the vault and the ledger tell it.
func stateOf(held bool, state instance.State, a Account) instance.State {
	switch {
	case held && state.Refreshable():
		return state
	case len(a.RecentUncertain) > 0 || len(a.Open) > 0:
		return instance.Uncertain
	case held:
		return state
	default:
		return instance.Unredeemed
	}
}

// obstacleText says what stands between an instance whose auth token has ended and
// another redemption: for people, "" for nothing. now is the service's time. It is
// pure.
func (s decisionInput) obstacleText(held RegistrationToken, has bool, now time.Time) string {
	var texts []string
	if s.state == instance.RefreshExpired && s.redeemOnExpiry && s.sincePolicyRedeem < policyInterval {
		last := now.Add(-s.sincePolicyRedeem)
		texts = append(texts, fmt.Sprintf("Regent redeemed it automatically on %s, and does so again from %s on (once in 30 days)", last.UTC().Format(time.DateOnly), last.Add(policyInterval).UTC().Format(time.DateOnly)))
	}
	switch {
	case has && held.Refused == fault.RegistrationExhausted:
		texts = append(texts, "the registration token has no count left; first give another one: regent register --file FILE")
	case has && held.Refused != "":
		texts = append(texts, "the service refused the registration token; first give another one: regent register --file FILE")
	case !has:
		texts = append(texts, "there is no registration token; first give one: regent register --file FILE")
	}
	return strings.Join(texts, "; ")
}

// autoRetries reports whether an uncertain redemption is followed by another one
// without a person: the account allows it, and somebody wants it.
func (s decisionInput) autoRetries() bool { return s.state == instance.Uncertain && s.due() }

// autoRetryText is what is said of an uncertain redemption that is tried again.
const autoRetryText = "the service reported its internal error, for which its documentation says to try again; that is done by itself, as often as limits.redeem_uncertain_retries allows; a count may have been used"

// unredeemedReason is what a caller of an unredeemed instance is told: the code of its
// last redemption, at first not_registered.
func unredeemedReason(a Account, held RegistrationToken, has bool) (fault.Kind, string) {
	switch {
	case a.CurrentIntent != "" && len(a.RecentUncertain) == 0:
		return fault.StoreUnreadable, fmt.Sprintf("the ledger says that the auth token %s was bought, but its record is gone from the state directory; restore that, or spend another count with regent instances redeem", a.CurrentIntent)
	case len(a.RecentUncertain) > 0:
		return fault.RedemptionUncertain, a.RecentUncertain[len(a.RecentUncertain)-1].Words
	case has && held.Refused != "":
		return held.Refused, held.RefusedText
	case (a.Last.Kind == Refused || a.Last.Kind == Unused) && (!has || !a.Last.At.Before(held.ReceivedAt)):
		return a.Last.Code, a.Last.Words
	case a.Last.Kind == Forgotten:
		return fault.NotRegistered, "its auth token was wiped from this device, as a person decided, so none is bought by itself; an administrator may spend another count with: regent instances redeem " + a.Last.Instance
	case a.ManualOnly:
		return fault.NotRegistered, "its last redemption used a count, as a person found, so it is not repeated by itself; an administrator may spend another with: regent instances redeem " + a.Last.Instance
	case has:
		return fault.NotRegistered, "a registration token is held, and redeeming it has not come to an end yet; try again later"
	default:
		return fault.NotRegistered, ""
	}
}
