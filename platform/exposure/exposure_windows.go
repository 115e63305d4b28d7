package exposure

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"

	"golang.org/x/sys/windows"

	"regent/platform/acl"
	"regent/platform/windowsnames"
	"regent/platform/wine"
)

const everything = ^windows.ACCESS_MASK(0)

// thing is what is looked at, and what nobody else may do with it.
type thing struct {
	path   string
	meant  acl.List
	rights windows.ACCESS_MASK
	mend   string
}

func ofFiles(data, state string) ([]Exposed, error) {
	meant, err := acl.Meant(windowsnames.DataAccess)
	if err != nil {
		return nil, err
	}
	within, err := acl.Meant(windowsnames.StateAccess)
	if err != nil {
		return nil, err
	}
	// Who reads the configuration learns nothing that regent does not tell; who
	// writes it decides.
	all := []thing{{data, meant, acl.Change, windowsnames.SetAccess(data, windowsnames.DataAccess)}}
	for _, name := range []string{windowsnames.ConfigFile, windowsnames.ConfigFolder} {
		path := filepath.Join(data, name)
		all = append(all, thing{path, within, acl.Change, windowsnames.InheritAccess(path)})
	}
	dropIns, err := filepath.Glob(filepath.Join(data, windowsnames.ConfigFolder, "*"))
	if err != nil {
		return nil, err
	}
	for _, path := range dropIns {
		all = append(all, thing{path, within, acl.Change, windowsnames.InheritAccess(path)})
	}
	kept, err := inState(state, within)
	if err != nil {
		return nil, err
	}
	return lookAt(append(all, kept...))
}

// inState is the state directory and all that is in it, which nobody else may
// even see.
func inState(state string, meant acl.List) (all []thing, _ error) {
	err := filepath.WalkDir(state, func(path string, _ fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // not yet, or not any more
		case err != nil:
			return err
		}
		mend := windowsnames.InheritAccess(path)
		if path == state {
			mend = windowsnames.SetAccess(path, windowsnames.StateAccess)
		}
		all = append(all, thing{path, meant, everything, mend})
		return nil
	})
	return all, err
}

func lookAt(all []thing) (found []Exposed, _ error) {
	for _, t := range all {
		access, err := acl.OfFile(t.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case errors.Is(err, acl.ErrOpen):
			found = append(found, Exposed{t.path, "it " + err.Error(), t.mend})
			continue
		case err != nil:
			return nil, err
		}
		if who := t.exposedTo(access); who != "" {
			found = append(found, Exposed{t.path, who, t.mend})
		}
	}
	return found, nil
}

// exposedTo says who may do what is not meant, "" if nobody.
func (t thing) exposedTo(access acl.List) string {
	if !acl.Trusted(access.Owner) && !emulated(access.Owner) {
		return "it belongs to " + inWords(access.Owner)
	}
	for _, g := range access.Beyond(t.meant) {
		if g.Mask &= t.rights; g.Mask != 0 && !emulated(g.SID) {
			return who(g)
		}
	}
	return ""
}

func who(g acl.Grant) string {
	may := "read"
	if g.Mask&acl.Change != 0 {
		may = "change"
	}
	return fmt.Sprintf("%s may %s it (rights %#x)", inWords(g.SID), may, uint32(g.Mask))
}

func ofPipe(path string, c net.Conn) ([]Exposed, error) {
	const mend = "regentd service stop && regentd service start" // it makes the pipe anew
	pipe, ok := c.(interface{ Fd() uintptr })
	if !ok {
		return nil, fmt.Errorf("%T is not a named pipe", c)
	}
	meant, err := acl.Meant("O:BA" + windowsnames.PipeAccess)
	if err != nil {
		return nil, err
	}
	access, err := acl.OfHandle(windows.Handle(pipe.Fd()))
	if errors.Is(err, acl.ErrOpen) {
		return []Exposed{{path, "it " + err.Error(), mend}}, nil
	}
	if err != nil {
		return nil, err
	}
	for _, g := range access.Undenied(meant) {
		return []Exposed{{path, inWords(g.SID) + " is not kept out", mend}}, nil
	}
	for _, g := range access.Beyond(meant) {
		return []Exposed{{path, fmt.Sprintf("%s may do more than ask (rights %#x)", inWords(g.SID), uint32(g.Mask)), mend}}, nil
	}
	return nil, nil
}

// inWords is a name with the SID, or the SID alone where it has none.
func inWords(sid string) string {
	if s, err := windows.StringToSid(sid); err == nil {
		if name, domain, _, err := s.LookupAccount(""); err == nil {
			return filepath.Join(domain, name) + " (" + sid + ")"
		}
	}
	return sid
}

// emulated reports whether sid is this user under Wine, where all that anybody
// makes is the one user's, whatever list it was made with.
func emulated(sid string) bool {
	if !wine.Is() {
		return false
	}
	u, err := windows.GetCurrentProcessToken().GetTokenUser()
	return err == nil && u.User.Sid.String() == sid
}
