// Package tokenfile reads, erases and watches for a file that contains a registration
// token.
//
// It does not know what a registration token is: the caller brings the parser.
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

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 64 << 10

// SettleTime is how long a file has to keep still before it is taken for whole. Where
// the system does not tell whether somebody has it open for writing, it is
// SettleTimeUnknownWriter.
const (
	SettleTime              = 2 * time.Second
	SettleTimeUnknownWriter = 5 * time.Second
)

// What is no token yet, and no mistake either. Each is returned wrapped, with the
// path.
var (
	ErrMissing      = errors.New("no such file")
	ErrEmpty        = errors.New("is empty, so it is not a registration token yet: write the token into it")
	ErrNotPermitted = errors.New("this process may not open it")
	ErrBusy         = errors.New("is still being written by another program, so it is not sealed yet: close it there")
)

// ErrAwaitingRemoval is for a caller that has taken a file and waits to remove it.
var ErrAwaitingRemoval = errors.New("waits to be erased")

// ErrChanged says that the file is no longer the one that was read.
var ErrChanged = errors.New("the file was changed or replaced since it was read; it was left alone")

// ErrUnremovable says that a file cannot be removed or renamed here by anybody: it is
// mounted read-only, or itself a mount.
var ErrUnremovable = errors.New("cannot be erased here: it is mounted read-only, or is a mount itself")

// Identity tells the file that was read from every other, including a later one
// of the same name. It holds nothing of the content. The zero Identity is no
// file's.
type Identity struct{ info fs.FileInfo }

// ChangedAt returns when the file last changed, in civil time.
func (i Identity) ChangedAt() time.Time {
	if i.info == nil {
		return time.Time{}
	}
	if t := changeTime(i.info); t.After(i.info.ModTime()) {
		return t
	}
	return i.info.ModTime()
}

// LinkAdvice says what is to be done about further names of the file, which was at
// path and is removed; "" if it had none. Hard links of Windows are not known.
func (i Identity) LinkAdvice(path string) string {
	if i.info == nil {
		return ""
	}
	inode, names := files.Links(i.info)
	if names < 2 {
		return ""
	}
	return fmt.Sprintf("%s was one of %d names of the same file (hard links), and the registration token is still there under the others; find them with: sudo find \"$(findmnt -no TARGET -T %s)\" -xdev -inum %d",
		path, names, filepath.Dir(path), inode)
}

// Read returns what parse makes of the file at path, and which file that was.
// The error of parse is returned behind the path.
//
// It refuses what others could have written or read: anything but a regular
// file, a symbolic link, an owner who is neither an administrator of the system
// nor the user of this process, and access for others. What is on a read-only
// mount nobody can change or mend here, so there a link and any mode are
// accepted, as containers mount secrets. In $CREDENTIALS_DIRECTORY the mode is
// the service manager's business. The error names the path, what was found and
// how to mend it. owners are the numbers of further users whose files are
// accepted; Windows knows none.
//
// ErrMissing, ErrEmpty, ErrNotPermitted and ErrBusy say that there is no token
// here for this process yet. ErrBusy is of Linux and Windows; elsewhere nothing
// tells who writes.
func Read[T any](path string, parse func([]byte) (T, error), owners ...int) (T, Identity, error) {
	return read(path, parse, func(f *os.File, info fs.FileInfo) error { return checkAccess(path, f, info, owners) })
}

// read is Read with another look at owner and mode.
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
	// What holds no token is refused as such: whoever names a file by mistake must
	// not be told to change its owner or mode.
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

// readWhole reads a regular file that nobody is writing. An empty one has its mode and
// owner set last by whoever makes it, so this comes before the look at those.
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
		return nil, newError(path, fmt.Errorf("has more than %d KiB, so it is no registration token: name the right file", MaxSize>>10))
	case len(bytes.TrimSpace(content)) == 0:
		return nil, newError(path, ErrEmpty)
	}
	return content, nil
}

// SettleDelay returns how long to wait until the file at path has kept still: 0 if
// it has, or if nothing of it can be told. now is civil time, as the file has it.
func SettleDelay(path string, now time.Time) time.Duration {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || IsReadOnly(path) {
		return 0
	}
	age := now.Sub(Identity{info}.ChangedAt())
	if age < 0 || age >= SettleTime {
		return 0 // long ago, or by another clock
	}
	return SettleTime - age
}

// Credential returns what parse makes of the credential name that the service
// manager passes in dir, the value of CREDENTIALS_DIRECTORY. Its mode is the
// service manager's business. With an empty dir, or when dir has no such
// credential, the error is ErrMissing.
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

// Remove unlinks the file at path if it still is the one that was read, and
// returns ErrChanged if it is not, ErrUnremovable where no file can be removed. A file
// that is gone already is no error. The content is not overwritten: on today's
// disks that erases nothing.
//
// A file renamed over path between the look and the unlinking, a matter of
// microseconds, is lost with it: no system unlinks by identity.
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

// checkUnchanged reports whether the file at path is gone, and returns ErrChanged if
// it is another one than was read.
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

// unremovableError is err, or ErrUnremovable where the cause lies in the mount.
func unremovableError(path string, err error) error {
	if IsReadOnly(path) || isMount(err) {
		return newError(path, ErrUnremovable)
	}
	return newError(path, err)
}

// lstat looks at path itself, or through a link where Read follows one.
func lstat(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 && IsReadOnly(path) {
		return os.Stat(path)
	}
	return info, err
}

// sameFile reports whether nothing tells a from b: the same device and inode,
// size and time of writing. An inode alone is used again by the next file.
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
	case errors.Is(err, fs.ErrPermission) && isDir(path): // no other process takes it either
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

// Error is about the file of a registration token.
type Error struct {
	Path string
	Err  error // what is wrong, without the path
}

// Error names the file first.
func (e *Error) Error() string { return "registration token " + e.Path + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Reason is err without the name of the file, for texts that have it already.
func Reason(err error) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // what is wrapped in more words keeps them
		return e.Err
	}
	return err
}

func newError(path string, why error) error { return &Error{path, why} }

func readError(path string, err error) error {
	return newError(path, fmt.Errorf("cannot be read: %w", files.TrimPath(err)))
}

var errSymlink = errors.New("is a symbolic link: name the file itself")

// checkKind refuses what is no regular file.
func checkKind(path string, mode fs.FileMode) error {
	switch {
	case mode.IsRegular():
		return nil
	case mode&fs.ModeSymlink != 0:
		return newError(path, errSymlink)
	case mode.IsDir():
		return newError(path, errors.New("is a directory: name a file in it (docker run -v makes a directory where the host has no such file: make the file there, and the container anew)"))
	case mode&fs.ModeNamedPipe != 0:
		return newError(path, fmt.Errorf("is a pipe, which holds nothing for a daemon to find: sudo regent register --file %s", path))
	}
	return newError(path, fmt.Errorf("is no regular file (%s): name one", mode.Type()))
}
