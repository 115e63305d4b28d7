package peer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/windows"

	"regent/platform/files"
)

// image identifies an existing file. A running image can be renamed but not deleted, so its
// number is not reused.
type image struct{ volume, index uint64 }

// trust trusts the files of the system and its administrators. Tests add other owners.
type trust struct{ extraOwners []string }

// target is a process.
type target struct {
	*Process
	trust trust
}

// recheck does not check the image: a Windows process cannot replace it.
func (p *Peer) recheck() error { return p.Alive() }

func (p *Peer) isExecutable(path string) (bool, string) {
	if err := p.process.trust.check(path); err != nil {
		return false, err.Error()
	}
	named, err := lookAt(path)
	if err != nil {
		return false, err.Error()
	}
	defer func() { _ = named.Close() }() // read only
	mine, err := lookAt(p.Exe)
	if err != nil {
		return false, err.Error()
	}
	defer func() { _ = mine.Close() }() // read only
	want, err := imageOf(named)
	if err != nil {
		return false, err.Error()
	}
	switch got, err := imageOf(mine); {
	case err != nil:
		return false, err.Error()
	case got != want:
		return false, "it runs another file, " + p.Exe
	}
	if err := p.recheck(); err != nil {
		return false, err.Error()
	}
	return true, ""
}

// lookAt opens a file to read its attributes. While it is open, its number is not reused.
func lookAt(path string) (*os.File, error) { return openLocal(path, readAccess, anySharing) }

func imageOf(f *os.File) (image, error) {
	var i windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &i); err != nil {
		return image{}, fmt.Errorf("read attributes of %s: %w", f.Name(), err)
	}
	return image{uint64(i.VolumeSerialNumber), uint64(i.FileIndexHigh)<<32 | uint64(i.FileIndexLow)}, nil
}

// check returns an error if an untrusted user could change or replace a file. It checks
// rights over the file, its directory, and each directory above. Above the file's directory
// only the rights to delete matter.
func (t trust) check(path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return fmt.Errorf("%q is not a clean absolute path", path)
	}
	rights := windows.ACCESS_MASK(files.ChangeRights)
	for at, depth := path, 0; ; depth++ {
		if depth == 2 {
			rights = files.ReplaceRights
		}
		if err := t.checkOne(at, rights); err != nil {
			return fmt.Errorf("%s %w", at, err)
		}
		above := filepath.Dir(at)
		if above == at {
			return nil
		}
		at = above
	}
}

func (t trust) checkOne(path string, rights windows.ACCESS_MASK) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode()&(os.ModeSymlink|os.ModeIrregular) != 0 {
		return errors.New("is a link; name the file itself")
	}
	access, err := files.ReadAccess(path)
	if err != nil {
		return err
	}
	if !files.IsTrustedSID(access.Owner) && !slices.Contains(t.extraOwners, access.Owner) {
		return fmt.Errorf("belongs to %s, not to Administrators", access.Owner)
	}
	for _, sid := range access.UntrustedWith(rights, t.extraOwners...) {
		return fmt.Errorf("can be changed by %s", sid)
	}
	return nil
}

// openImage opens the file of the process's program. Other processes may change it meanwhile.
func (p *Peer) openImage() (*os.File, error) { return openLocal(p.Exe, readAccess, anySharing) }

// versionOf identifies a file in one state of its content, unless its owner sets its times.
// That is no additional risk: the owner can also change a process of their own.
func versionOf(f *os.File) (version, error) {
	i, err := imageOf(f)
	if err != nil {
		return version{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return version{}, err
	}
	return version{i.volume, i.index, uint64(info.Size()), info.ModTime().UnixNano()}, nil //nolint:gosec // no size is negative
}
