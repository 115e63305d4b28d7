package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"math"
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

// drillDir is the directory of the copies during a drill.
const drillDir = "drill"

const allRecords = store.RecordsDir + "/*.rec"

// scenario is one fault that a drill tests on a copy.
type scenario struct {
	name   string
	keyErr error // the error of the keyring
	apply  func(ctx context.Context, ring *drillKeyring, s *Manager) error
	want   store.State
	counts int    // maximum cost of the recovery
	remark string // follows the daemon's message
}

func scenarios() []scenario {
	return []scenario{
		{name: "the data key is lost", keyErr: store.ErrNoKey, want: store.Missing, counts: math.MaxInt},
		{
			name: "the TPM is reset, or the disk is put into another device", keyErr: errors.New("the passphrase does not open the key"), want: store.Unreadable, counts: math.MaxInt,
			remark: "If systemd provides the passphrase, regentd does not start (243/CREDENTIALS), and regent status shows locked.",
		},
		{name: "the keyring is locked", keyErr: store.ErrLocked, want: store.Locked},
		{
			name: "the disk takes no writes", apply: readOnly, want: store.OK,
			remark: "Regent issues its access tokens until they expire. It redeems and refreshes nothing, since it could not store the result.",
		},
		{name: "a record is damaged", apply: damageOne, want: store.Unreadable, counts: 1},
		{name: "the state directory is restored from a backup", apply: makeOlder, want: store.RolledBack, counts: math.MaxInt},
		{name: "the disk is copied to another device", apply: copyElsewhere, want: store.ForeignHost},
	}
}

// Drill tests faults of the store on copies, and reports the result of each. It changes
// nothing and sends nothing. The store must be open.
func (s *Manager) Drill(ctx context.Context) (Report, error) {
	r, err := s.Plan(ctx, Drill)
	if err != nil || s.state != store.OK {
		return r, errors.Join(err, s.cause)
	}
	key, err := s.Keyring.Key(ctx)
	if err != nil {
		return r, fault.Errorf("drill", fault.StoreLocked, "cannot read the data key: %v", err).WithCause(err)
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
		step.Counts = min(tokens, m.counts)
		r.Steps = append(r.Steps, step)
	}
	r.Effect, r.Done = "Tested on copies; nothing was changed.", true
	return r, nil
}

// runScenario applies one fault to a copy, and opens the copy like a start of the daemon.
func (s *Manager) runScenario(ctx context.Context, m scenario, key []byte) (step status.StoreStep, err error) {
	dir := s.path(drillDir)
	if err := os.RemoveAll(dir); err != nil { // of a drill that was interrupted
		return step, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := s.copyState(dir); err != nil {
		return step, err
	}
	ring := &drillKeyring{key: slices.Clone(key), err: m.keyErr}
	d := s.Deps
	d.Dir, d.Keyring, d.OnClone, d.Log = dir, ring, policy.Quarantine, slog.New(slog.DiscardHandler)
	copied := New(d)
	if m.apply != nil {
		if copied.sealed, err = store.Open(ctx, store.Options{Dir: dir, Key: key}); err != nil {
			return step, err
		}
		if err := errors.Join(m.apply(ctx, ring, copied), copied.Close()); err != nil {
			return step, err
		}
		copied.sealed = nil
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

// copyState copies the records first. If the ledger is written meanwhile, it is then only
// ahead of its head.
func (s *Manager) copyState(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, store.RecordsDir), 0o700); err != nil {
		return err
	}
	state := os.DirFS(s.Dir)
	names, err := fs.Glob(state, allRecords)
	if err != nil {
		return err
	}
	for _, name := range append(names, redeem.LedgerName) {
		b, err := fs.ReadFile(state, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func readOnly(_ context.Context, _ *drillKeyring, s *Manager) error {
	s.probeError = errors.New("read-only file system")
	return nil
}

func damageOne(_ context.Context, _ *drillKeyring, s *Manager) error {
	names, err := fs.Glob(os.DirFS(s.Dir), allRecords)
	if err != nil || len(names) == 0 {
		return errors.Join(err, errors.New("there is no record"))
	}
	path := filepath.Join(s.Dir, names[0])
	b, err := os.ReadFile(path) //nolint:gosec // a name that was found in the copy
	if err != nil {
		return err
	}
	b[len(b)-1] ^= 1
	return os.WriteFile(path, b, 0o600) //nolint:gosec // as above
}

// makeOlder saves a mark that is one write ahead of the store.
func makeOlder(ctx context.Context, ring *drillKeyring, s *Manager) error {
	level, err := s.sealed.Level(ctx)
	if err != nil {
		return err
	}
	return ring.SaveMark(ctx, s.sealed.SealMark(level+1))
}

// copyElsewhere binds the copy to one invented device and opens it on another. This device
// may have too few known facts.
func copyElsewhere(ctx context.Context, _ *drillKeyring, s *Manager) error {
	here, err := json.Marshal(Facts{DMI: "here", MACs: []string{"02:00:00:00:00:01"}})
	if err != nil {
		return err
	}
	s.Facts = Facts{DMI: "elsewhere", MACs: []string{"02:00:00:00:00:02"}}
	return s.put(ctx, hostRecord, here)
}

// drillKeyring is a keyring in memory for a copy. It has only the methods that a start calls:
// a drill replaces and deletes no key.
type drillKeyring struct {
	Keyring
	key, mark []byte
	err       error
	made      int
}

func (r *drillKeyring) Key(context.Context) ([]byte, error)    { return r.key, r.err }
func (r *drillKeyring) Create(context.Context) ([]byte, error) { r.made++; return r.key, r.err }
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
