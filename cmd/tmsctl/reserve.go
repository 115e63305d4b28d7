package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"regent/agent/store"
)

// reserved is a new file with disk space for content that does not exist yet. A service
// may show a token only once, so a full disk must be found before the token is created.
// A nil one takes nothing.
type reserved struct {
	f    *os.File
	name string // of the file; a temporary one until kept
	done bool   // the content is durable
}

// tokenSpace is the space for one registration token, in bytes.
const tokenSpace = 4 << 10

// reserve makes a temporary file in a directory, with space for size bytes.
func reserve(dir string, size int) (*reserved, error) {
	f, err := os.CreateTemp(dir, ".tmsctl-*") // mode 0600
	if err != nil {
		return nil, err
	}
	return reserveIn(f, size)
}

func reserveIn(f *os.File, size int) (*reserved, error) {
	r := &reserved{f: f, name: f.Name()}
	_, err := f.Write(make([]byte, size))
	if err = errors.Join(err, f.Sync()); err != nil {
		r.discard()
		return nil, err
	}
	return r, nil
}

// keep writes the content into the file. It returns once the content is durable.
func (r *reserved) keep(content []byte) error {
	if r == nil {
		return nil
	}
	_, err := r.f.WriteAt(content, 0)
	err = errors.Join(err, r.f.Truncate(int64(len(content))), r.f.Sync(), r.f.Close())
	if err == nil {
		err = store.SyncDir(filepath.Dir(r.name))
	}
	r.done = err == nil
	return err
}

// keepAs is keep, and gives the file this name. It replaces a file of that name. If that
// fails, the content stays in the temporary file, and the error names it.
func (r *reserved) keepAs(name string, content []byte) error {
	if err := r.keep(content); err != nil {
		return err
	}
	if err := os.Rename(r.name, name); err != nil {
		return fmt.Errorf("%w; the content is in %s", withoutPath(err), r.name)
	}
	return store.SyncDir(filepath.Dir(name))
}

// discard removes the file if it has no content.
func (r *reserved) discard() {
	if r == nil || r.done {
		return
	}
	_ = r.f.Close() // its error, if any, was reported
	_ = os.Remove(r.name)
}

// newTokenFile makes the new file that flag names, with space for a token. It never takes
// one that exists. Without a name it is nil.
func newTokenFile(flag, name string) (*reserved, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the file that its reader named
	if errors.Is(err, fs.ErrExist) {
		return nil, usagef("%s %s: is there already; remove it or name another", flag, name)
	}
	var r *reserved
	if err == nil {
		r, err = reserveIn(f, tokenSpace)
	}
	if err != nil {
		return nil, usagef("%s %s: %v", flag, name, withoutPath(err))
	}
	return r, nil
}
