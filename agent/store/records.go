package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Records reads and writes JSON records of a [Store], and remembers the version of each. It
// is not safe for concurrent use.
type Records struct {
	Store
	versions map[string]Version // by name
}

// NewRecords returns the records of s.
func NewRecords(s Store) *Records { return &Records{s, map[string]Version{}} }

// UnreadableError names a record that cannot be read. The record is not changed: its content
// is unknown, which is different from a missing record.
type UnreadableError struct {
	Name string
	Err  error
}

// Error implements error.
func (e *UnreadableError) Error() string { return fmt.Sprintf("read record %s: %v", e.Name, e.Err) }

// Unwrap returns the reason.
func (e *UnreadableError) Unwrap() error { return e.Err }

// ReadAll calls read for each record with a name that begins with prefix, sorted. At the
// first error of read it returns an [UnreadableError].
func (r *Records) ReadAll(ctx context.Context, prefix string, read func(name string) error) error {
	names, err := r.List(ctx)
	if err != nil {
		return fmt.Errorf("list the records %s: %w", prefix, err)
	}
	for _, name := range names {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		if err := read(name); err != nil {
			return &UnreadableError{name, err}
		}
	}
	return nil
}

// Read decodes a record into v. Errors are those of [Store.Get] and of [json.Unmarshal].
func (r *Records) Read(ctx context.Context, name string, v any) error {
	b, version, err := r.Get(ctx, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	r.versions[name] = version
	return nil
}

// Write stores v as a record, durably. A failed write may have changed the record. The next
// write then replaces that change and returns no [ErrConflict].
func (r *Records) Write(ctx context.Context, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode record %s: %w", name, err)
	}
	version, err := r.Put(ctx, name, b, r.versions[name])
	if err != nil {
		if _, stands, unread := r.Get(ctx, name); unread == nil {
			r.versions[name] = stands
		}
		return err
	}
	r.versions[name] = version
	return nil
}

// Delete removes a record, durably.
func (r *Records) Delete(ctx context.Context, name string) error {
	if err := r.Store.Delete(ctx, name); err != nil {
		return err
	}
	delete(r.versions, name)
	return nil
}
