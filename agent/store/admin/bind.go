package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/redeem"
	"regent/agent/store"
	"regent/agent/tokenstore"
)

const (
	hostRecord   = "host"         // the facts of the device that the state is bound to
	imageFile    = "sealed-image" // the boot ID of the seal of a golden image
	deviceRecord = "device"       // the installation's name, which a copy must not use
)

// bind checks whether the state belongs to this device, and binds it.
func (s *Manager) bind(ctx context.Context) (store.State, error) {
	bound, err := s.bindingNow(ctx)
	if err != nil {
		return store.Unreadable, fault.Errorf("compare the device", fault.StoreUnreadable, "%v", err).WithCause(err)
	}
	d := Decide(bound, s.Facts)
	s.binding = d.Outcome
	switch d.Outcome {
	case Same:
		return store.OK, nil
	case Off:
		s.Log.InfoContext(ctx, "too few facts of this device are known to notice a copy, so the state is not bound to it", "facts", s.Facts.Known())
		return store.OK, nil
	case Quarantine:
		return s.foreign(ctx, d)
	}
	if len(d.Changed) > 0 {
		s.Log.WarnContext(ctx, "the device has changed, but is probably the same", "changed", strings.Join(d.Changed, ", "))
	}
	if d.System() {
		if err := s.beginNames(ctx); err != nil {
			return store.Unreadable, err
		}
	}
	return store.OK, s.rebind(ctx, bound)
}

// foreign applies store.on_clone to the state of another device.
func (s *Manager) foreign(ctx context.Context, d Decision) (store.State, error) {
	changed := strings.Join(d.Changed, ", ")
	switch s.OnClone {
	case policy.AdoptClone:
		s.Log.WarnContext(ctx, "the state seems to be another device's; adopting it, since store.on_clone is adopt", "changed", changed)
		return store.OK, s.adopt(ctx)
	case policy.RegisterAgain:
		s.Log.WarnContext(ctx, "the state seems to be another device's; deleting its auth tokens, since store.on_clone is register_again", "changed", changed)
		return store.OK, s.registerAgain(ctx)
	}
	return store.ForeignHost, fault.Errorf("compare the device", fault.Quarantined,
		"this device looks like a copy of another one (changed: %s), so Regent issues no token and sends no request. If the other device no longer runs: sudo regent store adopt. If it runs: sudo regent store register-again, which needs a registration token with counts. Both first show their effect", changed)
}

// adopt binds the state to this device. The next redemption does not use the other device's
// names.
func (s *Manager) adopt(ctx context.Context) error {
	if err := s.beginNames(ctx); err != nil {
		return err
	}
	return s.rebind(ctx, nil)
}

// beginNames makes the next redemption use the names of this device.
func (s *Manager) beginNames(ctx context.Context) error {
	names, err := redeem.ResetNames()
	if err != nil {
		return fault.New("reset the names of this device", fault.Internal, err)
	}
	return s.put(ctx, redeem.NamesRecord, names)
}

// registerAgain deletes the records of the other device: the auth tokens, the unreadable
// answers, and the names of the installation. Registration tokens stay, for redemptions here.
func (s *Manager) registerAgain(ctx context.Context) error {
	names, err := s.sealed.List(ctx)
	if err != nil {
		return fault.New("forget the other device's auth tokens", fault.StoreUnreadable, err)
	}
	for _, name := range names {
		if !tokenstore.IsRecord(name) && name != deviceRecord && name != redeem.NamesRecord && !redeem.IsUnread(name) {
			continue
		}
		if err := s.sealed.Delete(ctx, name); err != nil {
			return fault.New("forget the other device's auth tokens", fault.StoreUnreadable, err)
		}
	}
	if _, err := redeem.SetLedgerAside(ctx, s.Dir, s.sealed); err != nil {
		return fault.New("begin a new ledger", fault.StoreUnreadable, err)
	}
	return s.rebind(ctx, nil)
}

func (s *Manager) bindingNow(ctx context.Context) (*Facts, error) {
	b, _, err := s.sealed.Get(ctx, hostRecord)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // not bound
	}
	if err != nil {
		return nil, err
	}
	var f Facts
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("decode the facts of a device: %w", err)
	}
	return &f, nil
}

// rebind binds the state to this device. bound has the previous facts of this device, or is
// nil.
func (s *Manager) rebind(ctx context.Context, bound *Facts) error {
	b, err := json.Marshal(Renew(bound, s.Facts))
	if err != nil {
		return fault.New("bind the state to this device", fault.Internal, err)
	}
	return s.put(ctx, hostRecord, b)
}

// put writes a record of this package, over any version.
func (s *Manager) put(ctx context.Context, name string, value []byte) error {
	_, was, err := s.sealed.Get(ctx, name)
	if err == nil || errors.Is(err, store.ErrNotFound) {
		_, err = s.sealed.Put(ctx, name, value, was)
	}
	if err != nil {
		return fault.Errorf("write to the store", fault.StoreUnreadable, "%v", err).WithCause(err)
	}
	return nil
}

// checkImage returns an error if this machine was sealed as a golden image in this boot. From
// the next boot on, it removes the seal. A sealed image has no key, so the boot ID is in a
// file of its own.
func (s *Manager) checkImage() error {
	here, err := InImage(s.Dir, s.BootID)
	if err != nil {
		return fault.Errorf("read the state directory", fault.StoreUnreadable, "%v", err).WithCause(err)
	}
	if here {
		return fault.Errorf("open the store", fault.Quarantined, "this machine was sealed as a golden image, so Regent issues no token and sends no request until the next boot. To use the machine now: sudo regent store reset")
	}
	if err := os.Remove(s.path(imageFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Errorf("begin with a golden image", fault.StoreUnreadable, "%v", err).WithCause(err)
	}
	return nil
}

// InImage reports whether this machine was sealed as a golden image in this boot. Until the
// next boot, nothing may be written into dir: every copy would have it.
func InImage(dir, bootID string) (bool, error) {
	boot, err := os.ReadFile(filepath.Join(dir, imageFile)) //nolint:gosec // in the state directory, which the daemon was given
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return string(boot) == bootID, err
}
