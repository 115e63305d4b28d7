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

// ErrNoAccessList means that there is no access list, so everybody has all rights.
var ErrNoAccessList = errors.New("has no access list, so it is open to everybody")

// DeleteChild is FILE_DELETE_CHILD of a directory. The library has no name for it.
const DeleteChild = 0x40

// ChangeRights are the rights to change a file or the content of a directory, directly or
// by changing its access.
const ChangeRights = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | ReplaceRights

// ReplaceRights are the rights to replace a file or directory, directly or by changing its
// access.
const ReplaceRights = DeleteChild | windows.DELETE | windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL

// Grant is an entry of an access list for the object itself.
type Grant struct {
	SID  string
	Mask windows.ACCESS_MASK
}

// AccessList is the owner and the access list of one object.
type AccessList struct {
	Owner     string // a SID
	Protected bool   // inherits nothing
	Grants    []Grant
	Denied    []Grant // overrides Grants
}

// ReadAccess returns the access of the file or directory at path.
func ReadAccess(path string) (AccessList, error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return AccessList{}, &fs.PathError{Op: "read the access of", Path: path, Err: err}
	}
	return ParseDescriptor(sd)
}

// ReadHandleAccess returns the access of the open object h of the given kind.
func ReadHandleAccess(h windows.Handle, kind windows.SE_OBJECT_TYPE) (AccessList, error) {
	sd, err := windows.GetSecurityInfo(h, kind, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return AccessList{}, fmt.Errorf("read the access: %w", err)
	}
	return ParseDescriptor(sd)
}

// ParseSDDL returns the access of a descriptor in SDDL. It must have an owner.
func ParseSDDL(sddl string) (AccessList, error) {
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return AccessList{}, fmt.Errorf("[unexpected] access list %s: %w", sddl, err)
	}
	return ParseDescriptor(sd)
}

// ParseDescriptor returns the access of sd. It skips entries that apply only to children.
// An entry of an unknown kind is an error, since it may grant rights.
func ParseDescriptor(sd *windows.SECURITY_DESCRIPTOR) (AccessList, error) {
	var l AccessList
	owner, _, err := sd.Owner()
	if err != nil || owner == nil {
		return l, errors.New("has no owner")
	}
	l.Owner = owner.String()
	control, _, err := sd.Control()
	if err != nil {
		return l, fmt.Errorf("has an unreadable access list: %w", err)
	}
	l.Protected = control&windows.SE_DACL_PROTECTED != 0
	list, _, err := sd.DACL()
	if err != nil || list == nil {
		return l, ErrNoAccessList
	}
	return l, l.addEntries(list)
}

// addEntries adds the entries that apply to the object itself.
func (l *AccessList) addEntries(list *windows.ACL) error {
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return fmt.Errorf("has an unreadable access list: %w", err)
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart)) //nolint:gosec // the SID's place in the entry
		switch {
		case ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0:
		case ace.Header.AceType == windows.ACCESS_DENIED_ACE_TYPE: // same format
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

// IsTrustedSID reports whether sid is SYSTEM, Administrators or TrustedInstaller. Each of
// them can get the rights of the others.
func IsTrustedSID(sid string) bool {
	switch sid {
	case layout.SystemSID, layout.AdministratorsSID, layout.TrustedInstallerSID:
		return true
	}
	return false
}

// UntrustedWith returns the SIDs that have any of the rights, each once. It skips those in
// but and every [IsTrustedSID].
func (l AccessList) UntrustedWith(rights windows.ACCESS_MASK, but ...string) (sids []string) {
	for _, g := range l.Grants {
		if g.Mask&rights != 0 && !IsTrustedSID(g.SID) && !slices.Contains(but, g.SID) && !slices.Contains(sids, g.SID) {
			sids = append(sids, g.SID)
		}
	}
	return sids
}

// ExcessGrants returns the grants beyond meant, for everybody except [IsTrustedSID], with
// the excess rights only. It ignores denials: they may be for other users, so they limit
// nothing.
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

// MissingDenials returns the denials of meant that l lacks.
func (l AccessList) MissingDenials(meant AccessList) (missing []Grant) {
	for _, m := range meant.Denied {
		if !slices.ContainsFunc(l.Denied, func(d Grant) bool { return d.SID == m.SID && expandGeneric(m.Mask)&^expandGeneric(d.Mask) == 0 }) {
			missing = append(missing, m)
		}
	}
	return missing
}

// expandGeneric replaces generic rights by those of files, directories and pipes, as Windows
// stores them. SDDL and Wine use generic rights.
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

// fileAllAccess is FILE_ALL_ACCESS. The library has no name for it.
const fileAllAccess = windows.STANDARD_RIGHTS_REQUIRED | windows.SYNCHRONIZE | 0x1ff

// ModeAccess returns the user of this process and no bits: Windows has no modes. The access
// list of the directory, which the package sets, protects the file.
func ModeAccess(fs.FileInfo) (owner int, others fs.FileMode, err error) { return os.Geteuid(), 0, nil }

// SyncDir does nothing: Windows cannot flush a directory, and NTFS has a journal for names.
func SyncDir(string) error { return nil }

// Links returns 0, 0.
func Links(fs.FileInfo) (inode, names uint64) { return 0, 0 }
