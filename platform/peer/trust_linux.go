package peer

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Writers say who may write what is believed: a file, and each directory and link
// on the way to it.
type Writers struct {
	// UIDs may own it.
	UIDs []uint32
	// GIDs may write it. Without any no group may; with some, that another one
	// may is only told.
	GIDs []uint32
	// Sticky allows directories on the way to which everybody may add, but from
	// which nobody takes what is another's.
	Sticky bool
	// Fixed believes what is on a read-only mount by its owner alone: nobody can
	// write it there, and nobody there can change its mode. Containers mount
	// volumes so, whose folders are mode 1777 or 0777.
	Fixed bool
}

// OwnWriters are root and the user and the group of this process. What belongs to
// users outside of a user namespace all seems to belong to one: who that is cannot
// be told, and whoever made the namespace put it there, so that user may write too.
func OwnWriters() Writers {
	k := Writers{UIDs: []uint32{0, uint32(os.Getuid())}, GIDs: []uint32{0, uint32(os.Getgid())}, Sticky: true, Fixed: true} //nolint:gosec // the kernel's have 32 bits
	if ns, err := readUserNamespace(); err == nil && !ns.complete() {
		k.UIDs, k.GIDs = append(k.UIDs, ns.overflow), append(k.GIDs, ns.overflow)
	}
	return k
}

// Doubt is why something is not believed.
type Doubt struct {
	Path    string // of what is wrong, without links before its last component
	Why     string // follows the path in a sentence
	Command string // that an administrator runs
}

func (d *Doubt) Error() string { return d.Path + " " + d.Why + "; run: " + d.Command }

// Doubts walks to the file or directory that an absolute path names. The error is
// a *Doubt if somebody else than the writers can write it or exchange it, and
// otherwise why it cannot be looked at; the doubts are those that are only told.
func Doubts(name string, k Writers) ([]*Doubt, error) {
	w := walk{trust: trust{root: "/", Writers: k}}
	at, err := w.follow(name)
	return w.doubts, errors.Join(err, at.close())
}

// trust says whose files are believed, below which root. Only a test has another
// one than the whole tree.
type trust struct {
	root string
	Writers
}

// maxSteps bounds the components and links on the way to a file.
const maxSteps = 256

// open finds the file that an absolute path names and checks it and everything
// on the way. The caller closes the place.
func (t trust) open(name string) (place, error) {
	w := walk{trust: t}
	at, err := w.follow(name)
	if err == nil && at.st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		return place{}, errors.Join(err, at.close())
	}
	return at, nil
}

// walk goes to a file one component at a time. Each is opened, then checked,
// and the next one is opened from there, so that nothing can be put in its
// place after it was checked. A link is a component too.
type walk struct {
	trust
	at     place
	path   string // of at, for errors
	todo   []string
	doubts []*Doubt // that are only told
}

// follow goes to what an absolute path names. The caller closes the place, also
// after an error.
func (w *walk) follow(name string) (place, error) {
	w.at = place{fd: -1}
	if !path.IsAbs(name) || path.Clean(name) != name {
		return w.at, fmt.Errorf("%q is not a clean absolute path", name)
	}
	w.todo = components(name)
	err := w.start()
	for n := 0; err == nil && len(w.todo) > 0; n++ {
		if err = w.next(); n == maxSteps {
			err = fmt.Errorf("%s: too many links on the way", name)
		}
	}
	return w.at, err
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
	err = unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, imageMask, &p.st)
	if err != nil {
		return place{}, errors.Join(fmt.Errorf("%s: %w", full, err), p.close())
	}
	seen := component{path: full, uid: p.st.Uid, gid: p.st.Gid, mode: p.st.Mode, last: len(w.todo) == 0, acl: p.acl(), fixed: p.fixed()}
	doubt, refused := w.judge(seen)
	if refused {
		return place{}, errors.Join(doubt, p.close())
	}
	if doubt != nil {
		w.doubts = append(w.doubts, doubt)
	}
	return p, nil
}

// acl reports whether the place has an access list, which may let others write
// whom its mode does not name.
func (p place) acl() bool {
	if p.st.Mode&unix.S_IFMT == unix.S_IFLNK || p.st.Mode&0o020 == 0 { // the list's mask: nobody that it names may write
		return false
	}
	n, err := unix.Getxattr("/proc/self/fd/"+strconv.Itoa(p.fd), "system.posix_acl_access", nil)
	return err == nil && n > 0
}

// fixed reports whether the place is on a mount that is read-only.
func (p place) fixed() bool {
	var st unix.Statfs_t
	return unix.Fstatfs(p.fd, &st) == nil && st.Flags&unix.ST_RDONLY != 0
}

// component is one of the way, as it was seen.
type component struct {
	path     string
	uid, gid uint32
	mode     uint16
	last     bool
	acl      bool
	fixed    bool // on a read-only mount
}

// judge says what is wrong with a component, if anything is, and whether it is
// refused for that. A link has no mode of its own. In a sticky directory what
// comes next cannot be taken away by others, and is looked at itself; but of one
// that is to be read whole, every file that they add is a part.
func (k Writers) judge(c component) (d *Doubt, refused bool) {
	doubt := func(mend, format string, args ...any) *Doubt {
		d := &Doubt{Path: c.path, Why: fmt.Sprintf(format, args...), Command: mend + " " + c.path}
		if c.fixed {
			d.Command += " (where it is mounted from: here it is read-only)"
		}
		return d
	}
	link := c.mode&unix.S_IFMT == unix.S_IFLNK
	switch {
	case !slices.Contains(k.UIDs, c.uid) && link:
		return doubt("chown -h root", "belongs to uid %d, who is %s", c.uid, k.neither()), true
	case !slices.Contains(k.UIDs, c.uid):
		return doubt("chown root", "belongs to uid %d, who is %s", c.uid, k.neither()), true
	case link || c.mode&0o022 == 0 || k.Fixed && c.fixed || k.Sticky && !c.last && c.mode&unix.S_ISVTX != 0:
		return nil, false
	case c.mode&0o002 != 0 && c.mode&0o020 != 0 && len(k.GIDs) == 0:
		return doubt("chmod go-w", "may be written by every user"), true
	case c.mode&0o002 != 0:
		return doubt("chmod o-w", "may be written by every user"), true
	case len(k.GIDs) == 0:
		return doubt("chmod g-w", "may be written by its group, gid %d", c.gid), true
	case !slices.Contains(k.GIDs, c.gid):
		return doubt("chgrp root", "may be written by the group with gid %d, which is neither root's nor the daemon's", c.gid), false
	case c.acl:
		return doubt("setfacl -b", "has an access list that may let others write it"), false
	}
	return nil, false
}

// neither names who is no keeper's user.
func (k Writers) neither() string {
	if len(k.UIDs) == 1 {
		return "not root"
	}
	return "neither root nor the daemon's user"
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
