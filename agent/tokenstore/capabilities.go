package tokenstore

import (
	"context"
	"fmt"
	"reflect"
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

// TenantCapabilities stores the forms that each tenant accepted, in one sealed record for
// each. It is safe for concurrent use. Reading does not wait for the disk.
//
// Unlike a [Store], memory may be ahead of the disk: a finding is valid for this process
// also while the disk is full. [TenantCapabilities.Save] writes the rest later.
type TenantCapabilities struct {
	writing sync.Mutex // locked during a whole change
	store   *store.Records
	unsaved map[string]bool // by host

	mu     sync.RWMutex
	byHost map[string]tms.Capabilities // by host
}

// OpenTenantCapabilities reads the records. A store of an earlier release has none. If one
// cannot be read, it returns a [store.UnreadableError]. The caller must then not redeem: a
// form may have been tried already.
func OpenTenantCapabilities(ctx context.Context, s store.Store) (*TenantCapabilities, error) {
	l := &TenantCapabilities{store: store.NewRecords(s), unsaved: map[string]bool{}, byHost: map[string]tms.Capabilities{}}
	err := l.store.ReadAll(ctx, capabilitiesPrefix, func(name string) error {
		var s sealedCapabilities
		if err := l.store.Read(ctx, name, &s); err != nil {
			return err
		}
		l.byHost[s.Tenant] = s.Learned
		switch {
		case s.Format != capabilitiesFormat:
			return formatError(s.Format, capabilitiesFormat)
		case capabilitiesPrefix+s.Tenant != name:
			return fmt.Errorf("it is of %s: %w", s.Tenant, store.ErrKey)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// formatError is the error on a record of a later release.
func formatError(got, want int) error {
	return fmt.Errorf("it has format %d, but this regentd reads %d: install the newer version again", got, want)
}

// Get returns the capabilities of a tenant, by its host.
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

// Update changes the capabilities of a tenant. If it returns nil, the change is durable. If
// it fails, the change is valid for this process, and Save retries. A change without effect
// writes nothing.
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

// Save writes the changes that Update could not write.
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

// save writes one record. The caller holds writing.
func (l *TenantCapabilities) save(ctx context.Context, host string) error {
	l.unsaved[host] = true
	kept := sealedCapabilities{Format: capabilitiesFormat, Tenant: host, Learned: l.Get(host)}
	if err := l.store.Write(ctx, capabilitiesPrefix+host, kept); err != nil {
		return fmt.Errorf("store the forms of %s: %w", host, err)
	}
	delete(l.unsaved, host)
	return nil
}
