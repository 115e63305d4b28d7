package peer

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Where the kernel says which users this process's namespace has, and which uid
// stands for the others.
const (
	uidMapFile        = "/proc/self/uid_map"
	overflowFile      = "/proc/sys/kernel/overflowuid"
	defaultOverflowID = 65534        // overflowFile, unless an administrator changed it
	allIDs            = 1<<32 - 1    // the last number is no id
	noID              = 1<<32 - 1    // how uid_map writes an outside id that has no number here
	maxDepth          = unix.PathMax // folders above a socket
)

// userNamespace is what this process's own says of users.
type userNamespace struct {
	ids      []idRange
	overflow uint32
}

// idRange is a line of uid_map.
type idRange struct{ inside, outside, count uint64 }

func readUserNamespace() (ns userNamespace, err error) {
	text, err := os.ReadFile(uidMapFile)
	if err != nil {
		return ns, err
	}
	if ns.ids, err = parseIDs(string(text)); err != nil {
		return ns, fmt.Errorf("%s: %w", uidMapFile, err)
	}
	text, err = os.ReadFile(overflowFile)
	if errors.Is(err, fs.ErrNotExist) { // a sandbox hides /proc/sys
		ns.overflow = defaultOverflowID
		return ns, nil
	}
	if err != nil {
		return ns, err
	}
	id, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		return ns, fmt.Errorf("%s: %w", overflowFile, err)
	}
	ns.overflow = uint32(id)
	return ns, nil
}

// parseIDs reads uid_map: the first id inside, the first outside, how many.
func parseIDs(text string) (ids []idRange, err error) {
	for line := range strings.Lines(text) {
		var r idRange
		if _, err := fmt.Sscanf(line, "%d %d %d\n", &r.inside, &r.outside, &r.count); err != nil {
			return nil, fmt.Errorf("%.80q is no range of user ids", line)
		}
		ids = append(ids, r)
	}
	return ids, nil
}

// isComplete reports whether each user has a number: ranges do not overlap.
func (ns userNamespace) isComplete() bool {
	var n uint64
	for _, r := range ns.ids {
		n += r.count
	}
	return n >= allIDs
}

// hasID reports whether the namespace gives the number to a user of its own.
func (ns userNamespace) hasID(id uint32) bool {
	for _, r := range ns.ids {
		if uint64(id) >= r.inside && uint64(id)-r.inside < r.count {
			return true
		}
	}
	return false
}

func isUnmapped(uid string) (bool, error) {
	ns, err := readUserNamespace()
	if err != nil {
		if uid != decimal(defaultOverflowID) {
			return false, nil // nothing suggests a user namespace
		}
		return false, fmt.Errorf("whom uid %s stands for: %w", uid, err)
	}
	return uid == decimal(ns.overflow) && !ns.isComplete(), nil
}

// ownUser has no answer where the number may stand for anybody.
func ownUser() (string, error) {
	uid := decimal(uint32(os.Getuid())) //nolint:gosec // the kernel's have 32 bits
	switch is, err := isUnmapped(uid); {
	case err != nil:
		return "", err
	case is:
		return "", fmt.Errorf("uid %s may be anybody in this user namespace", uid)
	}
	return uid, nil
}

func systemUsers() []string {
	ns, err := readUserNamespace()
	if err != nil || ns.isComplete() {
		return superusers() // nothing suggests a user namespace
	}
	var root unix.Stat_t
	if err := unix.Stat("/", &root); err != nil || root.Uid != 0 {
		return nil
	}
	return superusers()
}

// pathStep is what is judged on the way up from a socket, which is the first.
type pathStep struct {
	path string
	uid  uint32
	mode uint16
}

// checkPath refuses a way that a user of the namespace other than its root could have
// changed. Its root is trusted as a listener, so no less as the owner of a folder.
// Anybody may write to the socket itself: that is how one connects. The sticky bit
// changes nothing: somebody can put a socket there first.
func (ns userNamespace) checkPath(way []pathStep) error {
	for i, s := range way {
		switch {
		case i == 0 && s.mode&unix.S_IFMT != unix.S_IFSOCK:
			return fmt.Errorf("%s is no socket", s.path)
		case s.uid != 0 && s.uid != ns.overflow:
			return fmt.Errorf("%s belongs to uid %d of this namespace", s.path, s.uid)
		case i > 0 && s.mode&0o022 != 0:
			return fmt.Errorf("%s is writable by its group or others (mode %04o)", s.path, s.mode&0o7777)
		}
	}
	return nil
}

// protectedFile is the socket's, open by O_PATH.
type protectedFile = *os.File

// openProtectedSocket opens the folder, then the socket in it, and climbs from there: what
// it judges is where the opened file is.
func openProtectedSocket(socket string) (*ProtectedSocket, error) {
	ns, err := readUserNamespace()
	if err != nil {
		return nil, err
	}
	name, err := filepath.EvalSymlinks(socket)
	if err == nil {
		name, err = filepath.Abs(name)
	}
	if err != nil {
		return nil, err
	}
	dir, err := openPath(unix.AT_FDCWD, filepath.Dir(name), unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	file, err := openPath(int(dir.Fd()), filepath.Base(name), unix.O_NOFOLLOW)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	way, err := pathSteps(file, dir, name)
	if err == nil {
		err = ns.checkPath(way)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &ProtectedSocket{"/proc/self/fd/" + strconv.Itoa(int(file.Fd())), name, file}, nil
}

func openPath(dir int, name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(dir, name, flags|unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// pathSteps looks at the file and each folder above it, up to the root of a mount, and
// closes dir, which is the file's.
func pathSteps(file, dir *os.File, name string) (way []pathStep, err error) {
	defer func() { err = errors.Join(err, dir.Close()) }()
	at, last := file, unix.Statx_t{}
	for range maxDepth {
		var st unix.Statx_t
		if err := unix.Statx(int(at.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, &st); err != nil {
			return nil, fmt.Errorf("look at %s: %w", name, err)
		}
		if st.Ino == last.Ino && st.Dev_major == last.Dev_major && st.Dev_minor == last.Dev_minor {
			return way, nil // nothing is above the root
		}
		way, last = append(way, pathStep{name, st.Uid, st.Mode}), st
		if st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
			return way, nil
		}
		name = filepath.Dir(name)
		if at == file {
			at = dir
			continue
		}
		up, err := openPath(int(dir.Fd()), "..", unix.O_DIRECTORY)
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", name, err)
		}
		if err := dir.Close(); err != nil {
			return nil, errors.Join(err, up.Close())
		}
		dir, at = up, up
	}
	return nil, fmt.Errorf("%s: too many folders", name)
}

// checkOutsideNamespace asks further only where the namespace has the number that stands for the
// users outside: a process of its own could have it.
func checkOutsideNamespace(c net.Conn) error {
	ns, err := readUserNamespace()
	if err != nil || !ns.hasID(ns.overflow) {
		return err
	}
	var pid int32
	err = control(c, func(s int) error {
		cred, err := unix.GetsockoptUcred(s, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err == nil {
			pid = cred.Pid
		}
		return err
	})
	if err != nil || pid == 0 { // 0 is outside of the PID namespace
		return err
	}
	text, err := os.ReadFile(procPath(int(pid), "uid_map"))
	if err != nil {
		return fmt.Errorf("where process %d is from: %w", pid, err)
	}
	if theirs, err := parseIDs(string(text)); err != nil || !isForeignNamespace(theirs) {
		return fmt.Errorf("process %d, which listens, is of this user namespace, or of one within", pid)
	}
	return nil
}

// isForeignNamespace reports whether a namespace is outside of this one: none of its users
// has a number here. The kernel writes the map as this process sees it.
func isForeignNamespace(ids []idRange) bool {
	for _, r := range ids {
		if r.outside != noID {
			return false
		}
	}
	return len(ids) > 0
}
