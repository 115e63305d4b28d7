package peer

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestUserNamespaceIDs: what uid_map says, in the forms that sandboxes make.
func TestUserNamespaceIDs(t *testing.T) {
	for _, tt := range []struct {
		name, text                string
		complete, has, everywhere bool // has is of 65534; everywhere: none of its users has a number here
	}{
		{"the machine's own", "         0          0 4294967295\n", true, true, false},
		{"all, in two ranges", "0 1 1\n1 0 1\n2 2 4294967293\n", true, true, false},
		{"unshare -U", "", false, false, false},
		{"unshare -Ur, bubblewrap", "         0       1000          1\n", false, false, false},
		{"PrivateUsers=yes", "0 0 1\n998 998 1\n", false, false, false},
		{"podman without root", "0 1000 1\n1 100000 65536\n", false, true, false},
		{"nobody alone", "65534 1000 1\n", false, true, false},
		{"the machine's, from podman", "0 4294967295 4294967295\n", true, true, true},
		{"in part from here", "0 4294967295 1\n1 7 1\n", false, false, false},
	} {
		ids, err := parseIDs(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		ns := userNamespace{ids, defaultOverflowID}
		if ns.isComplete() != tt.complete || ns.hasID(defaultOverflowID) != tt.has || isForeignNamespace(ids) != tt.everywhere {
			t.Errorf("%s: complete %t, has 65534 %t, foreign %t", tt.name, ns.isComplete(), ns.hasID(defaultOverflowID), isForeignNamespace(ids))
		}
	}
	for _, text := range []string{"0 0\n", "a b c\n", "0 0 -1\n", "\n", "0 0 1 1\n"} {
		if ids, err := parseIDs(text); err == nil {
			t.Errorf("%q is read as %v", text, ids)
		}
	}
}

// TestUserNamespaceCheckPath: who could have put the socket where it is.
func TestUserNamespaceCheckPath(t *testing.T) {
	const dir, sock, out = unix.S_IFDIR, unix.S_IFSOCK, 65534
	socket := pathStep{"/run/regent/agent.sock", out, sock | 0o666}
	for _, tt := range []struct {
		name string
		way  []pathStep
		want string // "" is believed
	}{
		{"the daemon's", []pathStep{socket, {"/run/regent", out, dir | 0o755}, {"/run", out, dir | 0o755}, {"/", out, dir | 0o755}}, ""},
		{"below the root of the namespace (PrivateUsers=yes)", []pathStep{socket, {"/run/regent", out, dir | 0o755}, {"/run", 0, dir | 0o755}}, ""},
		{"the socket alone is mounted", []pathStep{socket}, ""},
		{"in a sticky folder", []pathStep{socket, {"/tmp", out, dir | 0o1777}}, "/tmp is writable by its group or others (mode 1777)"},
		{"below a sticky folder", []pathStep{socket, {"/tmp/x", out, dir | 0o700}, {"/tmp", out, dir | 0o1777}}, "/tmp is writable"},
		{"a group may write", []pathStep{socket, {"/srv", out, dir | 0o775}}, "mode 0775"},
		{"root's, and others may write", []pathStep{socket, {"/srv", 0, dir | 0o757}}, "mode 0757"},
		{"a folder of a user here", []pathStep{socket, {"/home/alice", 1000, dir | 0o755}}, "/home/alice belongs to uid 1000"},
		{"far above, of a user here", []pathStep{socket, {"/a/b", out, dir | 0o755}, {"/a", 1000, dir | 0o755}}, "/a belongs to uid 1000"},
		{"a socket of a user here", []pathStep{{"/s", 1000, sock | 0o666}, {"/", out, dir | 0o755}}, "/s belongs to uid 1000"},
		{"a file", []pathStep{{"/s", out, unix.S_IFREG | 0o644}}, "/s is no socket"},
	} {
		err := (userNamespace{overflow: out}).checkPath(tt.way)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestIsUnmappedOnlyInNamespace: outside, 65534 is a user like others.
func TestIsUnmappedOnlyInNamespace(t *testing.T) {
	ns, err := readUserNamespace()
	mustSucceed(t, err)
	for _, uid := range []string{"0", "1000", decimal(ns.overflow)} {
		want := uid == decimal(ns.overflow) && !ns.isComplete()
		if got, err := IsUnmapped(uid); err != nil || got != want {
			t.Errorf("uid %s: unnamed %t, %v, want %t", uid, got, err, want)
		}
	}
}
