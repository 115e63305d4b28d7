// Package tokenfile reads, deletes and watches files that contain a registration token.
//
// It does not know the format of a registration token: the caller provides the parser.
package tokenfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"regent/platform/files"
)

// MaxSize is the size in bytes of the largest file that is read.
const MaxSize = 64 << 10

// SettleTime is the time without a change after which a file counts as complete. If the
// system does not report whether another program has it open for writing, this is
// SettleTimeUnknownWriter.
const (
	SettleTime              = 2 * time.Second
	SettleTimeUnknownWriter = 5 * time.Second
)

// These errors mean that there is no token yet, which is no fault. They are returned wrapped,
// with the path.
var (
	ErrMissing      = errors.New("no such file")
	ErrEmpty        = errors.New("is empty; write the registration token into it")
	ErrNotPermitted = errors.New("this process may not open it")
	ErrBusy         = errors.New("is not sealed yet, since another program is writing it; close it there")
)

// ErrAwaitingRemoval is for a caller that has read a file and has not deleted it yet.
var ErrAwaitingRemoval = errors.New("is not deleted yet")

// ErrChanged means that the file is not the one that was read.
var ErrChanged = errors.New("the file was changed or replaced after it was read; it was not deleted")

// ErrUnremovable means that nobody can delete or rename a file here: it is on a read-only
// mount, or is a mount itself.
var ErrUnremovable = errors.New("cannot be deleted here: it is on a read-only mount, or is a mount itself")

// Identity identifies a file that was read, also against a later file with the same name. It
// contains nothing of the content. The zero Identity matches no file.
type Identity struct{ info fs.FileInfo }

// ChangedAt returns the time of the file's last change, in civil time.
func (i Identity) ChangedAt() time.Time {
	if i.info == nil {
		return time.Time{}
	}
	if t := changeTime(i.info); t.After(i.info.ModTime()) {
		return t
	}
	return i.info.ModTime()
}

// LinkAdvice returns advice about other names of the file, which was at path and is deleted.
// It is "" if there were none. On Windows hard links are unknown.
func (i Identity) LinkAdvice(path string) string {
	if i.info == nil {
		return ""
	}
	inode, names := files.Links(i.info)
	if names < 2 {
		return ""
	}
	return fmt.Sprintf("%s was one of %d names of the same file (hard links). The registration token is still there under the others. Find them with: sudo find \"$(findmnt -no TARGET -T %s)\" -xdev -inum %d",
		path, names, filepath.Dir(path), inode)
}

// Read returns the result of parse for the file at path, and the identity of that file. An
// error of parse is returned with the path.
//
// It returns an error for a file that others could have written or read. The file must be a
// regular file, not a symbolic link, and give others no access. Its owner must be an
// administrator, this process's user or one of owners, which are user ids. Windows ignores
// owners.
//
// On a read-only mount Read accepts links and any mode, because nobody can change them here,
// and containers mount secrets like this. In $CREDENTIALS_DIRECTORY the service manager sets
// the mode, so Read accepts it. The error has the path, the problem, and the fix.
//
// ErrMissing, ErrEmpty, ErrNotPermitted and ErrBusy mean that there is no token for this
// process yet. ErrBusy exists on Linux and Windows only; other systems do not report
// writers.
func Read[T any](path string, parse func([]byte) (T, error), owners ...int) (T, Identity, error) {
	return read(path, parse, func(f *os.File, info fs.FileInfo) error { return checkAccess(path, f, info, owners) })
}

// read is Read with another check of owner and mode.
func read[T any](path string, parse func([]byte) (T, error), check func(*os.File, fs.FileInfo) error) (token T, id Identity, err error) {
	f, err := open(path)
	if err != nil {
		return token, id, openError(path, err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	info, err := f.Stat()
	if err != nil {
		return token, id, readError(path, err)
	}
	content, err := readWhole(path, f, info)
	if err != nil {
		return token, id, err
	}
	// First report content that is not a token. A user with a wrong path must not be told
	// to change the owner or mode of that file.
	if token, err = parse(content); err != nil {
		err = newError(path, err)
	} else {
		err = check(f, info)
	}
	if err != nil {
		return *new(T), id, err
	}
	return token, Identity{info}, nil
}

// readWhole reads a regular file without a writer. An empty file may not have its final mode
// and owner yet, so this check comes before those.
func readWhole(path string, f *os.File, before fs.FileInfo) ([]byte, error) {
	if err := checkKind(path, before.Mode()); err != nil {
		return nil, err
	}
	if open, _ := hasWriter(f); open {
		return nil, newError(path, ErrBusy)
	}
	content, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, readError(path, err)
	}
	after, err := f.Stat()
	if err != nil {
		return nil, readError(path, err)
	}
	switch {
	case !sameFile(before, after):
		return nil, newError(path, ErrBusy)
	case len(content) > MaxSize:
		return nil, newError(path, fmt.Errorf("has more than %d KiB, so it is not a registration token; check the path", MaxSize>>10))
	case len(bytes.TrimSpace(content)) == 0:
		return nil, newError(path, ErrEmpty)
	}
	return content, nil
}

// SettleDelay returns the time until the file at path counts as unchanged. It is 0 if that
// time has passed, or if it is unknown. now is civil time, like the file's times.
func SettleDelay(path string, now time.Time) time.Duration {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || IsReadOnly(path) {
		return 0
	}
	age := now.Sub(Identity{info}.ChangedAt())
	if age < 0 || age >= SettleTime {
		return 0 // a long time ago, or another clock
	}
	return SettleTime - age
}

// Credential returns the result of parse for the credential name in dir, the value of
// CREDENTIALS_DIRECTORY. The service manager sets its mode. With an empty dir, or without
// such a credential, the error is ErrMissing.
func Credential[T any](dir, name string, parse func([]byte) (T, error)) (T, error) {
	var none T
	if name == "" || name != filepath.Base(name) || !filepath.IsLocal(name) {
		return none, fmt.Errorf("read credential: %q is not a plain name", name)
	}
	if dir == "" {
		return none, fmt.Errorf("read credential %s: %w", name, ErrMissing)
	}
	token, _, err := read(filepath.Join(dir, name), parse, func(*os.File, fs.FileInfo) error { return nil })
	return token, err
}

// Remove deletes the file at path. It returns ErrChanged if the file is not the one that was
// read, and ErrUnremovable if no file can be deleted there. A missing file is not an error.
// Remove does not overwrite the content: overwriting erases nothing on current disks.
//
// If another file is renamed to path between the check and the deletion, some microseconds,
// Remove deletes that file. No system can delete by identity.
func Remove(path string, read Identity) error {
	gone, err := checkUnchanged(path, read)
	if err != nil || gone {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unremovableError(path, fmt.Errorf("cannot be removed: %w; delete it by hand", files.TrimPath(err)))
	}
	return nil
}

// checkUnchanged reports whether the file at path is missing. It returns ErrChanged if it is
// not the file that was read.
func checkUnchanged(path string, read Identity) (gone bool, err error) {
	now, err := lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, newError(path, fmt.Errorf("cannot be removed: %w", files.TrimPath(err)))
	}
	if read.info == nil || !sameFile(read.info, now) {
		return false, newError(path, ErrChanged)
	}
	return false, nil
}

// unremovableError returns ErrUnremovable if the mount is the cause, else err.
func unremovableError(path string, err error) error {
	if IsReadOnly(path) || isMount(err) {
		return newError(path, ErrUnremovable)
	}
	return newError(path, err)
}

// lstat returns the info of path itself, or of a link's target if Read would follow the link.
func lstat(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 && IsReadOnly(path) {
		return os.Stat(path)
	}
	return info, err
}

// sameFile reports whether a and b are equal in device, inode, size and time of writing. The
// next file can have the same inode, so the inode alone is not enough.
func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) &&
		a.Mode() == b.Mode() && changeTime(a).Equal(changeTime(b))
}

func openError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return newError(path, ErrMissing)
	case isBusy(err):
		return newError(path, ErrBusy)
	case errors.Is(err, fs.ErrPermission) && isDir(path): // no other process reads it either
		return checkKind(path, fs.ModeDir)
	case errors.Is(err, fs.ErrPermission):
		return newError(path, ErrNotPermitted)
	case isSymlink(err):
		return newError(path, errSymlink)
	}
	return readError(path, err)
}

func isDir(path string) bool {
	info, err := lstat(path)
	return err == nil && info.IsDir()
}

// Error is an error about a registration token file.
type Error struct {
	Path string
	Err  error // without the path
}

// Error begins with the path.
func (e *Error) Error() string { return "registration token " + e.Path + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Reason returns err without the path, for texts that contain the path.
func Reason(err error) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // a wrapped error keeps its text
		return e.Err
	}
	return err
}

func newError(path string, why error) error { return &Error{path, why} }

func readError(path string, err error) error {
	return newError(path, fmt.Errorf("cannot be read: %w", files.TrimPath(err)))
}

var errSymlink = errors.New("is a symbolic link; use the path of the file itself")

// checkKind returns an error for a file that is not regular.
func checkKind(path string, mode fs.FileMode) error {
	switch {
	case mode.IsRegular():
		return nil
	case mode&fs.ModeSymlink != 0:
		return newError(path, errSymlink)
	case mode.IsDir():
		return newError(path, errors.New("is a directory; use the path of a file in it (docker run -v creates a directory for a missing file: create the file, then the container again)"))
	case mode&fs.ModeNamedPipe != 0:
		return newError(path, fmt.Errorf("is a pipe, which regentd cannot watch; run: sudo regent register --file %s", path))
	}
	return newError(path, fmt.Errorf("is not a regular file (%s); use a regular file", mode.Type()))
}
