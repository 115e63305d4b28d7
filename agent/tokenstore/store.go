// Package tokenstore keeps the auth tokens: one sealed record for each instance.
//
// Memory and disk never differ, except for [Store.Withhold]. The callers decide when to
// redeem and refresh. The package also stores, for each tenant, the forms and the refresh
// mode that worked.
package tokenstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"regent/agent/fault"
	"regent/agent/store"
	"regent/agent/timing"
	"regent/agent/tms"
	"regent/agent/token"
)

// prefix begins the names of auth tokens in the store.
const prefix = "auth-token/"

// ErrConflict means that the auth token was forgotten or changed during a request. The caller
// discards the answer.
var ErrConflict = errors.New("tokenstore: the auth token was changed or forgotten in between")

// Store is the set of auth tokens. It is safe for concurrent use. Changes run one after the
// other. Reads do not wait for them.
type Store struct {
	writing sync.Mutex // locked during a whole change
	store   *store.Records

	notify func(Record) // gets each stored record

	mu      sync.RWMutex
	records map[token.Instance]Record
}

// Open reads all auth tokens. It returns a [store.UnreadableError] if one cannot be read.
func Open(ctx context.Context, s store.Store) (*Store, error) {
	v := &Store{store: store.NewRecords(s), records: map[token.Instance]Record{}}
	err := v.store.ReadAll(ctx, prefix, func(name string) error {
		var kept sealed
		if err := v.store.Read(ctx, name, &kept); err != nil {
			return err
		}
		r, err := kept.open()
		if err == nil && prefix+r.ID.Key() != name {
			err = fmt.Errorf("it is of %s: %w", r.ID.Key(), store.ErrKey)
		}
		v.records[r.ID] = r
		return err
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// OnChange calls f with each record after it is stored. f must not change the store and must
// not block. Call OnChange once, before the store is in use.
func (v *Store) OnChange(f func(Record)) { v.notify = f }

// Get returns the auth token of id.
func (v *Store) Get(id token.Instance) (Record, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	r, ok := v.records[id]
	return r, ok
}

// List returns all auth tokens, sorted.
func (v *Store) List() []Record {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.SortedFunc(maps.Values(v.records), func(a, b Record) int { return a.ID.Compare(b.ID) })
}

// Len returns the number of auth tokens.
func (v *Store) Len() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return len(v.records)
}

// All yields all auth tokens in no order. It reads one at a time, so that it delays no other
// caller.
func (v *Store) All() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		v.mu.RLock()
		ids := slices.Collect(maps.Keys(v.records))
		v.mu.RUnlock()
		for _, id := range ids {
			if r, ok := v.Get(id); ok && !yield(r) {
				return
			}
		}
	}
}

// Create stores a new auth token of an instance, in place of an earlier one. If it returns
// nil, the auth token is durable.
func (v *Store) Create(ctx context.Context, r Record) error {
	v.writing.Lock()
	defer v.writing.Unlock()
	return v.put(ctx, r)
}

// Update changes an auth token durably by calling change, and returns the new record. It
// returns [ErrConflict] if there is none, or if its generation or intent is no longer that
// of seen.
func (v *Store) Update(ctx context.Context, seen Record, change func(*Record)) (Record, error) {
	v.writing.Lock()
	defer v.writing.Unlock()
	r, ok := v.Get(seen.ID)
	if !ok || r.Intent != seen.Intent || r.Generation != seen.Generation {
		return Record{}, ErrConflict
	}
	change(&r)
	if err := v.put(ctx, r); err != nil {
		return Record{}, err
	}
	return r, nil
}

// put writes the record to the disk, then to memory, so that memory is never ahead. The
// caller holds writing.
func (v *Store) put(ctx context.Context, r Record) error {
	if err := v.store.Write(ctx, prefix+r.ID.Key(), seal(r)); err != nil {
		return fmt.Errorf("store auth token %s: %w", r.ID, err)
	}
	v.mu.Lock()
	v.records[r.ID] = r
	v.mu.Unlock()
	if v.notify != nil {
		v.notify(r)
	}
	return nil
}

// Withhold stops this process from issuing the access token of seen: the service has revoked
// it, but the disk could not record that yet. It does not change a newer auth token of the
// instance.
func (v *Store) Withhold(seen Record) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if r, ok := v.records[seen.ID]; ok && r.Intent == seen.Intent && r.Generation == seen.Generation {
		r.withheld = true
		v.records[seen.ID] = r
	}
}

// Forget removes the auth token of seen durably. It is no error if there is none. It returns
// [ErrConflict], and removes nothing, if the instance has a newer auth token.
func (v *Store) Forget(ctx context.Context, seen Record) error {
	v.writing.Lock()
	defer v.writing.Unlock()
	id := seen.ID
	if r, held := v.Get(id); held && r.Intent != seen.Intent {
		return ErrConflict
	}
	if err := v.store.Delete(ctx, prefix+id.Key()); err != nil {
		return fmt.Errorf("forget auth token %s: %w", id, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.records, id)
	return nil
}

// IsRecord reports whether a record of the store is an auth token. Its loss costs a count.
func IsRecord(name string) bool { return strings.HasPrefix(name, prefix) }

// Record is one auth token and its state that must survive the process. It is encoded only
// in a sealed record: its secrets cannot be encoded otherwise.
type Record struct {
	ID           token.Instance `json:"id"`
	BaseURL      string         `json:"base"`           // the tenant's base URL when it was redeemed
	Intent       string         `json:"intent"`         // the ledger's intent of its redemption
	Registration string         `json:"registration"`   // fingerprint of the redeemed registration token
	Mask         tms.Mask       `json:"mask,omitempty"` // finds that token in texts after it is deleted; nil from an earlier release
	AuthTokenID  string         `json:"auth_token_id"`  // the service's id
	Identifier   string         `json:"identifier"`     // its name for the Contact Administrator
	Provider     tms.Provider   `json:"provider"`

	State token.State `json:"state"`
	Since time.Time   `json:"since"` // when State began

	Access          token.Secret `json:"access"`
	AccessLife      Lifetime     `json:"life"`
	Generation      uint64       `json:"generation"` // which refresh made it; grows by one
	Jitter          float64      `json:"draw"`       // in [0,1), drawn once when the access token arrived
	Refresh         token.Secret `json:"refresh"`
	RefreshLife     Lifetime     `json:"refresh_life"`    // TTL 0: unknown or unlimited
	RefreshIssuedAt time.Time    `json:"served,omitzero"` // when Refresh was issued, by the service's own clock; zero if unknown
	PreviousRefresh token.Secret `json:"older"`           // the previous refresh token, until Refresh has worked once

	Attempt  Attempt  `json:"attempt,omitzero"`
	Refusals Refusals `json:"refusals,omitzero"`

	PolicyRedeemedAt time.Time `json:"again,omitzero"` // when policy last redeemed after refresh_expired

	RequestEchoed bool     `json:"shown,omitempty"` // the redemption's reply showed the names that were sent
	ReplyForm     tms.Form `json:"form,omitzero"`   // of the service's last reply with an auth token; zero if not known

	RedeemedAt   time.Time     `json:"began,omitzero"`    // when it was redeemed, by the service's own clock; zero if unknown
	SessionLimit time.Duration `json:"session,omitempty"` // observed time after which the service ends sessions; 0 for none

	withheld bool // see [Store.Withhold]
}

// Attempt describes the refreshes that began and have not succeeded. It is durable before
// the request is sent.
type Attempt struct {
	Open          bool      `json:"open,omitempty"`       // one is under way, or was at the end of the process
	Unanswered    int       `json:"unanswered,omitempty"` // earlier ones without an answer
	PreviousTried bool      `json:"older_tried,omitempty"`
	At            time.Time `json:"at,omitzero"` // when the last one began
}

// AnswerMissing reports whether an answer is missing, so that the service may have rotated
// the refresh token.
func (a Attempt) AnswerMissing() bool { return a.Open || a.Unanswered > 0 }

// Refusals counts refusals in the service's shape, in a row.
type Refusals struct {
	Count int       `json:"count,omitempty"`
	First time.Time `json:"first,omitzero"`
}

// Servable reports whether the access token may be issued while it is valid. Only a
// revocation withdraws it at once.
func (r Record) Servable() bool {
	return r.State != token.Revoked && !r.withheld && !r.Access.IsZero()
}

// sealed is the stored form of a Record, with its secrets.
type sealed struct {
	Format int `json:"format"`
	Record
	Access          string `json:"access"`
	Refresh         string `json:"refresh"`
	PreviousRefresh string `json:"older,omitempty"`
}

// format is the version of sealed. A newer daemon reads the previous version.
const format = 1

func seal(r Record) sealed {
	return sealed{format, r, r.Access.Reveal(), r.Refresh.Reveal(), r.PreviousRefresh.Reveal()}
}

func (s sealed) open() (Record, error) {
	if s.Format != format {
		return Record{}, formatError(s.Format, format)
	}
	r := s.Record
	r.Access, r.Refresh, r.PreviousRefresh = token.NewSecret(s.Access), token.NewSecret(s.Refresh), token.NewSecret(s.PreviousRefresh)
	return r, nil
}

// Loop has the dependencies of both loops, which redeem and refresh. All fields are
// required.
type Loop struct {
	Tokens        *Store
	Capabilities  *TenantCapabilities // the forms and modes that worked, by tenant
	Pauses        *timing.Pauses      // of this loop
	timing.Signal                     // Kick wakes the loop
	Clock         timing.Clock
	Random        func() float64                    // in [0,1)
	Skew          func(tenant string) time.Duration // service minus device, as last seen
	// Changed is called after each change of an instance's state is durable.
	Changed func(ctx context.Context, id token.Instance, from, to token.State, cause fault.Kind)
	Log     *slog.Logger
}

// ServiceTime returns the present time of the service's clock, by its last answer. The
// device's own clock may be wrong by years.
func (l *Loop) ServiceTime(tenant string) time.Time { return l.Clock.Wall().Add(l.Skew(tenant)) }

// Learn changes the capabilities of a tenant. If it cannot write the change now, the change
// is valid all the same, and is written later.
func (l *Loop) Learn(ctx context.Context, tenant string, change func(*tms.Capabilities)) {
	if err := l.Capabilities.Update(ctx, tenant, change); err != nil {
		l.Log.WarnContext(ctx, "cannot store the forms of the tenant; regentd retries", "tenant", tenant, "err", err)
	}
}

// Retry ends the pauses after failures that did not reach the service, since somebody may
// have repaired this device or changed refresh.mode. Pauses that a service asked for, refused
// registration tokens and limits stay.
func (l *Loop) Retry() {
	l.Pauses.Retry()
	l.Kick()
}
