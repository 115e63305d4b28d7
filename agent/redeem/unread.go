package redeem

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regent/agent/store"
	"regent/agent/tms"
	"regent/agent/token"
)

// An answer to a redemption that says that it worked, and that cannot be read, was
// bought: its body is kept sealed in a record of its own until a person resolves the
// redemption. The record's value is the body itself, cut at [store.MaxSize].
const unreadPrefix = "unread/"

// mostUnread bounds the answers that are kept. Each belongs to an uncertain redemption.
const mostUnread = 64

// IsUnread reports whether a record of the store is an answer that could not be read.
func IsUnread(name string) bool { return strings.HasPrefix(name, unreadPrefix) }

// keepAnswer keeps what a failed redemption brought, and reports whether it brought
// something. What cannot be written now is written later.
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

// errManyUnread means that no more answers are kept.
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
