package peer

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Sources for the users of this process's user namespace, and for the uid of all other users.
const (
	uidMapFile        = "/proc/self/uid_map"
	overflowFile      = "/proc/sys/kernel/overflowuid"
	defaultOverflowID = 65534     // default content of overflowFile
	allIDs            = 1<<32 - 1 // the last number is not an id
	noID              = 1<<32 - 1 // in uid_map: an outside id without a number here
)

// userNamespace describes the users of this process's user namespace.
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

// parseIDs parses uid_map: the first id inside, the first id outside, their count.
func parseIDs(text string) (ids []idRange, err error) {
	for line := range strings.Lines(text) {
		var r idRange
		if _, err := fmt.Sscanf(line, "%d %d %d\n", &r.inside, &r.outside, &r.count); err != nil {
			return nil, fmt.Errorf("%.80q is not a range of user ids", line)
		}
		ids = append(ids, r)
	}
	return ids, nil
}

// isComplete reports whether every user has a number. Ranges do not overlap.
func (ns userNamespace) isComplete() bool {
	var n uint64
	for _, r := range ns.ids {
		n += r.count
	}
	return n >= allIDs
}

// hasID reports whether the namespace has a user of its own with this number.
func (ns userNamespace) hasID(id uint32) bool {
	return slices.ContainsFunc(ns.ids, func(r idRange) bool { return uint64(id) >= r.inside && uint64(id)-r.inside < r.count })
}

func isUnmapped(uid string) (bool, error) {
	ns, err := readUserNamespace()
	if err != nil {
		if uid != decimal(defaultOverflowID) {
			return false, nil // nothing suggests a user namespace
		}
		return false, fmt.Errorf("find out whether uid %s is a user: %w", uid, err)
	}
	return uid == decimal(ns.overflow) && !ns.isComplete(), nil
}

// ownUser returns an error if the number may stand for several users.
func ownUser() (string, error) {
	uid := decimal(uint32(os.Getuid())) //nolint:gosec // the kernel's have 32 bits
	switch is, err := isUnmapped(uid); {
	case err != nil:
		return "", err
	case is:
		return "", fmt.Errorf("uid %s may stand for several users in this user namespace", uid)
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

// openProtectedSocket trusts the namespace's root and users outside as owners of a listener
// and of directories. It does not accept the sticky bit: another user can create a socket
// first.
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
	w := pathWalk{trust: trust{root: "/", perMount: true, TrustedWriters: TrustedWriters{UIDs: []uint32{0, ns.overflow}}}}
	at, err := w.follow(name)
	if err == nil && at.st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		err = fmt.Errorf("%s is not a socket", name)
	}
	if u, ok := errors.AsType[*UntrustedPath](err); ok { // its command works only outside the namespace
		err = fmt.Errorf("%s %s", u.Path, u.Reason)
	}
	if err != nil {
		return nil, errors.Join(err, at.close())
	}
	return &ProtectedSocket{"/proc/self/fd/" + strconv.Itoa(at.fd), name, at.close}, nil
}

// checkOutsideNamespace checks the PID only if the namespace has the number of the outside
// users: one of its own processes could have this number.
func checkOutsideNamespace(c net.Conn) error {
	ns, err := readUserNamespace()
	if err != nil || !ns.hasID(ns.overflow) {
		return err
	}
	var pid int32
	err = withPeer(c, func(_ int, cred *unix.Ucred) error {
		pid = cred.Pid
		return nil
	})
	if err != nil || pid == 0 { // 0 means outside of the PID namespace
		return err
	}
	text, err := os.ReadFile(procPath(int(pid), "uid_map"))
	if err != nil {
		return fmt.Errorf("find the user namespace of process %d: %w", pid, err)
	}
	if theirs, err := parseIDs(string(text)); err != nil || !isForeignNamespace(theirs) {
		return fmt.Errorf("the listening process %d is in this user namespace or in one inside it", pid)
	}
	return nil
}

// isForeignNamespace reports whether a namespace is outside this one: none of its users has
// a number here. The kernel writes the map from the reader's point of view.
func isForeignNamespace(ids []idRange) bool {
	return len(ids) > 0 && !slices.ContainsFunc(ids, func(r idRange) bool { return r.outside != noID })
}
