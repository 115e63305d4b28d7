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

const capabilitiesPrefix = "learned/"

// capabilitiesFormat is the version of sealedCapabilities.
const capabilitiesFormat = 1

type sealedCapabilities struct {
	Format  int              `json:"format"`
	Tenant  string           `json:"tenant"` // host
	Learned tms.Capabilities `json:"learned"`
}

// TenantCapabilities is what each tenant taught this device: one sealed record for each. It
// is safe for concurrent use. Reading waits for no disk.
//
// Memory may be ahead of the disk, unlike in a [Tokens]: what an answer taught
// holds for this process also while the disk is full. [Learned.Save] writes the
// rest later.
type TenantCapabilities struct {
	store store.Store

	writing  sync.Mutex               // held over a whole change
	versions map[string]store.Version // guarded by writes
	unsaved  map[string]bool          // guarded by writes

	mu     sync.RWMutex
	byHost map[string]tms.Capabilities // by host
}

// OpenTenantCapabilities reads what the tenants taught. A store of an earlier release has
// no such record. It returns unreadable records in bad, by name, and does not change
// them. The caller must then not redeem: a form may have been tried already.
func OpenTenantCapabilities(ctx context.Context, s store.Store) (l *TenantCapabilities, bad map[string]error, err error) {
	names, err := s.List(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list what tenants taught: %w", err)
	}
	l = &TenantCapabilities{store: s, versions: map[string]store.Version{}, unsaved: map[string]bool{}, byHost: map[string]tms.Capabilities{}}
	bad = map[string]error{}
	for _, name := range names {
		host, ok := strings.CutPrefix(name, capabilitiesPrefix)
		if !ok {
			continue
		}
		if err := l.load(ctx, name, host); err != nil {
			bad[name] = err
		}
	}
	return l, bad, nil
}

func (l *TenantCapabilities) load(ctx context.Context, name, host string) error {
	b, version, err := l.store.Get(ctx, name)
	if err != nil {
		return err
	}
	var s sealedCapabilities
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("decode what a tenant taught: %w", err)
	}
	if s.Format != capabilitiesFormat {
		return fmt.Errorf("record %s has format %d, this daemon reads %d: install the newer version again", name, s.Format, capabilitiesFormat)
	}
	if s.Tenant != host {
		return fmt.Errorf("record %s is of %s: %w", name, s.Tenant, store.ErrKey)
	}
	l.byHost[host], l.versions[host] = s.Learned, version
	return nil
}

// Get returns what a tenant taught, by its host.
func (l *TenantCapabilities) Get(host string) tms.Capabilities {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.byHost[host].Clone()
}

// RequestForm returns the form of a redemption that a tenant accepted, by its host.
func (l *TenantCapabilities) RequestForm(host string) tms.RequestForm {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.byHost[host].Request
}

// HasUnsaved reports whether Save has something to write.
func (l *TenantCapabilities) HasUnsaved() bool {
	l.writing.Lock()
	defer l.writing.Unlock()
	return len(l.unsaved) > 0
}

// Update changes what a tenant taught. When it returns nil the change is
// durable; when it fails the change holds for this process, and Save tries again.
// A change that changes nothing writes nothing.
func (l *TenantCapabilities) Update(ctx context.Context, host string, change func(*tms.Capabilities)) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	before := l.Get(host)
	after := before.Clone()
	change(&after)
	if reflect.DeepEqual(before, after) && !l.unsaved[host] {
		return nil
	}
	l.mu.Lock()
	l.byHost[host] = after
	l.mu.Unlock()
	return l.save(ctx, host)
}

// Save writes what Change could not write.
func (l *TenantCapabilities) Save(ctx context.Context) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	for host := range l.unsaved {
		if err := l.save(ctx, host); err != nil {
			return err
		}
	}
	return nil
}

// save writes one record. The caller holds writes.
func (l *TenantCapabilities) save(ctx context.Context, host string) error {
	l.unsaved[host] = true
	b, err := json.Marshal(sealedCapabilities{Format: capabilitiesFormat, Tenant: host, Learned: l.Get(host)})
	if err != nil {
		return fmt.Errorf("encode what %s taught: %w", host, err)
	}
	name := capabilitiesPrefix + host
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
