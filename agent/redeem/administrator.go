package redeem

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regent/agent/fault"
	"regent/agent/store"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// RequestRedeem records durably that a person decided to use another count on id. It
// refuses if id has an auth token that works, or an uncertain redemption. The decision
// stays in the ledger until an auth token was redeemed or a count may have been used. by
// names the person.
func (e *Engine) RequestRedeem(ctx context.Context, id token.Instance, by string) error {
	e.decisionMu.Lock()
	defer e.decisionMu.Unlock()
	// 1. Read the account before the auth token: the decision is about this auth token. If
	// another one arrives in between, the request no longer applies.
	a := e.Account(id)
	// 2. Refuse to replace an auth token that works.
	if r, held := e.Tokens.Get(id); held && r.State.Refreshable() {
		return fault.Errorf("redeem", fault.InvalidRequest, "%s has an auth token that works (%s), so Regent spent no count. To replace it, first run: sudo regent instances forget %[1]s", id, r.State).WithInstance(id.String())
	}
	// 3. Refuse while an earlier redemption may have used a count.
	if n := len(a.RecentUncertain); n > 0 {
		doubt := a.RecentUncertain[n-1].ID
		return fault.Errorf("redeem", fault.InvalidRequest, "redemption %s of %s is uncertain and may have used a count, so Regent spent no other count%s. After --consumed, you can redeem %[2]s again", doubt, id, resolveHint(doubt)).WithInstance(id.String())
	}
	if !a.Requested {
		asked := Entry{Kind: Asked, Tenant: id.Tenant, Instance: id.String(), Replaces: a.CurrentIntent, By: by}
		if _, err := e.append(ctx, asked); err != nil {
			return ledgerFault("redeem", err)
		}
	}
	e.clearRefusal(ctx, id)
	e.mu.Lock()
	e.demanded[id] = true
	e.touched = append(e.touched, id) // a person waits for it
	e.mu.Unlock()
	e.Pauses.Clear(id)
	e.Kick()
	return nil
}

// clearRefusal deletes the stored refusal of id's registration token, so that Regent tries
// it once more. For example, its count was raised.
func (e *Engine) clearRefusal(ctx context.Context, id token.Instance) {
	held, ok := e.Registrations.ForScope(Scope{id.Tenant, id.Application})
	if !ok || held.Refused == "" {
		return
	}
	if err := e.Registrations.SetRefusal(ctx, held, "", "", held.RefusedAt); err != nil {
		e.Log.WarnContext(ctx, "a refusal cannot be cleared; regentd pauses this registration token for longer", "instance", id.String(), "err", err)
	}
}

// Resolve records whether the service's list has an uncertain or unconfirmed redemption. by
// names the person who looked. redemption is its identifier in the ledger.
//
//   - uncertain, listed: it used a count, and Regent does not repeat it by itself.
//   - uncertain, not listed: it used no count, and Regent may repeat it.
//   - unconfirmed, not listed: Regent tries the other form.
//
// A listed redemption proves the form in which it was sent: Regent then redeems the waiting
// instances.
func (e *Engine) Resolve(ctx context.Context, redemption string, listed bool, by string) error {
	e.decisionMu.Lock()
	defer e.decisionMu.Unlock()
	id, doubt, err := e.findUnresolved(redemption)
	if err != nil {
		return err
	}
	was := e.State(id)
	out := newOutcome(doubt, Resolved)
	if doubt.Kind == Confirmed {
		out.Kind = Compared
	}
	out.Consumed, out.By = listed, by
	written, err := e.append(ctx, out)
	if err != nil {
		return ledgerFault("resolve", err)
	}
	e.learnFromResolution(ctx, written)
	e.dropAnswers(ctx)
	if !listed {
		e.clearRefusal(ctx, id) // of a later try: otherwise Regent would pause for hours
	}
	e.Pauses.Clear(id)
	if now := e.State(id); now != was {
		e.Changed(ctx, id, was, now, "")
	}
	e.Kick()
	return nil
}

// learnFromResolution stores the evidence of a person's decision for the form of
// redemptions.
func (e *Engine) learnFromResolution(ctx context.Context, found Entry) {
	for _, intent := range e.Ledger.Entries() {
		if intent.Kind != Intent || intent.ID != found.ID {
			continue
		}
		if form, ok := formEvidence(intent, found); ok {
			e.Learn(ctx, found.Tenant, func(l *tms.Capabilities) { l.NoteRedemption(form.Form, form.By, form.Proof, form.At) })
		}
	}
}

// findUnresolved finds an uncertain or unconfirmed redemption that nobody has resolved.
func (e *Engine) findUnresolved(redemption string) (token.Instance, Entry, error) {
	last, unconfirmed := Entry{}, Entry{}
	for _, entry := range e.Ledger.Entries() {
		if entry.ID != redemption {
			continue
		}
		last = entry
		if entry.Unconfirmed {
			unconfirmed = entry
		}
		if entry.Kind == Compared {
			unconfirmed = Entry{}
		}
	}
	id, err := last.InstanceID()
	if err != nil || redemption == "" {
		return id, last, fault.Errorf("resolve", fault.InvalidRequest, "the ledger has no redemption %.80q. To see the identifiers, run: sudo regent ledger", redemption)
	}
	if unconfirmed.ID != "" {
		return id, unconfirmed, nil
	}
	for _, doubt := range e.Account(id).Uncertain {
		if doubt.ID == redemption {
			return id, doubt, nil
		}
	}
	return id, last, fault.Errorf("resolve", fault.InvalidRequest, "redemption %s of %s is %s, not uncertain: there is nothing to resolve", redemption, id, last.Kind).WithInstance(id.String())
}

// Forget deletes the auth token of id from this device. It sends no request: the Contact
// Administrator deletes the auth token at the service. Only a person redeems id again.
func (e *Engine) Forget(ctx context.Context, id token.Instance, by string) error {
	e.decisionMu.Lock()
	defer e.decisionMu.Unlock()
	r, ok := e.Tokens.Get(id)
	if !ok {
		return fault.Errorf("forget", fault.NotRegistered, "no auth token of %s is stored: there is nothing to forget", id).WithInstance(id.String())
	}
	if slices.ContainsFunc(e.Account(id).Open, func(open Entry) bool { return open.ID == r.Intent }) { // it has no outcome yet
		e.Kick()
		return fault.Errorf("forget", fault.Unavailable, "the ledger has no outcome yet for the auth token of %s. Try again in a moment. If that does not help, free disk space", id).WithInstance(id.String())
	}
	was := e.State(id)
	// 1. The ledger records it durably. If the process then ends, the next start deletes the
	// record.
	gone := Entry{Kind: Forgotten, ID: r.Intent, Tenant: id.Tenant, Instance: id.String(), AuthTokenID: r.AuthTokenID, By: by}
	if _, err := e.append(ctx, gone); err != nil {
		return ledgerFault("forget", err)
	}
	// 2. The record is deleted, but not a newer auth token of the instance.
	if err := e.Tokens.Forget(ctx, r); err != nil && !errors.Is(err, tokenstore.ErrConflict) {
		return fault.Errorf("forget", fault.Unavailable, "the auth token of %s cannot be deleted. Free disk space and try again, or restart regentd", id).WithInstance(id.String()).WithCause(err)
	}
	e.Changed(ctx, id, was, e.State(id), "")
	return nil
}

// finishForget deletes the auth tokens of a Forget that a crash interrupted.
func (e *Engine) finishForget(ctx context.Context) {
	for id, a := range e.accounts {
		r, held := e.Tokens.Get(id)
		if !held || a.Last.Kind != Forgotten || a.Last.ID != r.Intent {
			continue
		}
		if err := e.Tokens.Forget(ctx, r); err != nil {
			e.Log.WarnContext(ctx, "an auth token cannot be deleted; the next start retries", "instance", id.String(), "err", err)
		}
	}
}

// ledgerFault is the answer if a person's decision cannot be written to the ledger.
func ledgerFault(op string, err error) *fault.Fault {
	return fault.Errorf(op, fault.Unavailable, "the ledger cannot be written, so nothing was changed. Free disk space and try again").WithCause(fmt.Errorf("decide: %w", err))
}

// If a successful answer to a redemption cannot be read, it cost a count. So its body is
// sealed in a record until a person resolves the redemption. The record's value is the body
// itself, cut at [store.MaxSize].
const unreadPrefix = "unread/"

// mostUnread is the largest number of stored answers. Each belongs to an uncertain
// redemption.
const mostUnread = 64

// IsUnread reports whether a record of the store is an answer that could not be read.
func IsUnread(name string) bool { return strings.HasPrefix(name, unreadPrefix) }

// keepAnswer stores the answer of a failed redemption, and reports whether there was one.
// If it cannot write the answer now, it retries later.
func (e *Engine) keepAnswer(ctx context.Context, redemption string, cause error) bool {
	f, ok := errors.AsType[*tms.Failure](cause)
	if !ok || f.Unread.IsZero() {
		return false
	}
	err := e.Ledger.keepAnswer(ctx, redemption, f.Unread)
	if err != nil {
		e.Log.WarnContext(ctx, "cannot store an unreadable answer; regentd keeps it in memory and retries", "redemption", redemption, "err", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.unread, redemption)
	if err != nil && !errors.Is(err, errManyUnread) {
		e.unread[redemption] = f
	}
	return err == nil || !errors.Is(err, errManyUnread)
}

// errManyUnread means that no further answer is stored.
var errManyUnread = errors.New(fault.Commands(fmt.Sprintf("the store already has %d unreadable answers. To see their redemptions and resolve them, run: sudo regent ledger", mostUnread)))

func (l *Ledger) keepAnswer(ctx context.Context, redemption string, body token.Secret) error {
	names, err := l.store.List(ctx)
	if err != nil {
		return fmt.Errorf("list answers: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !IsUnread(name) })
	if slices.Contains(names, unreadPrefix+redemption) {
		return nil // an earlier try wrote it and reported a failure
	}
	if len(names) >= mostUnread {
		return errManyUnread
	}
	text := body.Reveal() //nolint:forbidigo // it is sealed here
	if _, err := l.store.Put(ctx, unreadPrefix+redemption, []byte(text[:min(len(text), store.MaxSize)]), 0); err != nil {
		return fmt.Errorf("store answer: %w", err)
	}
	return nil
}

// dropAnswers deletes the answers of resolved redemptions. If that fails, it retries after
// the next decision and at the next start.
func (e *Engine) dropAnswers(ctx context.Context) {
	e.mu.Lock()
	doubtful := map[string]bool{}
	for _, a := range e.accounts {
		for _, entry := range slices.Concat(a.Open, a.Uncertain) {
			doubtful[unreadPrefix+entry.ID] = true
		}
	}
	for redemption := range e.unread {
		if !doubtful[unreadPrefix+redemption] {
			delete(e.unread, redemption)
		}
	}
	e.mu.Unlock()
	names, err := e.Ledger.store.List(ctx)
	for _, name := range names {
		if IsUnread(name) && !doubtful[name] {
			err = errors.Join(err, e.Ledger.store.Delete(ctx, name))
		}
	}
	if err != nil {
		e.Log.WarnContext(ctx, "cannot delete the answer of a resolved redemption; regentd retries at its next start", "err", err)
	}
}
