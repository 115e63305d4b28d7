package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"

	"regent/platform/layout"
)

// ErrNoAccessList means that there is no access list, which lets everybody do everything.
var ErrNoAccessList = errors.New("has no access list, so it is open to everybody")

// DeleteChild is FILE_DELETE_CHILD of a directory, which the library does not name.
const DeleteChild = 0x40

// ChangeRights is every right by which its holder comes to change a file or what a
// directory has, or who may.
const ChangeRights = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | ReplaceRights

// ReplaceRights is every right by which its holder comes to put another in the place of
// a file or a directory that is there, or to the right to.
const ReplaceRights = DeleteChild | windows.DELETE | windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL

// Grant is what an access list lets somebody do with the thing itself.
type Grant struct {
	SID  string
	Mask windows.ACCESS_MASK
}

// AccessList is the access of one thing.
type AccessList struct {
	Owner     string // a SID
	Protected bool   // nothing is inherited from above
	Grants    []Grant
	Denied    []Grant // whatever is granted
}

// ReadAccess returns the access of the file or directory at path.
func ReadAccess(path string) (AccessList, error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return AccessList{}, &fs.PathError{Op: "read the access of", Path: path, Err: err}
	}
	return ParseDescriptor(sd)
}

// ReadHandleAccess returns the access to the open object h, which is of that kind.
func ReadHandleAccess(h windows.Handle, kind windows.SE_OBJECT_TYPE) (AccessList, error) {
	sd, err := windows.GetSecurityInfo(h, kind, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return AccessList{}, fmt.Errorf("read the access: %w", err)
	}
	return ParseDescriptor(sd)
}

// ParseSDDL returns the access that SDDL says. One without an owner is an error.
func ParseSDDL(sddl string) (AccessList, error) {
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return AccessList{}, fmt.Errorf("[unexpected] access list %s: %w", sddl, err)
	}
	return ParseDescriptor(sd)
}

// ParseDescriptor returns the access that sd says. What is only for what comes below is left
// out, and an entry of a kind that is not understood is an error, since it may
// allow something.
func ParseDescriptor(sd *windows.SECURITY_DESCRIPTOR) (AccessList, error) {
	var l AccessList
	owner, _, err := sd.Owner()
	if err != nil || owner == nil {
		return l, errors.New("has no owner")
	}
	l.Owner = owner.String()
	control, _, err := sd.Control()
	if err != nil {
		return l, fmt.Errorf("has an access list that cannot be read: %w", err)
	}
	l.Protected = control&windows.SE_DACL_PROTECTED != 0
	list, _, err := sd.DACL()
	if err != nil || list == nil {
		return l, ErrNoAccessList
	}
	return l, l.addEntries(list)
}

// addEntries takes what an access list says of the thing itself.
func (l *AccessList) addEntries(list *windows.ACL) error {
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return fmt.Errorf("has an access list that cannot be read: %w", err)
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart)) //nolint:gosec // where the system puts it
		switch {
		case ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0:
		case ace.Header.AceType == windows.ACCESS_DENIED_ACE_TYPE: // it has the same form
			l.Denied = append(l.Denied, Grant{sid.String(), ace.Mask})
		case ace.Header.AceType == windows.ACCESS_ALLOWED_ACE_TYPE:
			l.Grants = append(l.Grants, Grant{sid.String(), ace.Mask})
		default:
			return errors.New("has an access list with an entry of an unknown kind")
		}
	}
	return nil
}

// OwnSID returns the user of this process.
func OwnSID() (string, error) {
	u, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "", fmt.Errorf("find the user of this process: %w", err)
	}
	return u.User.Sid.String(), nil
}

// IsAdministrator reports whether this process has the rights of Administrators.
func IsAdministrator() bool {
	sid, err := windows.StringToSid(layout.AdministratorsSID)
	if err != nil {
		return false
	}
	is, err := windows.Token(0).IsMember(sid)
	return err == nil && is
}

// IsTrustedSID reports whether sid is SYSTEM, Administrators or TrustedInstaller: who
// is one of them can be any other.
func IsTrustedSID(sid string) bool {
	switch sid {
	case layout.SystemSID, layout.AdministratorsSID, layout.TrustedInstallerSID:
		return true
	}
	return false
}

// UntrustedWith returns those who have any of the rights and are not [IsTrustedSID] or
// among those that are named, each once.
func (l AccessList) UntrustedWith(rights windows.ACCESS_MASK, but ...string) (sids []string) {
	for _, g := range l.Grants {
		if g.Mask&rights != 0 && !IsTrustedSID(g.SID) && !slices.Contains(but, g.SID) && !slices.Contains(sids, g.SID) {
			sids = append(sids, g.SID)
		}
	}
	return sids
}

// ExcessGrants returns what is granted to somebody who is not [IsTrustedSID] and is not
// meant to have it, each as far as that goes. Who is denied what is not looked at:
// a denial of somebody else makes nothing narrower.
func (l AccessList) ExcessGrants(meant AccessList) (more []Grant) {
	for _, g := range l.Grants {
		g.Mask = expandGeneric(g.Mask)
		for _, m := range meant.Grants {
			if m.SID == g.SID {
				g.Mask &^= expandGeneric(m.Mask)
			}
		}
		if g.Mask != 0 && !IsTrustedSID(g.SID) {
			more = append(more, g)
		}
	}
	return more
}

// MissingDenials returns what is meant to be denied and is not.
func (l AccessList) MissingDenials(meant AccessList) (missing []Grant) {
	for _, m := range meant.Denied {
		if !slices.ContainsFunc(l.Denied, func(d Grant) bool { return d.SID == m.SID && expandGeneric(m.Mask)&^expandGeneric(d.Mask) == 0 }) {
			missing = append(missing, m)
		}
	}
	return missing
}

// expandGeneric is a mask in the rights of files, directories and pipes, as Windows
// stores it: SDDL and Wine keep rights that stand for several.
func expandGeneric(mask windows.ACCESS_MASK) windows.ACCESS_MASK {
	for _, g := range []struct{ generic, rights windows.ACCESS_MASK }{
		{windows.GENERIC_READ, windows.FILE_GENERIC_READ},
		{windows.GENERIC_WRITE, windows.FILE_GENERIC_WRITE},
		{windows.GENERIC_EXECUTE, windows.FILE_GENERIC_EXECUTE},
		{windows.GENERIC_ALL, fileAllAccess},
	} {
		if mask&g.generic != 0 {
			mask = mask&^g.generic | g.rights
		}
	}
	return mask
}

// fileAllAccess is FILE_ALL_ACCESS, which the library does not name.
const fileAllAccess = windows.STANDARD_RIGHTS_REQUIRED | windows.SYNCHRONIZE | 0x1ff

// ModeAccess returns the user of this process and no bits: modes mean nothing here. The
// access list of the directory, which the package sets, is what keeps others out.
func ModeAccess(fs.FileInfo) (owner int, others fs.FileMode, err error) { return os.Geteuid(), 0, nil }

// SyncDir does nothing: Windows flushes no directory, and NTFS keeps its names in a
// journal of its own.
func SyncDir(string) error { return nil }

// Links knows of none.
func Links(fs.FileInfo) (inode, names uint64) { return 0, 0 }
