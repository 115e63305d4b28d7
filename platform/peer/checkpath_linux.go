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

// TrustedWriters are the users and groups that may write a trusted file. The rules apply
// to the file, and to each directory and link in its path.
type TrustedWriters struct {
	// UIDs may own it.
	UIDs []uint32
	// GIDs may write it. If there are none, no group may write it. Otherwise a file that
	// another group may write causes a warning only.
	GIDs []uint32
	// AllowSticky allows sticky directories in the path: everybody may add files there,
	// but only the owner of a file can remove or replace it.
	AllowSticky bool
	// AllowReadOnlyMount checks only the owner of a file on a read-only mount. Nobody can
	// write it there or change its mode. Containers mount volumes like this, with
	// directories of mode 1777 or 0777.
	AllowReadOnlyMount bool
}

// DefaultWriters are root, and the user and group of this process. In a user namespace, all
// outside users have the same number. DefaultWriters trusts this number too: the creator of
// the namespace chose the files that it can see.
func DefaultWriters() TrustedWriters {
	k := TrustedWriters{UIDs: []uint32{0, uint32(os.Getuid())}, GIDs: []uint32{0, uint32(os.Getgid())}, AllowSticky: true, AllowReadOnlyMount: true} //nolint:gosec // the kernel's have 32 bits
	if ns, err := readUserNamespace(); err == nil && !ns.isComplete() {
		k.UIDs, k.GIDs = append(k.UIDs, ns.overflow), append(k.GIDs, ns.overflow)
	}
	return k
}

// UntrustedPath is the reason why a path is not trusted.
type UntrustedPath struct {
	Path       string // of the bad component; only its last part can be a link
	Reason     string // follows the path in a sentence
	FixCommand string // for an administrator
}

func (d *UntrustedPath) Error() string { return d.Path + " " + d.Reason + "; run: " + d.FixCommand }

// CheckPath checks the file or directory of an absolute path, and each component before it.
// The error is an *[UntrustedPath] if somebody other than the writers can write or replace
// one of them. Any other error means that a component cannot be checked. The list
// contains warnings.
func CheckPath(name string, k TrustedWriters) ([]*UntrustedPath, error) {
	w := pathWalk{trust: trust{root: "/", TrustedWriters: k}}
	at, err := w.follow(name)
	return w.warnings, errors.Join(err, at.close())
}

// trust has the trusted writers and the root of the tree. The root is "/" outside tests.
type trust struct {
	root     string
	perMount bool // only the last mount in the path counts: its creator chooses its content
	TrustedWriters
}

// maxSteps bounds the components and links on the way to a file.
const maxSteps = 256

// open opens the file of an absolute path after it has checked all components. The caller
// closes the handle.
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

// pathWalk goes to a file one component at a time. It opens a component, checks it, and
// opens the next one relative to it. So nobody can replace a checked component. A link is
// a component too.
type pathWalk struct {
	trust
	at       pathHandle
	path     string // of at, for errors
	todo     []string
	refusal  *UntrustedPath   // on the current mount; a later mount clears it
	warnings []*UntrustedPath // do not fail the check
}

// follow goes to the file or directory of an absolute path. The caller closes the handle,
// also after an error.
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

// pathHandle is an open file or directory that was checked. It is opened with O_PATH: it
// gives access to attributes, not to content.
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

// next goes to the next component. It replaces a link by the components of its target.
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

// accessList returns the access list, if it can give somebody write access.
func (p pathHandle) accessList() (files.ACL, bool) {
	if p.st.Mode&unix.S_IFMT == unix.S_IFLNK || p.st.Mode&0o020 == 0 { // the list's mask denies writing
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

// component is a component of the path, with its attributes.
type component struct {
	path          string
	uid, gid      uint32
	mode          uint16
	last          bool
	readOnlyMount bool // on a read-only mount
	// additional writers by the access list
	users, groups []uint32
}

// writable reports whether anybody except the owner may write.
func (c component) writable() bool { return c.mode&0o022 != 0 || len(c.users)+len(c.groups) > 0 }

// apply adds the writers of the access list. With a list, the group bits of the mode are
// only the list's mask.
func (c *component) apply(list files.ACL) {
	const write = 0o2
	if list.Group&write == 0 {
		c.mode &^= 0o020
	}
	c.users, c.groups = list.Users.With(write), list.Groups.With(write)
}

// check returns the problem of a component, or nil, and whether it refuses the path.
// A link has no mode of its own. A socket may be writable by anybody: connecting needs
// that. In a sticky directory other users cannot remove the next component, which is
// checked itself. But if the last component is a directory, all its files count.
func (k TrustedWriters) check(c component) (d *UntrustedPath, refused bool) {
	doubt := func(fix, format string, args ...any) *UntrustedPath {
		d := &UntrustedPath{Path: c.path, Reason: fmt.Sprintf(format, args...), FixCommand: fix + " " + c.path}
		if c.readOnlyMount {
			d.FixCommand += " (at the source of the mount: here it is read-only)"
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

// firstUnlisted returns the first of ids that is not in writers, or -1.
func firstUnlisted(ids, writers []uint32) int64 {
	for _, id := range ids {
		if !slices.Contains(writers, id) {
			return int64(id)
		}
	}
	return -1
}

// describe returns words for a user that is not in UIDs.
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
