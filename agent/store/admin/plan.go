package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/store"
	"regent/agent/tokenstore"
)

// Report is the state of the store and the effect of a verb, before or after it runs. It is
// wire format.
type Report = status.StoreReport

// Inspect returns the state of the store. It changes nothing.
func (s *Manager) Inspect(ctx context.Context) (Report, error) {
	r := Report{State: string(s.state), Binding: string(s.binding), Facts: s.Facts.Known(), Ledger: "unknown", Damaged: []status.StoreDamage{}}
	if s.cause != nil {
		r.Reason = fault.From(s.cause).Text()
	}
	if s.sealed == nil {
		return r, nil
	}
	found, sound, err := s.sealed.Verify(ctx)
	if err != nil {
		return r, fault.New("verify the store", fault.StoreUnreadable, err)
	}
	r.Records = sound
	for _, d := range found {
		r.Damaged = append(r.Damaged, status.StoreDamage{Record: d.Name, Path: d.Path, Why: d.Err.Error()})
	}
	return r, nil
}

// Plan returns the effect of a verb and its cost, or an error if it cannot run. It changes
// nothing.
func (s *Manager) Plan(ctx context.Context, v Verb) (Report, error) {
	r, err := s.Inspect(ctx)
	if err != nil {
		return r, err
	}
	r.Verb = string(v)
	if s.sealed != nil && (s.state != store.OK || v.Changes()) {
		r.Ledger = "ok"
		if err := s.checkLedger(ctx); err != nil {
			r.Ledger = "altered"
		}
	}
	tokens, err := s.authTokens()
	if err != nil {
		return r, fault.New("count the auth tokens", fault.StoreUnreadable, err)
	}
	if why := s.refuse(v, r); why != "" {
		return r, fault.Errorf(string(v), fault.InvalidRequest, "%s", why)
	}
	r.Counts, r.Effect = s.cost(v, r, tokens)
	r.Effect = fault.Commands(r.Effect)
	return r, nil
}

// authTokens counts the auth tokens by the names of their files. It includes files with
// hashed names, since they may be auth tokens.
func (s *Manager) authTokens() (int, error) {
	names, err := store.Names(s.Dir)
	names = slices.DeleteFunc(names, func(name string) bool { return name != "" && !tokenstore.IsRecord(name) })
	return len(names), err
}

// refuse returns the reason if a verb cannot run in this state, or "".
func (s *Manager) refuse(v Verb, r Report) string {
	foreign := s.state == store.ForeignHost && s.sealed != nil
	switch {
	case errors.Is(s.cause, store.ErrNewer):
		return "a newer release of Regent wrote this state; install that release again"
	case s.state == store.Locked && v != Reset && v != SealImage:
		return "the keyring is locked, but nothing is lost; unlock it, then run: sudo regent reload"
	case v == Recover && s.state == store.OK && r.Ledger == "ok":
		return "there is nothing to recover: the store is undamaged"
	case v == Recover && s.state == store.ForeignHost:
		return "the state is undamaged, but seems to be another device's; run: sudo regent store adopt, or: sudo regent store register-again"
	case v == Rekey && (s.state != store.OK || r.Ledger != "ok"):
		return "the store is not completely readable, so its key cannot be replaced; run: sudo regent store verify"
	case (v == Adopt || v == RegisterAgain) && !foreign:
		return "the state belongs to this device, so there is nothing to decide"
	}
	return ""
}

// cost returns the maximum cost of a verb in counts, and its effect for people. The text
// follows the word "This".
func (s *Manager) cost(v Verb, r Report, tokens int) (counts int, says string) {
	switch v {
	case Recover:
		return s.recoverCost(r, tokens)
	case Reset:
		return tokens, fmt.Sprintf("deletes the data key, every record and every registration token, but keeps the ledger. %s, and each new one costs one count. The service's list still has the old ones.", lostText(tokens))
	case SealImage:
		return tokens, fmt.Sprintf("deletes everything in the state directory, also the ledger and the audit log, and issues no token until the next boot. %s, but the service still has them. List them first, for the Contact Administrator: sudo regent ledger --csv.", lostText(tokens))
	case Rekey:
		return 0, "seals every record and the ledger under a new data key; costs no count."
	case Adopt:
		return 0, "binds the state to this device; costs no count. If this device is a copy, both devices use the same auth tokens, and each refresh can end those of the other."
	case RegisterAgain:
		return tokens, fmt.Sprintf("deletes %s of the other device, and redeems new ones with the stored registration token, if it has counts left.", countText(tokens))
	}
	return 0, ""
}

func (s *Manager) recoverCost(r Report, tokens int) (counts int, says string) {
	switch {
	case s.sealed == nil:
		return tokens, fmt.Sprintf("renames every record and the ledger to .corrupt-N, since their key is lost, and begins with an empty store. %s, and each new one costs one count.", lostText(tokens))
	case s.state == store.RolledBack:
		return tokens, fmt.Sprintf("accepts the older state with %s. Regent may have refreshed them since. If the refresh token of one is used up, a new one costs one count.", countText(tokens))
	}
	for _, d := range r.Damaged {
		if d.Record == "" || tokenstore.IsRecord(d.Record) {
			counts++
		}
	}
	says = fmt.Sprintf("renames the damaged records (%d) to .corrupt-N. %s. Each new one costs one count: sudo regent instances redeem.", len(r.Damaged), lostText(counts))
	if r.Ledger != "ok" {
		says += " It also renames the ledger: compare tmsctl auth-token list before you redeem."
	}
	return counts, says
}

func lostText(n int) string {
	if n == 1 {
		return "1 auth token is lost"
	}
	return countText(n) + " are lost"
}

func countText(n int) string {
	if n == 1 {
		return "1 auth token"
	}
	return fmt.Sprintf("%d auth tokens", n)
}
