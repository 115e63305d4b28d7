package tokenstore

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"regent/agent/store"
	"regent/agent/tms"
)

const learnedPrefix = "learned/"

// learnedFormat is the version of sealedLearned.
const learnedFormat = 1

type sealedLearned struct {
	Format  int         `json:"format"`
	Tenant  string      `json:"tenant"` // host
	Learned tms.Learned `json:"learned"`
}

// Learned is what each tenant taught this device: one sealed record for each. It
// is safe for concurrent use. Reading waits for no disk.
//
// Memory may be ahead of the disk, unlike in a [Vault]: what an answer taught
// holds for this process also while the disk is full. [Learned.Save] writes the
// rest later.
type Learned struct {
	store store.Store

	writes   sync.Mutex               // held over a whole change
	versions map[string]store.Version // guarded by writes
	unsaved  map[string]bool          // guarded by writes

	mu sync.RWMutex
	of map[string]tms.Learned // by host
}

// OpenLearned reads what the tenants taught. A store of an earlier release has
// no such record. It returns unreadable records in bad, by name, and does not change
// them. The caller must then not redeem: a form may have been tried already.
func OpenLearned(ctx context.Context, s store.Store) (l *Learned, bad map[string]error, err error) {
	names, err := s.List(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list what tenants taught: %w", err)
	}
	l = &Learned{store: s, versions: map[string]store.Version{}, unsaved: map[string]bool{}, of: map[string]tms.Learned{}}
	bad = map[string]error{}
	for _, name := range names {
		host, ok := strings.CutPrefix(name, learnedPrefix)
		if !ok {
			continue
		}
		if err := l.load(ctx, name, host); err != nil {
			bad[name] = err
		}
	}
	return l, bad, nil
}

func (l *Learned) load(ctx context.Context, name, host string) error {
	b, version, err := l.store.Get(ctx, name)
	if err != nil {
		return err
	}
	var s sealedLearned
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("decode what a tenant taught: %w", err)
	}
	if s.Format != learnedFormat {
		return fmt.Errorf("record %s has format %d, this daemon reads %d: install the newer version again", name, s.Format, learnedFormat)
	}
	if s.Tenant != host {
		return fmt.Errorf("record %s is of %s: %w", name, s.Tenant, store.ErrKey)
	}
	l.of[host], l.versions[host] = s.Learned, version
	return nil
}

// Of returns what a tenant taught, by its host.
func (l *Learned) Of(host string) tms.Learned {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.of[host].Clone()
}

// Request returns the form of a redemption that a tenant accepted, by its host.
func (l *Learned) Request(host string) tms.RequestForm {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.of[host].Request
}

// Unsaved reports whether Save has something to write.
func (l *Learned) Unsaved() bool {
	l.writes.Lock()
	defer l.writes.Unlock()
	return len(l.unsaved) > 0
}

// Change changes what a tenant taught. When it returns nil the change is
// durable; when it fails the change holds for this process, and Save tries again.
// A change that changes nothing writes nothing.
func (l *Learned) Change(ctx context.Context, host string, change func(*tms.Learned)) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	before := l.Of(host)
	after := before.Clone()
	change(&after)
	if reflect.DeepEqual(before, after) && !l.unsaved[host] {
		return nil
	}
	l.mu.Lock()
	l.of[host] = after
	l.mu.Unlock()
	return l.save(ctx, host)
}

// Save writes what Change could not write.
func (l *Learned) Save(ctx context.Context) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	for host := range l.unsaved {
		if err := l.save(ctx, host); err != nil {
			return err
		}
	}
	return nil
}

// save writes one record. The caller holds writes.
func (l *Learned) save(ctx context.Context, host string) error {
	l.unsaved[host] = true
	b, err := json.Marshal(sealedLearned{Format: learnedFormat, Tenant: host, Learned: l.Of(host)})
	if err != nil {
		return fmt.Errorf("encode what %s taught: %w", host, err)
	}
	name := learnedPrefix + host
	version, err := l.store.Put(ctx, name, b, l.versions[host])
	if err != nil {
		// As in Vault: the next write goes over what is there now.
		if _, stands, unread := l.store.Get(ctx, name); unread == nil {
			l.versions[host] = stands
		}
		return fmt.Errorf("keep what %s taught: %w", host, err)
	}
	l.versions[host] = version
	delete(l.unsaved, host)
	return nil
}
