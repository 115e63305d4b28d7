package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"regent/agent/redeem"
	"regent/agent/store"
)

// An exchange of the data key is made in a directory of its own: a store under
// the new key, with every record and the ledger written anew. A file in it says
// that it is whole; from then on every start carries it through, before then it
// is cleared away.
const (
	rekeyDir     = "rekey"
	completeFile = "whole"
)

// rekey exchanges the data key. The store must be sound; it is closed afterwards.
func (s *Manager) rekey(ctx context.Context) error {
	dir := s.path(rekeyDir)
	// 1. A store under a new key, beside the old one.
	fresh, err := s.freshStore(ctx, dir)
	if err != nil {
		return err
	}
	// 2. Everything that is kept, durably.
	if err := errors.Join(s.copyTo(ctx, dir, fresh), fresh.Close()); err != nil {
		return errors.Join(err, s.finishRekey(ctx)) // which clears it away
	}
	// 3. It is whole: there is no way back.
	if err := writeNew(filepath.Join(dir, completeFile), nil); err != nil {
		return err
	}
	// 4. It takes the old one's place.
	if err := s.Close(); err != nil {
		return err
	}
	s.sealed = nil
	return s.finishRekey(ctx)
}

func (s *Manager) freshStore(ctx context.Context, dir string) (*store.Sealed, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a store under a new key: %w", err)
	}
	ring, err := s.Keyring.For(dir)
	if err != nil {
		return nil, err
	}
	key, err := ring.Create(ctx)
	if err != nil {
		return nil, fmt.Errorf("make a new key: %w", err)
	}
	return store.Open(ctx, store.Options{Dir: dir, Key: key})
}

func (s *Manager) copyTo(ctx context.Context, dir string, fresh *store.Sealed) error {
	names, err := s.sealed.List(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if redeem.IsHead(name) {
			continue // it comes with the ledger
		}
		value, _, err := s.sealed.Get(ctx, name)
		if err != nil {
			return err
		}
		if _, err := fresh.Put(ctx, name, value, 0); err != nil {
			return err
		}
	}
	from, err := s.ledgerOptions(s.Dir, s.sealed)
	if err != nil {
		return err
	}
	to, err := s.ledgerOptions(dir, fresh)
	if err != nil {
		return err
	}
	return redeem.CopyLedger(ctx, from, to)
}

// finishRekey carries an exchange of the key through that is whole, and clears
// one away that is not. Every step may have been done before.
func (s *Manager) finishRekey(ctx context.Context) error {
	dir := s.path(rekeyDir)
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	ring, err := s.Keyring.For(dir)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(dir, completeFile)); err == nil {
		if err := s.completeRekey(ctx, dir, ring); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := ring.Delete(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return store.SyncDir(s.Dir)
}

func (s *Manager) completeRekey(ctx context.Context, dir string, ring Keyring) error {
	key, err := ring.Key(ctx)
	if errors.Is(err, store.ErrNoKey) {
		return nil // all was done but clearing it away
	}
	if err != nil {
		return err
	}
	// 1. The mark, which is under the old key: the next start makes one.
	if err := s.Keyring.DeleteMark(ctx); err != nil {
		return err
	}
	// 2. The key.
	if err := s.Keyring.Replace(ctx, key); err != nil {
		return err
	}
	// 3. The records and the ledger.
	if _, err := os.Lstat(filepath.Join(dir, store.RecordsDir)); err == nil {
		if err := os.RemoveAll(s.path(store.RecordsDir)); err != nil {
			return err
		}
	}
	for _, name := range []string{store.RecordsDir, redeem.LedgerName} {
		err := os.Rename(filepath.Join(dir, name), s.path(name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return store.SyncDir(s.Dir)
}
