package tokenfile

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"regent/platform/layout"
)

// checkMode decides over owner and mode. open is what others may do, in any of
// the mode's lower bits; others is who else may own the file besides root: the
// user of this process first; fixed says that it is on a read-only mount.
func checkMode(path string, mode, open fs.FileMode, uid int, others []int, fixed bool) error {
	if uid != 0 && !slices.Contains(others, uid) {
		mend := "sudo chown root " + path
		if fixed {
			mend = "it is mounted read-only, so give it to root where it is mounted from"
		}
		return newError(path, fmt.Errorf("belongs to user %d, so anybody could have put it there: %s", uid, mend))
	}
	if open != 0 {
		return newError(path, fmt.Errorf("has mode %04o, so others can %s it: chmod 600 %s", mode.Perm(), describeAccess(open), path))
	}
	return nil
}

// describeAccess says what the permission bits allow.
func describeAccess(bits fs.FileMode) string {
	switch {
	case bits&0o022 != 0:
		return "change"
	case bits&0o044 != 0:
		return "read"
	}
	return "run"
}

// grant is one entry of a Windows access control list that allows something.
type grant struct {
	sid     string // "S-1-5-32-545"
	content bool   // reads, writes, or gives itself the right to
}

// The security identifiers that may own a registration token or open it: who
// administers the system can do both anyway.
const (
	sidSystem         = layout.SystemSID
	sidAdministrators = layout.AdministratorsSID
	sidOwnerRights    = "S-1-3-4"
)

// checkList decides over owner and access control list, the counterpart of
// checkMode. self is the user of this process.
func checkList(path, owner string, grants []grant, self string) error {
	trusted := []string{sidSystem, sidAdministrators, self}
	if !slices.Contains(trusted, owner) {
		return newError(path, fmt.Errorf(`belongs to %s, so anybody could have put it there: icacls "%s" /setowner *%s`,
			owner, path, sidAdministrators))
	}
	trusted = append(trusted, sidOwnerRights)
	var others []string
	for _, g := range grants {
		if g.content && !slices.Contains(trusted, g.sid) && !slices.Contains(others, g.sid) {
			others = append(others, g.sid)
		}
	}
	if len(others) > 0 {
		return newError(path, fmt.Errorf(`is open to %s: icacls "%s" /inheritance:r /grant:r *%s:F *%s:F`,
			strings.Join(others, ", "), path, sidSystem, sidAdministrators))
	}
	return nil
}
