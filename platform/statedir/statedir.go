// Package statedir locks the state directory for one process, and checks that no other user
// can access it.
//
// It does not know the content of the directory.
package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// LockName is the name of the lock file in the directory. The file is never deleted. The
// kernel's lock on it counts, and ends with the process. The content only names the
// process.
const LockName = "lock"

// ErrLocked means that another process has locked the directory.
var ErrLocked = errors.New("state directory is locked by another process")

// LockedError names the process that has locked the directory. It matches [ErrLocked].
type LockedError struct {
	Path  string
	PID   int       // 0 if unknown
	Since time.Time // zero if unknown
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("the process with pid %d", e.PID)
	}
	if !e.Since.IsZero() {
		who += ", since " + e.Since.Format(time.RFC3339)
	}
	return fmt.Sprintf("state directory %s is in use by %s; stop that process, or set another directory with --state-dir", e.Path, who)
}

// Is makes errors.Is(err, ErrLocked) true.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// Dir is a state directory. This process has locked it until Close or its exit.
type Dir struct {
	path string
	lock *os.File
}

// Open locks the directory. It creates it if it is missing, with mode 0700 or an equivalent
// access list, and checks that only this user can access it. The error is a [*LockedError]
// if another process has locked it. Open creates missing parents with mode 0755. On
// Windows the nearest one denies users access to its files.
func Open(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", path, err)
	}
	if err := makeParents(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("state directory %s: %w", path, err)
	}
	if err := makePrivate(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("state directory %s: %w", path, err)
	}
	if err := check(path); err != nil {
		return nil, err
	}
	lock, err := acquireLock(path)
	if err != nil {
		return nil, err
	}
	return &Dir{path, lock}, nil
}

// Path returns the absolute path of the directory.
func (d *Dir) Path() string { return d.path }

// Close unlocks the directory. The lock file stays.
func (d *Dir) Close() error { return d.lock.Close() }

// check returns an error unless path is a directory that only this user can access.
func check(path string) error {
	i, err := os.Lstat(path) //nolint:gosec // the directory that the daemon was given
	if err != nil {
		return fmt.Errorf("state directory %s: %w", path, err)
	}
	if i.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("state directory %s is a symbolic link; set its target with --state-dir", path)
	}
	if !i.IsDir() {
		return fmt.Errorf("state directory %s is not a directory; move it away", path)
	}
	return checkOwner(path, i)
}

// acquireLock locks the lock file and writes this process's PID into it.
func acquireLock(dir string) (*os.File, error) {
	path := filepath.Join(dir, LockName)
	if i, err := os.Lstat(path); err == nil && !i.Mode().IsRegular() { //nolint:gosec // the directory that the daemon was given
		return nil, fmt.Errorf("state directory %s: %s is not a regular file; move it away", dir, path)
	}
	// Go opens every file close-on-exec, so no child inherits the lock.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the directory that the daemon was given
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", dir, err)
	}
	if err := lockFile(dir, f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func lockFile(dir string, f *os.File) error {
	locked, err := tryLock(f)
	if err != nil {
		return fmt.Errorf("state directory %s: lock %s: %w", dir, f.Name(), err)
	}
	if !locked {
		return lockedError(dir, f.Name())
	}
	// The path may mean another file since the open.
	named, err := os.Lstat(f.Name()) //nolint:gosec // the directory that the daemon was given
	if err != nil {
		return fmt.Errorf("state directory %s: %w", dir, err)
	}
	mine, err := f.Stat()
	if err != nil {
		return fmt.Errorf("state directory %s: %w", dir, err)
	}
	if !os.SameFile(named, mine) {
		return fmt.Errorf("state directory %s: %s was replaced while it was locked; try again", dir, f.Name())
	}
	_ = writeHolder(f) // the kernel has the lock; it works on a full disk too
	return nil
}

// writeHolder writes the PID of the holder and the time, for messages. It need not be
// durable: after a crash there is no holder.
func writeHolder(f *os.File) error {
	now := time.Now() //nolint:forbidigo // for messages only
	line := fmt.Sprintf("%d %s\n", os.Getpid(), now.UTC().Format(time.RFC3339))
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(line), 0)
	return err
}

// lockedError returns the error for the holder of the lock. The holder may not have written
// its PID yet, so it can be unknown.
func lockedError(dir, lock string) error {
	e := &LockedError{Path: dir}
	content, err := os.ReadFile(lock) //nolint:gosec // in the state directory
	if err != nil {
		return e
	}
	pid, since, _ := strings.Cut(strings.TrimSpace(string(content)), " ")
	if n, err := strconv.Atoi(pid); err == nil && n > 0 {
		e.PID = n
	}
	if t, err := time.Parse(time.RFC3339, since); err == nil {
		e.Since = t
	}
	return e
}
