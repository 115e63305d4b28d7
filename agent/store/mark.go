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

// ErrNoMark means that no mark was ever kept, or that it was taken away.
var ErrNoMark = errors.New("store: no mark is kept")

// MarkStore keeps one small sealed mark where a restore of the state directory
// does not reach it. The platform provides it. Every call ends within the time
// that ctx allows.
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

// Mark is how far the store had come, kept outside of it. It is saved behind the
// writes, not with each: a store ahead of its mark is a crash, and nothing is
// wrong with it. One behind its mark is an older copy that was put back.
type Mark struct {
	store     *Sealed
	markStore MarkStore
	log       *slog.Logger
	saved     uint64 // the level that it has
	failed    bool   // it could not be kept, which was said
}

const notSaved = math.MaxUint64

// OpenMark compares a store with its mark. Where there is no mark yet, it is
// made. The error is a [fault.Fault] if the store is older than its mark
// ([RolledBack]), or the mark cannot be read ([Unreadable]): then nothing was
// changed. A mark that cannot be had or kept is logged: then a restore would not
// be noticed, which is no reason not to serve.
func OpenMark(ctx context.Context, s *Sealed, place MarkStore, log *slog.Logger) (*Mark, State, error) {
	m := &Mark{store: s, markStore: place, log: log, saved: notSaved}
	level, err := s.Level(ctx)
	if err != nil {
		return nil, Unreadable, fault.New("compare the store with its mark", fault.StoreUnreadable, err)
	}
	sealed, err := place.LoadMark(ctx)
	switch {
	case errors.Is(err, ErrNoMark):
		log.InfoContext(ctx, "the store had no mark, so that an older state directory would not have been noticed; from now on it has one")
		m.keep(ctx)
		return m, OK, nil
	case err != nil:
		log.WarnContext(ctx, "the mark of the store cannot be had, so an older state directory would not be noticed", "err", err)
		return m, OK, nil
	}
	marked, state, err := s.readMark(sealed)
	if err != nil {
		return nil, state, err
	}
	if level < marked {
		return nil, RolledBack, fault.Errorf("compare the store with its mark", fault.StoreRolledBack,
			"the state directory is older than the mark beside it (%d writes, %d were marked), as after a restore from a backup; its refresh tokens may be used up, so nothing was used; put the newer one back, or accept this one with: regent store recover", level, marked)
	}
	if level > marked {
		log.InfoContext(ctx, "the store is ahead of its mark, as after a crash; the mark follows", "writes", level, "marked", marked)
	}
	m.saved = marked
	m.keep(ctx)
	return m, OK, nil
}

// FirstMark makes the mark of a store that has none, or whose mark is of no
// concern: on a first run, or because a person accepts the store as it is.
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
			"the mark of the state directory is under another data key, as after a restore from a backup that is older than regent store rekey; nothing was used; put the newer state back, or accept this one with: regent store recover").WithCause(err)
	case err != nil:
		return 0, Unreadable, fault.Errorf("compare the store with its mark", fault.StoreUnreadable,
			"the mark of the state directory was damaged, so it cannot be told whether the state is an old copy; nothing was used; restore the mark, or accept the state as it is with: regent store recover").WithCause(err)
	}
	return uint64(marked), OK, nil
}

// Save brings the mark up to the store. It does nothing if it is.
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
		m.log.WarnContext(ctx, "the mark of the store cannot be kept, so an older state directory would not be noticed", "err", err)
	}
	m.failed = err != nil
}

// SealMark returns the mark of a level, sealed under the store's key.
func (s *Sealed) SealMark(level uint64) []byte {
	level = max(level, 1) // a version begins with 1; an empty store is compared with no mark
	return s.sealer.seal(markName, Version(level), []byte(markValue))
}

// markEvery is how far the mark may be behind. A keyring is slow, and a backup
// is older than this.
const markEvery = time.Second

// Run lets the mark follow the store until ctx is done, and once more then. While
// nothing is written it sleeps.
func (m *Mark) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(markEvery): // what is written meanwhile is marked with it
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
