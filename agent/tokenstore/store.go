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

	"regent/agent/instance"
	"regent/agent/store"
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
