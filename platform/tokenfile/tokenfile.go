// Package tokenfile reads a registration token from a file that somebody put
// there, removes exactly that file, and watches for one to appear. It must not
// know what a registration token is good for: it returns bytes, which the
// caller wraps into a secret at once.
package tokenfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 64 << 10

// What is no token, and no mistake either. Each is returned wrapped, with the
// path.
var (
	ErrMissing      = errors.New("no such file")
	ErrEmpty        = errors.New("empty, so not yet a registration token")
	ErrNotPermitted = errors.New("this process may not open it")
)

// ErrChanged says that the file is no longer the one that was read.
var ErrChanged = errors.New("the file was changed or replaced since it was read; it was left alone")

// Identity tells the file that was read from every other, including a later one
// of the same name. It holds nothing of the content. The zero Identity is no
// file's.
type Identity struct{ info fs.FileInfo }

// Read returns the registration token in the file at path, without the white
// space around it, and which file that was.
//
// It refuses what others could have written or read: anything but a regular
// file, a symbolic link, an owner who is neither an administrator of the system
// nor the user of this process, and access for others. The error names the path,
// what was found and how to mend it. owners are the numbers of further users
// whose files are accepted; Windows knows none.
//
// ErrMissing, ErrEmpty and ErrNotPermitted say that there is no token here for
// this process. No error holds any of the content.
func Read(path string, owners ...int) ([]byte, Identity, error) {
	f, err := open(path)
	if err != nil {
		return nil, Identity{}, openError(path, err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	info, err := f.Stat()
	if err != nil {
		return nil, Identity{}, fmt.Errorf("read registration token: %w", err)
	}
	// Empty comes before the rest: a file that is being made by somebody has
	// its mode and owner set last.
	if info.Mode().IsRegular() && info.Size() == 0 {
		return nil, Identity{}, refuse(path, ErrEmpty)
	}
	if err := checkKind(path, info.Mode()); err != nil {
		return nil, Identity{}, err
	}
	// What holds no token is refused as such: whoever names a file by mistake must
	// not be told to change its owner or mode.
	token, err := readToken(path, f)
	if err != nil {
		return nil, Identity{}, err
	}
	if err := checkAccess(path, f, info, owners); err != nil {
		return nil, Identity{}, err
	}
	return token, Identity{info}, nil
}

// Credential returns the registration token that the service manager passes as
// the credential name in dir, the value of CREDENTIALS_DIRECTORY. Its mode is
// the service manager's business. With an empty dir, or when dir has no such
// credential, the error is ErrMissing.
func Credential(dir, name string) ([]byte, error) {
	if name == "" || name != filepath.Base(name) || !filepath.IsLocal(name) {
		return nil, fmt.Errorf("read credential: %q is not a plain name", name)
	}
	if dir == "" {
		return nil, fmt.Errorf("read credential %s: %w", name, ErrMissing)
	}
	path := filepath.Join(dir, name)
	f, err := open(path)
	if err != nil {
		return nil, openError(path, err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read credential: %w", err)
	}
	if err := checkKind(path, info.Mode()); err != nil {
		return nil, err
	}
	return readToken(path, f)
}

// Remove unlinks the file at path if it still is the one that was read, and
// returns ErrChanged if it is not. A file that is gone already is no error.
// The content is not overwritten: on today's disks that erases nothing.
//
// A file renamed over path between the look and the unlinking, a matter of
// microseconds, is lost with it: no system unlinks by identity.
func Remove(path string, read Identity) error {
	now, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove registration token: %w", err)
	}
	if read.info == nil || !sameFile(read.info, now) {
		return refuse(path, ErrChanged)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove registration token: %w; delete it by hand", err)
	}
	return nil
}

func readToken(path string, r io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read registration token: %w", err)
	}
	token, err := Parse(content)
	if err != nil {
		return nil, refuse(path, err)
	}
	return token, nil
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
		return refuse(path, ErrMissing)
	case errors.Is(err, fs.ErrPermission):
		return refuse(path, ErrNotPermitted)
	case isSymlink(err):
		return refuse(path, errSymlink)
	}
	return fmt.Errorf("read registration token: %w", err)
}

func refuse(path string, why error) error { return fmt.Errorf("registration token %s: %w", path, why) }

var errSymlink = errors.New("is a symbolic link: name the file itself")

// checkKind refuses what is no regular file.
func checkKind(path string, mode fs.FileMode) error {
	switch {
	case mode.IsRegular():
		return nil
	case mode&fs.ModeSymlink != 0:
		return refuse(path, errSymlink)
	case mode.IsDir():
		return refuse(path, errors.New("is a directory: name a file in it"))
	}
	return refuse(path, fmt.Errorf("is no regular file (%s)", mode.Type()))
}
