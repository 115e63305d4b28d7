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

// A rekey writes every record and the ledger into a directory of its own, under the new data
// key. When the directory is complete, it gets a marker file. With the marker, every start
// finishes the rekey. Without it, a start deletes the directory.
const (
	rekeyDir     = "rekey"
	completeFile = "whole"
)

// rekey replaces the data key. The store must be undamaged, and is closed afterwards.
func (s *Manager) rekey(ctx context.Context) error {
	dir := s.path(rekeyDir)
	// 1. A new store under a new key, beside the old one.
	fresh, err := s.freshStore(ctx, dir)
	if err != nil {
		return err
	}
	// 2. All records and the ledger, durably.
	if err := errors.Join(s.copyTo(ctx, dir, fresh), fresh.Close()); err != nil {
		return errors.Join(err, s.finishRekey(ctx)) // it deletes the directory
	}
	// 3. The marker file: from here on, the rekey is final.
	if err := writeNew(filepath.Join(dir, completeFile), nil); err != nil {
		return err
	}
	// 4. The new store replaces the old one.
	if err := s.Close(); err != nil {
		return err
	}
	s.sealed = nil
	return s.finishRekey(ctx)
}

func (s *Manager) freshStore(ctx context.Context, dir string) (*store.Sealed, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create a store under a new key: %w", err)
	}
	ring, err := s.Keyring.For(dir)
	if err != nil {
		return nil, err
	}
	key, err := ring.Create(ctx)
	if err != nil {
		return nil, fmt.Errorf("create a new key: %w", err)
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
			continue // CopyLedger writes it
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

// finishRekey finishes a complete rekey and deletes an incomplete one. It can be repeated
// after an interruption at any step.
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
		return nil // only the deletion is left
	}
	if err != nil {
		return err
	}
	// 1. The mark, which has the old key: the next start creates one.
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
