package peer

import "testing"

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
