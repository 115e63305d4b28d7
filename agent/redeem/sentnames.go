package redeem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"regent/agent/store"
)

// NamesRecord is the store's record of the names that the service gets for this
// installation.
const NamesRecord = "names"

// DeviceNames are the names of a device that the Contact Administrator sees beside each of
// its auth tokens.
type DeviceNames struct {
	FQDN     string `json:"fqdn,omitempty"`
	UserName string `json:"user_name,omitempty"`
	MAC      string `json:"mac,omitempty"`
}

// sealedNames is the record. If Reset is set, earlier redemptions belong to another device.
// After is their last line in the ledger.
type sealedNames struct {
	DeviceNames
	Reset bool   `json:"anew,omitempty"`
	After uint64 `json:"after,omitempty"`
}

// ResetNames returns the content of [NamesRecord] with which the next redemption sets the
// names, and earlier ones do not count.
func ResetNames() ([]byte, error) { return json.Marshal(sealedNames{Reset: true}) }

// SentNames stores the names of the first redemption that used a count, or may have used
// one. Names of a device change with its network, but the service's administrator
// should see one device. It is safe for concurrent use.
type SentNames struct {
	ledger *Ledger

	mu      sync.Mutex
	store   *store.Records
	record  sealedNames
	unsaved bool // record is newer than the store's
}

// OpenSentNames reads the stored names. An installation without them has those of its
// ledger.
func OpenSentNames(ctx context.Context, s store.Store, l *Ledger) (*SentNames, error) {
	t := &SentNames{store: store.NewRecords(s), ledger: l}
	if err := t.store.Read(ctx, NamesRecord, &t.record); err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("read the names of this device: %w", err)
	}
	if t.record.Reset {
		t.record, t.unsaved = sealedNames{After: uint64(len(l.Entries()))}, true
	}
	return t, nil
}

// Names returns the names that the service got; false if it got none yet.
func (t *SentNames) Names() (DeviceNames, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.record.DeviceNames, t.record.FQDN != ""
}

// Update finds the first redemption in the ledger, if none is known, and seals its names.
// If sealing fails, the names are still in the ledger.
func (t *SentNames) Update(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.record.FQDN == "" {
		first, ok := firstCounted(t.ledger.entriesAfter(t.record.After))
		if ok {
			t.record.DeviceNames, t.unsaved = DeviceNames{first.FQDN, first.UserName, first.MAC}, true
		}
	}
	if !t.unsaved {
		return nil
	}
	if err := t.store.Write(ctx, NamesRecord, t.record); err != nil {
		return fmt.Errorf("store the names of this device: %w", err)
	}
	t.unsaved = false
	return nil
}

// firstCounted returns the first intent that used a count or may have used one. The others
// are not in the administrator's list.
func firstCounted(entries []Entry) (first Entry, ok bool) {
	entries = sinceUnregistered(entries)
	closed := map[string]Entry{}
	for _, e := range entries {
		if e.Kind == Confirmed || e.Kind == Uncertain || e.Kind == Resolved {
			closed[e.ID] = e
		}
	}
	for _, e := range entries {
		how, done := closed[e.ID]
		if e.Kind == Intent && e.FQDN != "" && done && (how.Kind != Resolved || how.Consumed) {
			return e, true
		}
	}
	return Entry{}, false
}
