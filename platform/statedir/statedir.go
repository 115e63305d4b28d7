// Package statedir locks the state directory for one process, and checks that nobody
// else can use it.
//
// It does not know what is kept there.
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

// LockName is the name of the lock file in the directory. It is never removed:
// what holds the directory is the kernel's lock on it, which ends with its
// process however that ends. Its content only says who holds it.
const LockName = "lock"

// ErrLocked means that another process has the directory.
var ErrLocked = errors.New("state directory is locked by another process")

// LockedError says who has the directory. It matches [ErrLocked].
type LockedError struct {
	Path  string
	PID   int       // 0 if it is not known
	Since time.Time // zero if it is not known
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("the process with pid %d", e.PID)
	}
	if !e.Since.IsZero() {
		who += ", since " + e.Since.Format(time.RFC3339)
	}
	return fmt.Sprintf("state directory %s is held by %s; stop that one first, or name another directory with --state-dir", e.Path, who)
}

// Is makes errors.Is(err, ErrLocked) true.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// Dir is a state directory that this process holds until Close, or its end.
type Dir struct {
	path string
	lock *os.File
}

// Open makes the directory, with mode 0700 or an access list that says the same, if it is not there, checks that it is
// this user's alone, and takes it. A directory that another process has is a
// [*LockedError]. Parents that are missing are made with
// mode 0755; on Windows the nearest one keeps what is in it from users.
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

// Close gives the directory back. The lock file stays.
func (d *Dir) Close() error { return d.lock.Close() }

// check refuses what is not a directory of this user alone.
func check(path string) error {
	i, err := os.Lstat(path) //nolint:gosec // the directory that the daemon was given
	if err != nil {
		return fmt.Errorf("state directory %s: %w", path, err)
	}
	if i.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("state directory %s is a symbolic link; name the directory itself with --state-dir", path)
	}
	if !i.IsDir() {
		return fmt.Errorf("state directory %s is not a directory; move it away", path)
	}
	return checkOwner(path, i)
}

// acquireLock locks the lock file and writes into it who holds it.
func acquireLock(dir string) (*os.File, error) {
	path := filepath.Join(dir, LockName)
	if i, err := os.Lstat(path); err == nil && !i.Mode().IsRegular() { //nolint:gosec // the directory that the daemon was given
		return nil, fmt.Errorf("state directory %s: %s is not a regular file; move it away", dir, path)
	}
	// Go opens every file close-on-exec: no child inherits the lock.
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
	// The name could have been given to another file since it was opened.
	named, err := os.Lstat(f.Name()) //nolint:gosec // the directory that the daemon was given
	if err != nil {
		return fmt.Errorf("state directory %s: %w", dir, err)
	}
	mine, err := f.Stat()
	if err != nil {
		return fmt.Errorf("state directory %s: %w", dir, err)
	}
	if !os.SameFile(named, mine) {
		return fmt.Errorf("state directory %s: %s was exchanged while it was locked; try again", dir, f.Name())
	}
	_ = writeHolder(f) // the lock is the kernel's; on a full disk it is held all the same
	return nil
}

// writeHolder writes who holds the lock, for people. It need not be durable: after a
// crash nobody does.
func writeHolder(f *os.File) error {
	now := time.Now() //nolint:forbidigo // for people to read; nothing is decided by it
	line := fmt.Sprintf("%d %s\n", os.Getpid(), now.UTC().Format(time.RFC3339))
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(line), 0)
	return err
}

// lockedError returns the error that says who holds the lock. The holder may be about
// to write it, so it may not be known.
func lockedError(dir, lock string) error {
	e := &LockedError{Path: dir}
	content, err := os.ReadFile(lock) //nolint:gosec // in the state directory, which the daemon was given
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
