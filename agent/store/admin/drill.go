package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/redeem"
	"regent/agent/status"
	"regent/agent/store"
)

// drillDir is where the copies lie, while a drill lasts.
const drillDir = "drill"

// scenario is what a drill rehearses on a copy.
type scenario struct {
	name   string
	apply  func(ctx context.Context, ring *drillKeyring, s *Manager) error
	want   store.State
	counts func(tokens int) int
	remark string // added to what the daemon would say
}

func all(tokens int) int { return tokens }
func none(int) int       { return 0 }
func one(tokens int) int { return min(tokens, 1) }

func scenarios() []scenario {
	return []scenario{
		{"the data key is lost", func(_ context.Context, r *drillKeyring, _ *Manager) error { r.err = store.ErrNoKey; return nil }, store.Missing, all, ""},
		{
			"the TPM is reset, or the disk is put into another device",
			func(_ context.Context, r *drillKeyring, _ *Manager) error {
				r.err = errors.New("the passphrase does not open the key")
				return nil
			},
			store.Unreadable, all, "Where systemd hands the passphrase over, the daemon does not start at all then (243/CREDENTIALS), and regent status says locked.",
		},
		{"the keyring is locked", func(_ context.Context, r *drillKeyring, _ *Manager) error { r.err = store.ErrLocked; return nil }, store.Locked, none, ""},
		{"the disk takes no writes", readOnly, store.OK, none, "What is held is served until it expires; nothing is redeemed and no refresh is begun that could not be kept."},
		{"a record is damaged", damageOne, store.Unreadable, one, ""},
		{"the state directory is restored from a backup", makeOlder, store.RolledBack, all, ""},
		{"the disk is copied to another device", copyElsewhere, store.ForeignHost, none, ""},
	}
}

// Drill rehearses on copies what could happen to the store, and what would come
// of it. It changes nothing and sends nothing. The store must be open.
func (s *Manager) Drill(ctx context.Context) (Report, error) {
	r, err := s.Plan(ctx, Drill)
	if err != nil || s.state != store.OK {
		return r, errors.Join(err, s.cause)
	}
	key, err := s.Keyring.Key(ctx)
	if err != nil {
		return r, fault.Errorf("drill", fault.StoreLocked, "the keyring does not give out the data key: %v", err).WithCause(err)
	}
	tokens, err := s.authTokens()
	if err != nil {
		return r, fault.New("drill", fault.StoreUnreadable, err)
	}
	for _, m := range scenarios() {
		step, err := s.runScenario(ctx, m, key)
		if err != nil {
			return r, fault.Errorf("drill", fault.Internal, "%s: %v", m.name, err).WithCause(err)
		}
		step.Counts = m.counts(tokens)
		r.Steps = append(r.Steps, step)
	}
	r.Effect, r.Done = "Rehearsed on copies; nothing was changed.", true
	return r, nil
}

// runScenario lets one mishap happen to a copy, and starts on it.
func (s *Manager) runScenario(ctx context.Context, m scenario, key []byte) (step status.StoreStep, err error) {
	dir := s.path(drillDir)
	if err := os.RemoveAll(dir); err != nil { // of a drill that was interrupted
		return step, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := s.copyState(dir); err != nil {
		return step, err
	}
	ring := &drillKeyring{key: slices.Clone(key)}
	d := s.Deps
	d.Dir, d.Keyring, d.OnClone, d.Log = dir, ring, policy.Quarantine, slog.New(slog.DiscardHandler)
	copied := New(d)
	if err := m.apply(ctx, ring, copied); err != nil {
		return step, err
	}
	cause := copied.Open(ctx)
	if cause == nil && copied.probeError != nil {
		cause = copied.sealed.Probe(ctx)
	}
	step = status.StoreStep{Name: m.name, State: string(copied.state), Passed: copied.state == m.want && ring.made == 0}
	if cause != nil {
		step.Message = fault.From(cause).Text()
	}
	if f := fault.From(cause); f != nil && f.Kind == fault.Internal {
		step.Message = cause.Error()
	}
	step.Message = strings.TrimSpace(strings.ReplaceAll(step.Message, dir, s.Dir) + ". " + m.remark)
	return step, copied.Close()
}

// copyState copies records first: a ledger that is written meanwhile is then at
// most ahead of its head.
func (s *Manager) copyState(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	from, to := s.path(store.RecordsDir), filepath.Join(dir, store.RecordsDir)
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			if err := copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
				return err
			}
		}
	}
	return copyFile(s.path(redeem.LedgerName), filepath.Join(dir, redeem.LedgerName))
}

// copyFile copies a file that may have gone meanwhile.
func copyFile(from, to string) error {
	b, err := os.ReadFile(from) //nolint:gosec // in the state directory, which the daemon was given
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600) //nolint:gosec // in the copy, which the drill made
}

func readOnly(_ context.Context, _ *drillKeyring, s *Manager) error {
	s.probeError = errors.New("read-only file system")
	return nil
}

func damageOne(_ context.Context, _ *drillKeyring, s *Manager) error {
	dir := filepath.Join(s.Dir, store.RecordsDir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), ".rec") })
	if i < 0 {
		return errors.New("there is no record")
	}
	path := filepath.Join(dir, entries[i].Name())
	b, err := os.ReadFile(path) //nolint:gosec // a name that was found in the copy
	if err != nil {
		return err
	}
	b[len(b)-1] ^= 1
	return os.WriteFile(path, b, 0o600) //nolint:gosec // as above
}

// makeOlder marks a store that is one write further.
func makeOlder(ctx context.Context, ring *drillKeyring, s *Manager) error {
	newer, err := store.Open(ctx, store.Options{Dir: s.Dir, Key: ring.key})
	if err != nil {
		return err
	}
	level, err := newer.Level(ctx)
	if err == nil {
		err = ring.SaveMark(ctx, newer.SealMark(level+1))
	}
	return errors.Join(err, newer.Close())
}

// copyElsewhere binds the copy to one device that there is not and lets another
// find it, since of this one too little may be known.
func copyElsewhere(ctx context.Context, ring *drillKeyring, s *Manager) error {
	here, err := Facts{DMI: "here", MACs: []string{"02:00:00:00:00:01"}}.Encode()
	if err != nil {
		return err
	}
	copied, err := store.Open(ctx, store.Options{Dir: s.Dir, Key: ring.key})
	if err != nil {
		return err
	}
	on := New(s.Deps)
	on.sealed = copied
	s.Facts = Facts{DMI: "elsewhere", MACs: []string{"02:00:00:00:00:02"}}
	return errors.Join(on.put(ctx, hostRecord, here), copied.Close())
}

// drillKeyring is a keyring in memory, for a copy.
type drillKeyring struct {
	key, mark []byte
	err       error
	made      int
}

var _ Keyring = (*drillKeyring)(nil)

func (r *drillKeyring) Key(context.Context) ([]byte, error)    { return r.key, r.err }
func (r *drillKeyring) Create(context.Context) ([]byte, error) { r.made++; return r.key, r.err }
func (r *drillKeyring) Delete(context.Context) error           { return nil }
func (r *drillKeyring) Kind() string                           { return "drill" }
func (r *drillKeyring) DeleteMark(context.Context) error       { r.mark = nil; return nil }
func (r *drillKeyring) Replace(context.Context, []byte) error {
	return fmt.Errorf("[unexpected] a drill exchanges no key")
}
func (r *drillKeyring) For(string) (Keyring, error) { return r, nil }
func (r *drillKeyring) LoadMark(context.Context) ([]byte, error) {
	if r.mark == nil {
		return nil, store.ErrNoMark
	}
	return r.mark, nil
}

func (r *drillKeyring) SaveMark(_ context.Context, mark []byte) error {
	r.mark = mark
	return nil
}
