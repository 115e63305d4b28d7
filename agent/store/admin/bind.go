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
	imageFile    = "sealed-image" // the boot in which a golden image was sealed
	deviceRecord = "device"       // the installation's name, which a copy must not share
)

// bind decides whether the state is this device's, and binds it.
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
		s.Log.InfoContext(ctx, "too little is known of this device to tell a copy of it, so the state is not bound to it", "facts", s.Facts.Known())
		return store.OK, nil
	case Quarantine:
		return s.foreign(ctx, d)
	}
	if len(d.Changed) > 0 {
		s.Log.WarnContext(ctx, "the device has changed, and is taken for the same", "changed", strings.Join(d.Changed, ", "))
	}
	if d.System() {
		if err := s.beginNames(ctx); err != nil {
			return store.Unreadable, err
		}
	}
	return store.OK, s.rebind(ctx, bound)
}

// foreign is what happens with the state of another device.
func (s *Manager) foreign(ctx context.Context, d Decision) (store.State, error) {
	changed := strings.Join(d.Changed, ", ")
	switch s.OnClone {
	case policy.AdoptClone:
		s.Log.WarnContext(ctx, "the state seems to be another device's, and is adopted as store.on_clone says", "changed", changed)
		return store.OK, s.adopt(ctx)
	case policy.RegisterAgain:
		s.Log.WarnContext(ctx, "the state seems to be another device's; its auth tokens are forgotten, as store.on_clone says", "changed", changed)
		return store.OK, s.registerAgain(ctx)
	}
	return store.ForeignHost, fault.Errorf("compare the device", fault.Quarantined,
		"this device looks like a copy of another one (changed: %s), so nothing is served and nothing is asked of the service; an administrator finds out whether another device with this state is still running; if none is: regent store adopt; if one is: regent store register-again, which needs a registration token with counts; each says first what it does", changed)
}

// adopt makes the state this device's. What another device was called is not
// told of this one.
func (s *Manager) adopt(ctx context.Context) error {
	if err := s.beginNames(ctx); err != nil {
		return err
	}
	return s.rebind(ctx, nil)
}

// beginNames has the next redemption name this device.
func (s *Manager) beginNames(ctx context.Context) error {
	anew, err := redeem.ResetNames()
	if err != nil {
		return fault.New("name this device anew", fault.Internal, err)
	}
	return s.put(ctx, redeem.NamesRecord, anew)
}

// registerAgain forgets what is the other device's: the auth tokens, the answers that
// could not be read, and the names of the installation. Registration tokens stay, to be redeemed here.
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
		return nil, nil //nolint:nilnil // nothing is bound
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

// rebind binds the state to this device. bound is what was bound and is the
// same device's; nil if none was.
func (s *Manager) rebind(ctx context.Context, bound *Facts) error {
	b, err := json.Marshal(Renew(bound, s.Facts))
	if err != nil {
		return fault.New("bind the state to this device", fault.Internal, err)
	}
	return s.put(ctx, hostRecord, b)
}

// put writes a record of custody's own, over whatever version it has.
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

// checkImage keeps the machine on which a golden image was sealed from using it:
// what is sealed is for the next boot. There is no key then, so the boot stands
// in a file of its own.
func (s *Manager) checkImage() error {
	here, err := InImage(s.Dir, s.BootID)
	if err != nil {
		return fault.Errorf("look at the state directory", fault.StoreUnreadable, "%v", err).WithCause(err)
	}
	if here {
		return fault.Errorf("open the store", fault.Quarantined, "this machine was sealed as a golden image: nothing is served and nothing is asked of the service until it starts the next time; to use it now: regent store reset")
	}
	if err := os.Remove(s.path(imageFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Errorf("begin with a golden image", fault.StoreUnreadable, "%v", err).WithCause(err)
	}
	return nil
}

// InImage reports whether this machine was sealed as a golden image in this boot.
// Until the next one nothing is kept in dir: every copy would have it.
func InImage(dir, bootID string) (bool, error) {
	boot, err := os.ReadFile(filepath.Join(dir, imageFile)) //nolint:gosec // in the state directory, which the daemon was given
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return string(boot) == bootID, err
}
