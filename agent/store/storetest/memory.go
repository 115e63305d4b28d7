// Package storetest has a store in memory, for tests of packages that use a store.
package storetest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"regent/agent/store"
)

// Memory is a store in memory that fails on request. The zero value is empty and ready. It
// is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	records map[string]entry
	fail    map[Op][]error
	puts    int
}

type entry struct {
	value   []byte
	version store.Version
}

var _ store.Store = (*Memory)(nil)

// Op is one of the operations of a store.
type Op string

// The operations that can be made to fail.
const (
	Get    Op = "get"
	Put    Op = "put"
	Delete Op = "delete"
	List   Op = "list"
)

// FailNext makes the next call of op fail with err and change nothing. A second FailNext
// before that call adds a failure for the call after it.
func (m *Memory) FailNext(op Op, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		m.fail = map[Op][]error{}
	}
	m.fail[op] = append(m.fail[op], err)
}

// Puts returns how many Puts have succeeded.
func (m *Memory) Puts() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.puts
}

// Get implements [store.Store].
func (m *Memory) Get(ctx context.Context, name string) ([]byte, store.Version, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(ctx, Get, name); err != nil {
		return nil, 0, err
	}
	e, ok := m.records[name]
	if !ok {
		return nil, 0, fmt.Errorf("memory: get %q: %w", name, store.ErrNotFound)
	}
	return bytes.Clone(e.value), e.version, nil
}

// Put implements [store.Store].
func (m *Memory) Put(ctx context.Context, name string, value []byte, was store.Version) (store.Version, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(ctx, Put, name); err != nil {
		return 0, err
	}
	if len(value) > store.MaxSize {
		return 0, fmt.Errorf("memory: put %q: %w", name, store.ErrTooLarge)
	}
	if now := m.records[name].version; now != was {
		return 0, fmt.Errorf("memory: put %q over version %d, found version %d: %w", name, was, now, store.ErrConflict)
	}
	if m.records == nil {
		m.records = map[string]entry{}
	}
	m.records[name] = entry{bytes.Clone(value), was + 1}
	m.puts++
	return was + 1, nil
}

// Delete implements [store.Store].
func (m *Memory) Delete(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(ctx, Delete, name); err != nil {
		return err
	}
	delete(m.records, name)
	return nil
}

// List implements [store.Store].
func (m *Memory) List(ctx context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := cmp.Or(ctx.Err(), m.nextFailure(List)); err != nil {
		return nil, fmt.Errorf("memory: list: %w", err)
	}
	return slices.Sorted(maps.Keys(m.records)), nil
}

func (m *Memory) begin(ctx context.Context, op Op, name string) error {
	if err := cmp.Or(ctx.Err(), store.CheckName(name), m.nextFailure(op)); err != nil {
		return fmt.Errorf("memory: %s %q: %w", op, name, err)
	}
	return nil
}

// nextFailure returns and removes the next failure of op, or nil.
func (m *Memory) nextFailure(op Op) error {
	if len(m.fail[op]) == 0 {
		return nil
	}
	err := m.fail[op][0]
	m.fail[op] = m.fail[op][1:]
	return err
}
