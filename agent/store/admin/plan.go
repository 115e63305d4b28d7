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

// Report is the state of the store, and the effect of a verb, planned or done. It is wire
// format.
type Report = status.StoreReport

// Inspect says how the store is. It changes nothing.
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

// Plan says what a verb would do and what that costs, or why it cannot be done.
// It changes nothing.
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
	return r, nil
}

// authTokens counts the auth tokens by the names of their files. One whose name
// the file does not tell may be one.
func (s *Manager) authTokens() (int, error) {
	names, err := store.Names(s.Dir)
	names = slices.DeleteFunc(names, func(name string) bool { return name != "" && !tokenstore.IsRecord(name) })
	return len(names), err
}

// refuse says why a verb cannot be done in this state; "" if it can.
func (s *Manager) refuse(v Verb, r Report) string {
	foreign := s.state == store.ForeignHost && s.sealed != nil
	switch {
	case errors.Is(s.cause, store.ErrNewer):
		return "a newer release of Regent wrote this state; it is left as it is; install that release again"
	case s.state == store.Locked && v != Reset && v != SealImage:
		return "the keyring is locked: unlock it and run regent reload; nothing is lost"
	case v == Recover && s.state == store.OK && r.Ledger == "ok":
		return "there is nothing to recover: the store is sound"
	case v == Recover && s.state == store.ForeignHost:
		return "the state is sound, and seems to be another device's: decide by regent store adopt or regent store register-again"
	case v == Rekey && (s.state != store.OK || r.Ledger != "ok"):
		return "the key of a store can be exchanged only while all of it can be read"
	case (v == Adopt || v == RegisterAgain) && !foreign:
		return "the state is not taken for another device's: there is nothing to decide"
	}
	return ""
}

// cost says what a verb does and what it costs at most, in counts.
func (s *Manager) cost(v Verb, r Report, tokens int) (counts int, says string) {
	switch v {
	case Recover:
		return s.recoverCost(r, tokens)
	case Reset:
		return tokens, fmt.Sprintf("forgets the data key, every record and every registration token; the ledger is kept beside. All %s are lost, and each costs one count to buy again; the service's list still has the old ones.", countText(tokens))
	case SealImage:
		return tokens, fmt.Sprintf("deletes everything in the state directory, the ledger and the audit log too, and uses nothing until the next boot. %s are lost; the service still has them. Note them before, for the Contact Administrator: regent ledger --csv.", countText(tokens))
	case Rekey:
		return 0, "seals every record and the ledger under a new data key; costs no count."
	case Adopt:
		return 0, "takes this device for the same that the state was made on; costs no count. If it is a copy, both devices use the same auth tokens and take each other's refresh tokens away."
	case RegisterAgain:
		return tokens, fmt.Sprintf("forgets %s, which are the other device's, and buys new ones with the registration token that is held, if it has counts left.", countText(tokens))
	}
	return 0, ""
}

func (s *Manager) recoverCost(r Report, tokens int) (counts int, says string) {
	switch {
	case s.sealed == nil:
		return tokens, fmt.Sprintf("sets every record and the ledger aside, since their key is lost, and begins anew. All %s are lost, and each costs one count to buy again.", countText(tokens))
	case s.state == store.RolledBack:
		return tokens, fmt.Sprintf("accepts the older state. Its %s may have been refreshed since; each whose refresh token is used up costs one count to buy again.", countText(tokens))
	}
	for _, d := range r.Damaged {
		if d.Record == "" || tokenstore.IsRecord(d.Record) {
			counts++
		}
	}
	says = fmt.Sprintf("sets %d damaged records aside. %s are lost, and each costs one count to buy again, by regent instances redeem.", len(r.Damaged), countText(counts))
	if r.Ledger != "ok" {
		says += " The ledger is set aside as well: compare tmsctl auth-token list before you redeem."
	}
	return counts, says
}

func countText(n int) string {
	if n == 1 {
		return "1 auth token"
	}
	return fmt.Sprintf("%d auth tokens", n)
}
