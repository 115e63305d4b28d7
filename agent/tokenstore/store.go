// Package tokenstore keeps the auth tokens: one sealed record for each instance.
//
// Memory and disk never differ. Its callers decide when to redeem and refresh.
// It also keeps, for each tenant, the forms and the refresh mode that worked.
package tokenstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"regent/agent/instance"
	"regent/agent/store"
	"regent/agent/tms"
	"regent/agent/token"
)

// prefix is where auth tokens are in the store.
const prefix = "auth-token/"

// ErrConflict means that the instance was forgotten or changed while an answer for
// it was under way: the answer is discarded.
var ErrConflict = errors.New("tokenstore: the auth token was changed or forgotten meanwhile")

// Store is the set of auth tokens. It is safe for concurrent use: changes are
// made one after the other, and reading waits for none of them.
type Store struct {
	writing sync.Mutex // held over a whole change
	store   *store.Records

	notify func(Record) // of each record that was kept

	mu      sync.RWMutex
	records map[instance.ID]Record
}

// Open reads all auth tokens. For one that cannot be read it returns a
// [store.UnreadableError].
func Open(ctx context.Context, s store.Store) (*Store, error) {
	v := &Store{store: store.NewRecords(s), records: map[instance.ID]Record{}}
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

// OnChange has f told of each record after it was kept. f must not change the
// vault, nor wait. To be called once, before the vault is in use.
func (v *Store) OnChange(f func(Record)) { v.notify = f }

// Get returns the auth token of id.
func (v *Store) Get(id instance.ID) (Record, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	r, ok := v.records[id]
	return r, ok
}

// List returns all auth tokens, sorted by key.
func (v *Store) List() []Record {
	v.mu.RLock()
	defer v.mu.RUnlock()
	byKey := make(map[string]Record, len(v.records)) // each key is made once: this is done for each redemption
	for id, r := range v.records {
		byKey[id.Key()] = r
	}
	out := make([]Record, 0, len(byKey))
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		out = append(out, byKey[key])
	}
	return out
}

// Create keeps the auth token of an instance that has none, or replaces one
// that was redeemed again. When it returns nil the auth token is durable.
func (v *Store) Create(ctx context.Context, r Record) error {
	v.writing.Lock()
	defer v.writing.Unlock()
	return v.put(ctx, r)
}

// Update changes the auth token of id by change, durably, and returns what it
// became. It returns [ErrConflict] if there is none, or if it is no longer of the
// generation and intent that the caller saw.
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

// put writes first and remembers second, so that memory never holds what the
// disk does not. The caller holds writes.
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

// Forget removes the auth token that the caller saw, durably. None is no error;
// another one, which was redeemed in its place meanwhile, stays: [ErrConflict].
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

// IsRecord reports whether a record of the store holds an auth token: losing it
// costs a count.
func IsRecord(name string) bool { return strings.HasPrefix(name, prefix) }

// Record is one auth token and all that must outlast the process.
type Record struct {
	ID           instance.ID
	BaseURL      string // the tenant's base URL when it was redeemed
	Intent       string // the ledger's intent that bought it
	Registration string // fingerprint of the registration token that paid
	AuthTokenID  string // the service's name of it
	Identifier   string // what its administrator sees
	Provider     tms.Provider

	State instance.State
	Since time.Time // when State began

	Access          token.Secret
	AccessLife      token.Lifetime
	Generation      uint64  // which refresh made it; grows by one
	Jitter          float64 // jitter in [0,1), drawn once when the access token arrived
	Refresh         token.Secret
	RefreshLife     token.Lifetime // TTL 0: unknown or without end
	RefreshIssuedAt time.Time      // when Refresh was issued, by the service's own clock; zero if unknown
	PreviousRefresh token.Secret   // the refresh token before; kept until Refresh has worked once

	Attempt  Attempt
	Refusals Refusals

	RequestEchoed bool     // the redemption's reply showed what it was told
	ReplyForm     tms.Form // of the service's last reply with an auth token; zero if not known

	PolicyRedeemedAt time.Time // when policy last redeemed by itself after refresh_expired

	RedeemedAt   time.Time     // when it was redeemed, by the service's own clock; zero if unknown
	SessionLimit time.Duration // after which the service ends its sessions, as was seen; 0 if no end was seen
}

// Attempt is what is known of refreshes that began and have not succeeded. It
// is durable before the request is sent.
type Attempt struct {
	Open          bool      `json:"open,omitempty"`       // one is under way, or was when the process died
	Unanswered    int       `json:"unanswered,omitempty"` // earlier ones whose answer never came
	PreviousTried bool      `json:"older_tried,omitempty"`
	At            time.Time `json:"at,omitzero"` // when the last one began
}

// AnswerMissing reports whether the service may have rotated the refresh token
// without our having heard the answer.
func (a Attempt) AnswerMissing() bool { return a.Open || a.Unanswered > 0 }

// Refusals counts refusals in the service's shape, in a row.
type Refusals struct {
	Count int       `json:"count,omitempty"`
	First time.Time `json:"first,omitzero"`
}

// Servable reports whether the state lets the access token be handed out while
// it is valid: only a revocation withdraws it at once.
func (r Record) Servable() bool { return r.State != instance.Revoked && !r.Access.IsZero() }

// sealed is a Record as it lies in the store. Only this package makes one.
type sealed struct {
	Format       int            `json:"format"`
	ID           instance.ID    `json:"id"`
	Base         string         `json:"base"`
	Intent       string         `json:"intent"`
	Registration string         `json:"registration"`
	AuthTokenID  string         `json:"auth_token_id"`
	Identifier   string         `json:"identifier"`
	Provider     tms.Provider   `json:"provider"`
	State        instance.State `json:"state"`
	Since        time.Time      `json:"since"`
	Access       string         `json:"access"`
	Life         token.Lifetime `json:"life"`
	Generation   uint64         `json:"generation"`
	Draw         float64        `json:"draw"`
	Refresh      string         `json:"refresh"`
	RefreshLife  token.Lifetime `json:"refresh_life"`
	Served       time.Time      `json:"served,omitzero"`
	Older        string         `json:"older,omitempty"`
	Attempt      Attempt        `json:"attempt,omitzero"`
	Refusals     Refusals       `json:"refusals,omitzero"`
	Again        time.Time      `json:"again,omitzero"`
	Shown        bool           `json:"shown,omitempty"`
	Form         tms.Form       `json:"form,omitzero"`
	Began        time.Time      `json:"began,omitzero"`
	Session      time.Duration  `json:"session,omitempty"`
}

// format is the version of sealed. A newer daemon reads the one before.
const format = 1

func seal(r Record) sealed {
	return sealed{
		Format: format, ID: r.ID, Base: r.BaseURL, Intent: r.Intent, Registration: r.Registration,
		AuthTokenID: r.AuthTokenID, Identifier: r.Identifier, Provider: r.Provider, State: r.State, Since: r.Since,
		Access: r.Access.Reveal(), Life: r.AccessLife, Generation: r.Generation, Draw: r.Jitter,
		Refresh: r.Refresh.Reveal(), RefreshLife: r.RefreshLife, Served: r.RefreshIssuedAt, Older: r.PreviousRefresh.Reveal(),
		Attempt: r.Attempt, Refusals: r.Refusals, Again: r.PolicyRedeemedAt, Shown: r.RequestEchoed, Form: r.ReplyForm,
		Began: r.RedeemedAt, Session: r.SessionLimit,
	}
}

func (s sealed) open() (Record, error) {
	if s.Format != format {
		return Record{}, formatError(s.Format, format)
	}
	return Record{
		ID: s.ID, BaseURL: s.Base, Intent: s.Intent, Registration: s.Registration,
		AuthTokenID: s.AuthTokenID, Identifier: s.Identifier, Provider: s.Provider, State: s.State, Since: s.Since,
		Access: token.NewSecret(s.Access), AccessLife: s.Life, Generation: s.Generation, Jitter: s.Draw,
		Refresh: token.NewSecret(s.Refresh), RefreshLife: s.RefreshLife, RefreshIssuedAt: s.Served, PreviousRefresh: token.NewSecret(s.Older),
		Attempt: s.Attempt, Refusals: s.Refusals, PolicyRedeemedAt: s.Again, RequestEchoed: s.Shown, ReplyForm: s.Form,
		RedeemedAt: s.Began, SessionLimit: s.Session,
	}, nil
}
