package peer

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// trust says whose files are believed. Only a test has another one than root
// and the whole tree.
type trust struct {
	root  string
	owner uint32
}

// maxSteps bounds the components and links on the way to a file.
const maxSteps = 256

// open finds the file that an absolute path names and checks it and everything
// on the way. The caller closes the place.
func (t trust) open(name string) (place, error) {
	if !path.IsAbs(name) || path.Clean(name) != name {
		return place{}, fmt.Errorf("%q is not a clean absolute path", name)
	}
	w := walk{trust: t, at: place{fd: -1}, todo: components(name)}
	err := w.start()
	for n := 0; err == nil && len(w.todo) > 0; n++ {
		if err = w.next(); n == maxSteps {
			err = fmt.Errorf("%s: too many links on the way", name)
		}
	}
	if err == nil && w.at.st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		return place{}, errors.Join(err, w.at.close())
	}
	return w.at, nil
}

// walk goes to a file one component at a time. Each is opened, then checked,
// and the next one is opened from there, so that nothing can be put in its
// place after it was checked. A link is a component too.
type walk struct {
	trust
	at   place
	path string // of at, for errors
	todo []string
}

// place is an open file or directory that was checked. It is open by O_PATH:
// it can be looked at, and nothing else.
type place struct {
	fd int
	st unix.Statx_t
}

func (p place) close() error {
	if p.fd < 0 {
		return nil
	}
	return unix.Close(p.fd)
}

// start goes to the root.
func (w *walk) start() error {
	root, err := w.look(unix.AT_FDCWD, w.root, "/")
	if err != nil {
		return err
	}
	return w.move(root, "/")
}

func (w *walk) move(to place, path string) error {
	from := w.at
	w.at, w.path = to, path
	return from.close()
}

// next takes one component. A link is replaced by the components it stands for.
func (w *walk) next() error {
	part := w.todo[0]
	w.todo = w.todo[1:]
	full := path.Join(w.path, part)
	p, err := w.look(w.at.fd, part, full)
	if err != nil {
		return err
	}
	if p.st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return w.move(p, full)
	}
	target, err := readlink(p.fd)
	if err = errors.Join(err, p.close()); err != nil {
		return fmt.Errorf("read link %s: %w", full, err)
	}
	w.todo = append(components(target), w.todo...)
	if path.IsAbs(target) {
		return w.start()
	}
	return nil
}

// look opens and checks one component.
func (w *walk) look(dir int, part, full string) (place, error) {
	fd, err := unix.Openat(dir, part, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return place{}, fmt.Errorf("%s: %w", full, err)
	}
	p := place{fd: fd}
	if err = unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, imageMask, &p.st); err == nil {
		err = w.believe(p.st.Uid, p.st.Mode)
	}
	if err != nil {
		return place{}, errors.Join(fmt.Errorf("%s %w", full, err), p.close())
	}
	return p, nil
}

// believe refuses what somebody other than the owner could replace. A link has
// no mode of its own. The sticky bit changes nothing: it keeps others from
// taking a file away, not from putting one there first.
func (t trust) believe(uid uint32, mode uint16) error {
	if uid != t.owner {
		return fmt.Errorf("is owned by uid %d, not %d", uid, t.owner)
	}
	if mode&unix.S_IFMT != unix.S_IFLNK && mode&0o022 != 0 {
		return fmt.Errorf("is writable by its group or others (mode %04o)", mode&0o7777)
	}
	return nil
}

func readlink(fd int) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

func components(p string) []string {
	return strings.FieldsFunc(p, func(r rune) bool { return r == '/' })
}
