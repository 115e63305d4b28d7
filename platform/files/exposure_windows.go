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

// target is an object to check, and the rights that other users must not have.
type target struct {
	path       string
	expected   AccessList
	rights     windows.ACCESS_MASK
	fixCommand string
	hidden     bool  // administrators have no access either
	listErr    error // the content cannot be listed
}

// checker reads files and their access.
type checker struct {
	administrator bool // has access to all targets that are not hidden
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

// dataTargets returns the targets in a data directory, without the state. Users may read the
// configuration, since regent shows it too, but must not write it. They must not read a
// registration token.
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

// stateTargets returns the state directory and its content, which no other user may see. It
// continues after a directory that cannot be listed.
func (l checker) stateTargets(state string, meant AccessList) (all []target, _ error) {
	err := l.walk(state, func(path string, _ fs.DirEntry, err error) error {
		if i := len(all) - 1; err != nil && i >= 0 && all[i].path == path {
			all[i].listErr = err // WalkDir repeats a directory that it cannot list
			return nil
		}
		fix := layout.InheritAccessCommand(path)
		if path == state {
			fix = layout.SetAccessCommand(path, layout.StateAccess)
		}
		all = append(all, target{path: path, expected: meant, rights: allRights, fixCommand: fix, listErr: err})
		return nil
	})
	return all, err
}

// check returns its findings even if it may not read some targets. Otherwise a user who can
// change one object could hide all findings.
func (l checker) check(all []target) (found []Exposure, denied error) {
	var links []string
	for _, t := range all {
		if slices.ContainsFunc(links, func(link string) bool { return strings.HasPrefix(t.path, link+`\`) }) {
			continue // below a link
		}
		if isLink, fix := l.checkLink(t.path); isLink {
			links = append(links, t.path)
			found = append(found, Exposure{t.path, "it is a link to another place", adviseCommand(t.path, fix)})
			continue
		}
		wrong, err := l.problem(t)
		switch {
		case errors.Is(err, fs.ErrNotExist): // not created yet, or deleted
			continue
		case errors.Is(err, fs.ErrPermission) && !l.administrator:
			denied = err // as intended
			continue
		case errors.Is(err, fs.ErrPermission) && t.hidden:
			continue
		case err != nil:
			wrong = "its access cannot be read: " + err.Error()
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

// checkLink reports whether path is a link or a junction, and returns the command to remove
// it. The product creates no links. With one, another user would choose the checked and
// repaired files.
func (l checker) checkLink(path string) (isLink bool, fix string) {
	info, err := l.lstat(path)
	if err != nil || info.Mode()&(fs.ModeSymlink|fs.ModeIrregular) == 0 {
		return false, ""
	}
	own, ok := info.Sys().(*syscall.Win32FileAttributeData)
	return true, layout.RemoveLinkCommand(path, ok && own.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0)
}

// adviseCommand returns the command, unless its path is ambiguous on a screen or in cmd: a
// user who may write there chooses the name. Then it returns a command that shows the
// directory above, with short names.
func adviseCommand(path, command string) string {
	if !isAmbiguousPath(path) {
		return command
	}
	for isAmbiguousPath(path) && path != filepath.Dir(path) {
		path = filepath.Dir(path)
	}
	return fmt.Sprintf(`dir /a /x "%s"`, path)
}

// isAmbiguousPath reports whether cmd would expand variables in a path, even in quotation
// marks, or whether a line of text would show it as another path.
func isAmbiguousPath(path string) bool {
	return strings.ContainsFunc(path, func(r rune) bool { return r == '%' || !unicode.IsPrint(r) }) || strings.Contains(path, "  ")
}

// problem returns the problem of a target, "" if there is none.
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

// problem describes the first excess right, "" if there is none.
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
	const fix = "regentd service stop && regentd service start" // it creates the pipe again
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
		return []Exposure{{path, "it " + err.Error(), fix}}, nil
	}
	if err != nil {
		return nil, err
	}
	for _, g := range access.MissingDenials(meant) {
		return []Exposure{{path, describeSID(g.SID) + " is not denied", fix}}, nil
	}
	for _, g := range access.ExcessGrants(meant) {
		return []Exposure{{path, fmt.Sprintf("%s has more rights than a client needs (rights %#x)", describeSID(g.SID), uint32(g.Mask)), fix}}, nil
	}
	return nil, nil
}

// describeSID returns the account's name with the SID, or the SID alone if it has no name.
func describeSID(sid string) string {
	if s, err := windows.StringToSid(sid); err == nil {
		if name, domain, _, err := s.LookupAccount(""); err == nil {
			return filepath.Join(domain, name) + " (" + sid + ")"
		}
	}
	return sid
}

// isWineUser reports whether sid is the user of this process under Wine. Under Wine this
// user owns every object, whatever its access list was.
func isWineUser(sid string) bool {
	if !layout.UnderWine() {
		return false
	}
	self, err := OwnSID()
	return err == nil && self == sid
}
