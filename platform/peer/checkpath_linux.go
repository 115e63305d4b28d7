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

	"regent/platform/files"
)

// TrustedWriters say who may write what is believed: a file, and each directory and link
// on the way to it.
type TrustedWriters struct {
	// UIDs may own it.
	UIDs []uint32
	// GIDs may write it. Without any no group may; with some, that another one
	// may is only told.
	GIDs []uint32
	// AllowSticky allows directories on the way to which everybody may add, but from
	// which nobody takes what is another's.
	AllowSticky bool
	// AllowReadOnlyMount believes what is on a read-only mount by its owner alone: nobody can
	// write it there, and nobody there can change its mode. Containers mount
	// volumes so, whose folders are mode 1777 or 0777.
	AllowReadOnlyMount bool
}

// DefaultWriters are root and the user and the group of this process. What belongs to
// users outside of a user namespace all seems to belong to one: who that is cannot
// be told, and whoever made the namespace put it there, so that user may write too.
func DefaultWriters() TrustedWriters {
	k := TrustedWriters{UIDs: []uint32{0, uint32(os.Getuid())}, GIDs: []uint32{0, uint32(os.Getgid())}, AllowSticky: true, AllowReadOnlyMount: true} //nolint:gosec // the kernel's have 32 bits
	if ns, err := readUserNamespace(); err == nil && !ns.isComplete() {
		k.UIDs, k.GIDs = append(k.UIDs, ns.overflow), append(k.GIDs, ns.overflow)
	}
	return k
}

// UntrustedPath is why something is not believed.
type UntrustedPath struct {
	Path       string // of what is wrong, without links before its last component
	Reason     string // follows the path in a sentence
	FixCommand string // that an administrator runs
}

func (d *UntrustedPath) Error() string { return d.Path + " " + d.Reason + "; run: " + d.FixCommand }

// CheckPath walks to the file or directory that an absolute path names. The error is
// a *Doubt if somebody else than the writers can write it or exchange it, and
// otherwise why it cannot be looked at; the doubts are those that are only told.
func CheckPath(name string, k TrustedWriters) ([]*UntrustedPath, error) {
	w := pathWalk{trust: trust{root: "/", TrustedWriters: k}}
	at, err := w.follow(name)
	return w.warnings, errors.Join(err, at.close())
}

// trust says whose files are believed, below which root. Only a test has another
// one than the whole tree.
type trust struct {
	root     string
	perMount bool // who mounts something decides what is there: nothing above counts
	TrustedWriters
}

// maxSteps bounds the components and links on the way to a file.
const maxSteps = 256

// open finds the file that an absolute path names and checks it and everything
// on the way. The caller closes the place.
func (t trust) open(name string) (pathHandle, error) {
	w := pathWalk{trust: t}
	at, err := w.follow(name)
	if err == nil && at.st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		return pathHandle{}, errors.Join(err, at.close())
	}
	return at, nil
}

// pathWalk goes to a file one component at a time. Each is opened, then checked,
// and the next one is opened from there, so that nothing can be put in its
// place after it was checked. A link is a component too.
type pathWalk struct {
	trust
	at       pathHandle
	path     string // of at, for errors
	todo     []string
	refusal  *UntrustedPath   // of the mount that at is on, where a later one may not have it
	warnings []*UntrustedPath // that are only told
}

// follow goes to what an absolute path names. The caller closes the place, also
// after an error.
func (w *pathWalk) follow(name string) (pathHandle, error) {
	w.at = pathHandle{fd: -1}
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
	if err == nil && w.refusal != nil {
		err = w.refusal
	}
	return w.at, err
}

// pathHandle is an open file or directory that was checked. It is open by O_PATH:
// it can be looked at, and nothing else.
type pathHandle struct {
	fd int
	st unix.Statx_t
}

func (p pathHandle) close() error {
	if p.fd < 0 {
		return nil
	}
	return unix.Close(p.fd)
}

// start goes to the root.
func (w *pathWalk) start() error {
	root, err := w.look(unix.AT_FDCWD, w.root, "/")
	if err != nil {
		return err
	}
	return w.move(root, "/")
}

func (w *pathWalk) move(to pathHandle, path string) error {
	from := w.at
	w.at, w.path = to, path
	return from.close()
}

// next takes one component. A link is replaced by the components it stands for.
func (w *pathWalk) next() error {
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
func (w *pathWalk) look(dir int, part, full string) (pathHandle, error) {
	fd, err := unix.Openat(dir, part, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return pathHandle{}, fmt.Errorf("%s: %w", full, err)
	}
	p := pathHandle{fd: fd}
	err = unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, imageMask, &p.st)
	if err != nil {
		return pathHandle{}, errors.Join(fmt.Errorf("%s: %w", full, err), p.close())
	}
	seen := component{path: full, uid: p.st.Uid, gid: p.st.Gid, mode: p.st.Mode, last: len(w.todo) == 0, readOnlyMount: p.isReadOnlyMount()}
	if list, ok := p.accessList(); ok {
		seen.apply(list)
	}
	if p.st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		w.refusal = nil
	}
	switch doubt, refused := w.check(seen); {
	case refused && !w.perMount:
		return pathHandle{}, errors.Join(doubt, p.close())
	case refused && w.refusal == nil:
		w.refusal = doubt
	case doubt != nil:
		w.warnings = append(w.warnings, doubt)
	}
	return p, nil
}

// accessList returns the place's access list, if there is one by which anybody may write.
func (p pathHandle) accessList() (files.ACL, bool) {
	if p.st.Mode&unix.S_IFMT == unix.S_IFLNK || p.st.Mode&0o020 == 0 { // the list's mask: nobody that it names may write
		return files.ACL{}, false
	}
	return files.ReadACL(func(list []byte) (int, error) {
		return unix.Getxattr("/proc/self/fd/"+strconv.Itoa(p.fd), files.ACLAttribute, list)
	})
}

// isReadOnlyMount reports whether the place is on a mount that is read-only.
func (p pathHandle) isReadOnlyMount() bool {
	var st unix.Statfs_t
	return unix.Fstatfs(p.fd, &st) == nil && st.Flags&unix.ST_RDONLY != 0
}

// component is one of the way, as it was seen.
type component struct {
	path          string
	uid, gid      uint32
	mode          uint16
	last          bool
	readOnlyMount bool // on a read-only mount
	// whom an access list lets write, beside the owner, its group and all others
	users, groups []uint32
}

// writable reports whether anybody beside the owner may write.
func (c component) writable() bool { return c.mode&0o022 != 0 || len(c.users)+len(c.groups) > 0 }

// apply has the access list say who may write: with one, the group's bits of the
// mode are only its mask.
func (c *component) apply(list files.ACL) {
	const write = 0o2
	if list.Group&write == 0 {
		c.mode &^= 0o020
	}
	c.users, c.groups = list.Users.With(write), list.Groups.With(write)
}

// check says what is wrong with a component, if anything is, and whether it is
// refused for that. A link has no mode of its own, and anybody may write to a socket: that
// is how one connects. In a sticky directory what
// comes next cannot be taken away by others, and is looked at itself; but of one
// that is to be read whole, every file that they add is a part.
func (k TrustedWriters) check(c component) (d *UntrustedPath, refused bool) {
	doubt := func(mend, format string, args ...any) *UntrustedPath {
		d := &UntrustedPath{Path: c.path, Reason: fmt.Sprintf(format, args...), FixCommand: mend + " " + c.path}
		if c.readOnlyMount {
			d.FixCommand += " (where it is mounted from: here it is read-only)"
		}
		return d
	}
	link := c.mode&unix.S_IFMT == unix.S_IFLNK
	user, group := firstUnlisted(c.users, k.UIDs), firstUnlisted(c.groups, k.GIDs)
	switch {
	case !slices.Contains(k.UIDs, c.uid) && link:
		return doubt("chown -h root", "belongs to uid %d, who is %s", c.uid, k.describe()), true
	case !slices.Contains(k.UIDs, c.uid):
		return doubt("chown root", "belongs to uid %d, who is %s", c.uid, k.describe()), true
	case link || c.mode&unix.S_IFMT == unix.S_IFSOCK || !c.writable() || k.AllowReadOnlyMount && c.readOnlyMount || k.AllowSticky && !c.last && c.mode&unix.S_ISVTX != 0:
		return nil, false
	case c.mode&0o002 != 0 && c.mode&0o020 != 0 && len(k.GIDs) == 0:
		return doubt("chmod go-w", "may be written by every user"), true
	case c.mode&0o002 != 0:
		return doubt("chmod o-w", "may be written by every user"), true
	case user >= 0:
		return doubt(fmt.Sprintf("setfacl -x u:%d", user), "may be written by uid %d, by its access list", user), true
	case len(k.GIDs) == 0 && c.mode&0o020 != 0:
		return doubt("chmod g-w", "may be written by its group, gid %d", c.gid), true
	case c.mode&0o020 != 0 && !slices.Contains(k.GIDs, c.gid):
		return doubt("chgrp root", "may be written by the group with gid %d, which is neither root's nor the daemon's", c.gid), false
	case group >= 0:
		return doubt(fmt.Sprintf("setfacl -x g:%d", group), "may be written by the group with gid %d, by its access list", group), len(k.GIDs) == 0
	}
	return nil, false
}

// firstUnlisted returns the first of ids that is none of the writers, -1 if there is none.
func firstUnlisted(ids, writers []uint32) int64 {
	for _, id := range ids {
		if !slices.Contains(writers, id) {
			return int64(id)
		}
	}
	return -1
}

// describe names who is no keeper's user.
func (k TrustedWriters) describe() string {
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
