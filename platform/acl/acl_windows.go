package acl

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"

	"regent/platform/windowsnames"
)

// ErrOpen means that there is no access list, which lets everybody do everything.
var ErrOpen = errors.New("has no access list, so it is open to everybody")

// DeleteChild is FILE_DELETE_CHILD of a directory, which the library does not name.
const DeleteChild = 0x40

// Change is every right by which its holder comes to change a file or what a
// directory has, or who may.
const Change = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | Replace

// Replace is every right by which its holder comes to put another in the place of
// a file or a directory that is there, or to the right to.
const Replace = DeleteChild | windows.DELETE | windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL

// Grant is what an access list lets somebody do with the thing itself.
type Grant struct {
	SID  string
	Mask windows.ACCESS_MASK
}

// List is the access of one thing.
type List struct {
	Owner     string // a SID
	Protected bool   // nothing is inherited from above
	Grants    []Grant
}

// OfFile returns the access of the file or directory at path.
func OfFile(path string) (List, error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return List{}, &fs.PathError{Op: "read the access of", Path: path, Err: err}
	}
	return Of(sd)
}

// Of returns the access that sd says. What it denies is left out: a denial can
// only make it narrower. So is what is only for what comes below, and an entry of
// a kind that is not understood is an error, since it may allow something.
func Of(sd *windows.SECURITY_DESCRIPTOR) (List, error) {
	var l List
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
		return l, ErrOpen
	}
	l.Grants, err = grants(list)
	return l, err
}

func grants(list *windows.ACL) (all []Grant, _ error) {
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return nil, fmt.Errorf("has an access list that cannot be read: %w", err)
		}
		switch {
		case ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0, ace.Header.AceType == windows.ACCESS_DENIED_ACE_TYPE:
			continue
		case ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE:
			return nil, errors.New("has an access list with an entry of an unknown kind")
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart)) //nolint:gosec // where the system puts it
		all = append(all, Grant{sid.String(), ace.Mask})
	}
	return all, nil
}

// Trusted reports whether sid is SYSTEM, Administrators or TrustedInstaller: who
// is one of them can be any other.
func Trusted(sid string) bool {
	switch sid {
	case windowsnames.SystemSID, windowsnames.AdministratorsSID, windowsnames.TrustedInstallerSID:
		return true
	}
	return false
}

// Strangers returns those who have any of the rights and are not [Trusted] or
// among those that are named.
func (l List) Strangers(rights windows.ACCESS_MASK, but ...string) (sids []string) {
	for _, g := range l.Grants {
		if g.Mask&rights != 0 && !Trusted(g.SID) && !slices.Contains(but, g.SID) {
			sids = append(sids, g.SID)
		}
	}
	return sids
}
