package files

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"golang.org/x/sys/windows"

	"regent/platform/layout"
)

const allRights = ^windows.ACCESS_MASK(0)

// target is what is looked at, and what nobody else may do with it.
type target struct {
	path       string
	expected   AccessList
	rights     windows.ACCESS_MASK
	fixCommand string
	hidden     bool  // from administrators too
	listErr    error // what is in it cannot be listed
}

// checker is who looks at files, and how.
type checker struct {
	administrator bool // who may see all that is not hidden
	walk          func(root string, visit fs.WalkDirFunc) error
	lstat         func(path string) (fs.FileInfo, error)
	access        func(path string) (AccessList, error)
}

func fileExposures(data, state string) ([]Exposure, error) {
	return checker{IsAdministrator(), filepath.WalkDir, os.Lstat, ReadAccess}.files(data, state)
}

func (l checker) files(data, state string) ([]Exposure, error) {
	meant, err := ParseSDDL(layout.DataAccess)
	if err != nil {
		return nil, err
	}
	within, err := ParseSDDL(layout.StateAccess)
	if err != nil {
		return nil, err
	}
	all, err := dataTargets(data, within)
	if err != nil {
		return nil, err
	}
	all = slices.Insert(all, 0, target{path: data, expected: meant, rights: ChangeRights, fixCommand: layout.SetAccessCommand(data, layout.DataAccess)})
	kept, err := l.stateTargets(state, within)
	if err != nil {
		return nil, err
	}
	return l.check(append(all, kept...))
}

// dataTargets is what a directory of data has beside the state. Who reads the
// configuration learns nothing that regent does not tell; who writes it decides.
// Who reads a registration token has it.
func dataTargets(data string, meant AccessList) ([]target, error) {
	incoming := filepath.Join(data, layout.IncomingFolder)
	all := []target{{path: incoming, expected: meant, rights: allRights, fixCommand: layout.SetAccessCommand(incoming, layout.IncomingAccess), hidden: true}}
	for _, dir := range []string{incoming, data} {
		path := filepath.Join(dir, layout.RegistrationTokenFile)
		all = append(all, target{path: path, expected: meant, rights: allRights, fixCommand: layout.InheritAccessCommand(path), hidden: dir == incoming})
	}
	paths, err := filepath.Glob(filepath.Join(data, layout.ConfigFolder, "*"))
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Insert(paths, 0, filepath.Join(data, layout.ConfigFile), filepath.Join(data, layout.ConfigFolder)) {
		all = append(all, target{path: path, expected: meant, rights: ChangeRights, fixCommand: layout.InheritAccessCommand(path)})
	}
	return all, nil
}

// stateTargets is the state directory and all that is in it, which nobody else may
// even see. What cannot be listed hides nothing else.
func (l checker) stateTargets(state string, meant AccessList) (all []target, _ error) {
	err := l.walk(state, func(path string, _ fs.DirEntry, err error) error {
		if i := len(all) - 1; err != nil && i >= 0 && all[i].path == path {
			all[i].listErr = err // a directory comes again if it cannot be listed
			return nil
		}
		mend := layout.InheritAccessCommand(path)
		if path == state {
			mend = layout.SetAccessCommand(path, layout.StateAccess)
		}
		all = append(all, target{path: path, expected: meant, rights: allRights, fixCommand: mend, listErr: err})
		return nil
	})
	return all, err
}

// check keeps what it found whatever else it may not see: else who may change
// one thing could hide all of them.
func (l checker) check(all []target) (found []Exposure, denied error) {
	var links []string
	for _, t := range all {
		if slices.ContainsFunc(links, func(link string) bool { return strings.HasPrefix(t.path, link+`\`) }) {
			continue // it is at that other place
		}
		if isLink, mend := l.checkLink(t.path); isLink {
			links = append(links, t.path)
			found = append(found, Exposure{t.path, "it is a link to another place", adviseCommand(t.path, mend)})
			continue
		}
		wrong, err := l.problem(t)
		switch {
		case errors.Is(err, fs.ErrNotExist): // not yet, or not any more
			continue
		case errors.Is(err, fs.ErrPermission) && !l.administrator:
			denied = err // as it is meant
			continue
		case errors.Is(err, fs.ErrPermission) && t.hidden:
			continue
		case err != nil:
			wrong = "it cannot be looked at: " + err.Error()
		}
		if wrong != "" {
			found = append(found, Exposure{t.path, wrong, adviseCommand(t.path, t.fixCommand)})
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, denied
}

// checkLink reports whether a link or a junction is at path, and how to be rid of it. We
// make none: the list would be read, and mended, of what somebody else chose.
func (l checker) checkLink(path string) (isLink bool, mend string) {
	info, err := l.lstat(path)
	if err != nil || info.Mode()&(fs.ModeSymlink|fs.ModeIrregular) == 0 {
		return false, ""
	}
	own, ok := info.Sys().(*syscall.Win32FileAttributeData)
	return true, layout.RemoveLinkCommand(path, ok && own.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0)
}

// adviseCommand is the command, unless what stands on a screen or what cmd makes of it
// could be another path: whoever may write there chooses the name. Then it is one
// that shows what is above, with short names.
func adviseCommand(path, command string) string {
	if !isAmbiguousPath(path) {
		return command
	}
	for isAmbiguousPath(path) && path != filepath.Dir(path) {
		path = filepath.Dir(path)
	}
	return fmt.Sprintf(`dir /a /x "%s"`, path)
}

// isAmbiguousPath reports whether cmd would put variables into a path, even between
// quotation marks, or a line of text show it as another.
func isAmbiguousPath(path string) bool {
	return strings.ContainsFunc(path, func(r rune) bool { return r == '%' || !unicode.IsPrint(r) }) || strings.Contains(path, "  ")
}

// problem is "" if nothing is wrong with a thing.
func (l checker) problem(t target) (string, error) {
	access, err := l.access(t.path)
	if errors.Is(err, ErrNoAccessList) {
		return "it " + err.Error(), nil
	}
	if err != nil {
		return "", err
	}
	if who := t.problem(access); who != "" {
		return who, nil
	}
	return "", t.listErr
}

// problem says who may do what is not meant, "" if nobody.
func (t target) problem(access AccessList) string {
	if !IsTrustedSID(access.Owner) && !isWineUser(access.Owner) {
		return "it belongs to " + describeSID(access.Owner)
	}
	for _, g := range access.ExcessGrants(t.expected) {
		if g.Mask &= t.rights; g.Mask != 0 && !isWineUser(g.SID) {
			return describeGrant(g)
		}
	}
	return ""
}

func describeGrant(g Grant) string {
	may := "read"
	if g.Mask&ChangeRights != 0 {
		may = "change"
	}
	return fmt.Sprintf("%s may %s it (rights %#x)", describeSID(g.SID), may, uint32(g.Mask))
}

func pipeExposures(path string, c net.Conn) ([]Exposure, error) {
	const mend = "regentd service stop && regentd service start" // it makes the pipe anew
	pipe, ok := c.(interface{ Fd() uintptr })
	if !ok {
		return nil, fmt.Errorf("%T is not a named pipe", c)
	}
	meant, err := ParseSDDL("O:BA" + layout.PipeAccess)
	if err != nil {
		return nil, err
	}
	access, err := ReadHandleAccess(windows.Handle(pipe.Fd()), windows.SE_KERNEL_OBJECT)
	if errors.Is(err, ErrNoAccessList) {
		return []Exposure{{path, "it " + err.Error(), mend}}, nil
	}
	if err != nil {
		return nil, err
	}
	for _, g := range access.MissingDenials(meant) {
		return []Exposure{{path, describeSID(g.SID) + " is not kept out", mend}}, nil
	}
	for _, g := range access.ExcessGrants(meant) {
		return []Exposure{{path, fmt.Sprintf("%s may do more than ask (rights %#x)", describeSID(g.SID), uint32(g.Mask)), mend}}, nil
	}
	return nil, nil
}

// describeSID is a name with the SID, or the SID alone where it has none.
func describeSID(sid string) string {
	if s, err := windows.StringToSid(sid); err == nil {
		if name, domain, _, err := s.LookupAccount(""); err == nil {
			return filepath.Join(domain, name) + " (" + sid + ")"
		}
	}
	return sid
}

// isWineUser reports whether sid is this user under Wine, where all that anybody
// makes is the one user's, whatever list it was made with.
func isWineUser(sid string) bool {
	if !layout.UnderWine() {
		return false
	}
	self, err := OwnSID()
	return err == nil && self == sid
}
