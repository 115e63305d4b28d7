package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"regent/agent/fault"
)

// ErrNoMark means that there is no mark: it was never saved, or somebody deleted it.
var ErrNoMark = errors.New("store: there is no mark")

// MarkStore stores one small sealed mark outside of the state directory, so that a restore
// of the directory does not change it. The platform provides it. Every call ends within the
// time that ctx allows.
type MarkStore interface {
	// LoadMark returns the mark, or an error that wraps [ErrNoMark].
	LoadMark(ctx context.Context) ([]byte, error)
	// SaveMark replaces the mark, durably.
	SaveMark(ctx context.Context, sealed []byte) error
}

const (
	markName  = "high-water mark"
	markValue = "counts in its version the writes that the store had taken"
)

// Mark is the level of the store, saved outside of it. It is saved after the writes, not
// with each one. After a crash the store may be ahead of its mark, which is normal. A store
// behind its mark is an older copy. Save and Run must not be called concurrently.
type Mark struct {
	store     *Sealed
	markStore MarkStore
	log       *slog.Logger
	saved     uint64 // the level of the saved mark
	failed    bool   // the last save failed, which is logged
}

const notSaved = math.MaxUint64

// OpenMark compares a store with its mark. Without a mark it creates one. It returns a
// [fault.Fault] and changes nothing if the store is older than its mark ([RolledBack]) or
// the mark is damaged ([Unreadable]). If the mark cannot be loaded or saved, OpenMark only
// logs it: regentd then does not notice a restore, but can work.
func OpenMark(ctx context.Context, s *Sealed, place MarkStore, log *slog.Logger) (*Mark, State, error) {
	m := &Mark{store: s, markStore: place, log: log, saved: notSaved}
	level, err := s.Level(ctx)
	if err != nil {
		return nil, Unreadable, fault.New("compare the store with its mark", fault.StoreUnreadable, err)
	}
	sealed, err := place.LoadMark(ctx)
	switch {
	case errors.Is(err, ErrNoMark):
		log.InfoContext(ctx, "created the store's missing mark; before, Regent would not have noticed an older state directory")
		m.keep(ctx)
		return m, OK, nil
	case err != nil:
		log.WarnContext(ctx, "cannot load the store's mark, so Regent would not notice an older state directory", "err", err)
		return m, OK, nil
	}
	marked, state, err := s.readMark(sealed)
	if err != nil {
		return nil, state, err
	}
	if level < marked {
		return nil, RolledBack, fault.Errorf("compare the store with its mark", fault.StoreRolledBack,
			"the state directory is older than its mark (%d of %d writes), for example after a restore from a backup. Regent changed no state: the refresh tokens may be used up. Restore the newer state, or accept this one: sudo regent store recover", level, marked)
	}
	if level > marked {
		log.InfoContext(ctx, "the store is ahead of its mark, for example after a crash; updating the mark", "writes", level, "marked", marked)
	}
	m.saved = marked
	m.keep(ctx)
	return m, OK, nil
}

// FirstMark creates the mark of a store and ignores an existing one. It is for a first run,
// and for a person who accepts the current state.
func FirstMark(ctx context.Context, s *Sealed, place MarkStore, log *slog.Logger) *Mark {
	m := &Mark{store: s, markStore: place, log: log, saved: notSaved}
	m.keep(ctx)
	return m
}

// readMark opens a sealed mark.
func (s *Sealed) readMark(sealed []byte) (uint64, State, error) {
	marked, err := s.sealer.openCounter(sealed, markName, markValue)
	switch {
	case errors.Is(err, errOtherKey):
		return 0, RolledBack, fault.Errorf("compare the store with its mark", fault.StoreRolledBack,
			"the mark of the state directory has another data key, for example after a restore from a backup that is older than regent store rekey. Regent changed no state. Restore the newer state, or accept this one: sudo regent store recover").WithCause(err)
	case err != nil:
		return 0, Unreadable, fault.Errorf("compare the store with its mark", fault.StoreUnreadable,
			"the mark of the state directory is damaged, so Regent cannot check whether the state is an old copy. Regent changed no state. Restore the mark, or accept the state: sudo regent store recover").WithCause(err)
	}
	return uint64(marked), OK, nil
}

// Save saves the current level of the store as its mark, if it has changed.
func (m *Mark) Save(ctx context.Context) error {
	level, err := m.store.Level(ctx)
	if err != nil {
		return err
	}
	if level == m.saved {
		return nil
	}
	if err := m.markStore.SaveMark(ctx, m.store.SealMark(level)); err != nil {
		return fmt.Errorf("save the mark of the store: %w", err)
	}
	m.saved = level
	return nil
}

// keep updates the mark to the state of the store. It logs a failure once.
func (m *Mark) keep(ctx context.Context) {
	err := m.Save(ctx)
	if err != nil && !m.failed {
		m.log.WarnContext(ctx, "cannot save the store's mark, so Regent would not notice an older state directory", "err", err)
	}
	m.failed = err != nil
}

// SealMark returns the mark of a level, sealed under the store's key.
func (s *Sealed) SealMark(level uint64) []byte {
	level = max(level, 1) // versions begin with 1
	return s.sealer.seal(markName, Version(level), []byte(markValue))
}

// markEvery is the maximum delay of the mark. A keyring is slow, and every backup is older
// than this.
const markEvery = time.Second

// Run updates the mark after writes until ctx is done, then once more. Without writes it
// waits.
func (m *Mark) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(markEvery): // one save for all writes of this time
			m.keep(ctx)
		}
		if m.failed {
			continue
		}
		select {
		case <-ctx.Done():
		case <-m.store.onWrite:
		}
	}
	return m.Save(context.WithoutCancel(ctx))
}
