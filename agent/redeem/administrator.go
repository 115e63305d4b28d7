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

// RequestRedeem records, durably, that a person decided to spend another count on id, which
// has no auth token that works. It is spent once: the ledger holds the decision
// until an auth token was bought or a count may have been used.
func (e *Engine) RequestRedeem(ctx context.Context, id token.Instance, by string) error {
	e.decisionMu.Lock()
	defer e.decisionMu.Unlock()
	// 1. What the person wants replaced, before the look at whether it works: one
	// that is bought in between has another name, and is not asked for again.
	a := e.Account(id)
	// 2. One that works is not replaced by a slip.
	if r, held := e.Tokens.Get(id); held && r.State.Refreshable() {
		return fault.Errorf("redeem", fault.InvalidRequest, "%s has an auth token that works (%s), so no count was spent; to have another one all the same, wipe it first with: regent instances forget %[1]s", id, r.State).WithInstance(id.String())
	}
	// 3. Nor is a count spent beside one that may have been used.
	if n := len(a.RecentUncertain); n > 0 {
		doubt := a.RecentUncertain[n-1].ID
		return fault.Errorf("redeem", fault.InvalidRequest, "redemption %s of %s is uncertain and may have used a count, so no other count was spent%s; after --consumed, %[2]s can be redeemed again", doubt, id, resolveHint(doubt)).WithInstance(id.String())
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
	e.mu.Unlock()
	e.Pauses.Clear(id)
	e.Kick()
	return nil
}

// clearRefusal takes back what the service said of the registration token that pays for
// id, so that it is asked once more: the person may know that its count was raised.
func (e *Engine) clearRefusal(ctx context.Context, id token.Instance) {
	held, ok := e.Registrations.ForScope(Scope{id.Tenant, id.Application})
	if !ok || held.Refused == "" {
		return
	}
	if err := e.Registrations.SetRefusal(ctx, held, "", "", held.RefusedAt); err != nil {
		e.Log.WarnContext(ctx, "a refusal could not be lifted; the registration token is left alone a while longer", "instance", id.String(), "err", err)
	}
}

// Resolve records what a person found of an uncertain or an unconfirmed
// redemption, named by its id in the ledger: whether the service's list has it. An
// uncertain one that it does not have used no count and may be repeated by itself;
// one that it has may not. One that the list has proves the form in which it was
// sent: then waiting instances are redeemed. After an unconfirmed one that it does
// not have, the other form is tried.
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
		e.clearRefusal(ctx, id) // of a later try, or else nothing would follow for hours
	}
	e.Pauses.Clear(id)
	if now := e.State(id); now != was {
		e.Changed(ctx, id, was, now, "")
	}
	e.Kick()
	return nil
}

// learnFromResolution learns from what a person found in the service's list.
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
		return id, last, fault.Errorf("resolve", fault.InvalidRequest, "the ledger has no redemption %.80q; regent ledger shows their identifiers", redemption)
	}
	if unconfirmed.ID != "" {
		return id, unconfirmed, nil
	}
	for _, doubt := range e.Account(id).Uncertain {
		if doubt.ID == redemption {
			return id, doubt, nil
		}
	}
	return id, last, fault.Errorf("resolve", fault.InvalidRequest, "redemption %s of %s is not uncertain but %s: there is nothing to resolve", redemption, id, last.Kind).WithInstance(id.String())
}

// Forget wipes the auth token of id from this device. The service is not told:
// its administrator deletes it there. Only a person redeems id again.
func (e *Engine) Forget(ctx context.Context, id token.Instance, by string) error {
	e.decisionMu.Lock()
	defer e.decisionMu.Unlock()
	r, ok := e.Tokens.Get(id)
	if !ok {
		return fault.Errorf("forget", fault.NotRegistered, "no auth token of %s is held: there is nothing to forget", id).WithInstance(id.String())
	}
	if slices.ContainsFunc(e.Account(id).Open, func(open Entry) bool { return open.ID == r.Intent }) { // it has no outcome yet
		e.Kick()
		return fault.Errorf("forget", fault.Unavailable, "the ledger has not taken yet how %s came to its auth token; try again in a moment, and free disk space if that does not help", id).WithInstance(id.String())
	}
	was := e.State(id)
	// 1. The ledger says so, durably: a start that finds the record ends the work.
	gone := Entry{Kind: Forgotten, ID: r.Intent, Tenant: id.Tenant, Instance: id.String(), AuthTokenID: r.AuthTokenID, By: by}
	if _, err := e.append(ctx, gone); err != nil {
		return ledgerFault("forget", err)
	}
	// 2. The record goes. One that was bought in its place meanwhile stays.
	if err := e.Tokens.Forget(ctx, r); err != nil && !errors.Is(err, tokenstore.ErrConflict) {
		return fault.Errorf("forget", fault.Unavailable, "the auth token of %s could not be wiped; free disk space and try again, or restart the daemon", id).WithInstance(id.String()).WithCause(err)
	}
	e.Changed(ctx, id, was, e.State(id), "")
	return nil
}

// finishForget ends what a crash interrupted in Forget.
func (e *Engine) finishForget(ctx context.Context) {
	for id, a := range e.accounts {
		r, held := e.Tokens.Get(id)
		if !held || a.Last.Kind != Forgotten || a.Last.ID != r.Intent {
			continue
		}
		if err := e.Tokens.Forget(ctx, r); err != nil {
			e.Log.WarnContext(ctx, "an auth token that is to be forgotten could not be wiped; the next start tries again", "instance", id.String(), "err", err)
		}
	}
}

// ledgerFault is the answer to a person whose decision the ledger could not take.
func ledgerFault(op string, err error) *fault.Fault {
	return fault.Errorf(op, fault.Unavailable, "the ledger could not be written, so nothing was changed; free disk space and try again").WithCause(fmt.Errorf("decide: %w", err))
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
var errManyUnread = fmt.Errorf("the store already has %d unreadable answers. To see their redemptions and resolve them, run: regent ledger", mostUnread)

func (l *Ledger) keepAnswer(ctx context.Context, redemption string, body token.Secret) error {
	names, err := l.store.List(ctx)
	if err != nil {
		return fmt.Errorf("list answers: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !IsUnread(name) })
	if slices.Contains(names, unreadPrefix+redemption) {
		return nil // written by a try that reported a failure
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

// dropAnswers deletes the answers of redemptions that are decided. What cannot be
// deleted now is deleted after the next decision or at the next start.
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
