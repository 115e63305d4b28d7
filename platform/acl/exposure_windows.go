package acl

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

const everything = ^windows.ACCESS_MASK(0)

// thing is what is looked at, and what nobody else may do with it.
type thing struct {
	path   string
	meant  List
	rights windows.ACCESS_MASK
	mend   string
	hidden bool  // from administrators too
	unread error // what is in it cannot be listed
}

// looker is who looks at files, and how.
type looker struct {
	administrator bool // who may see all that is not hidden
	walk          func(root string, visit fs.WalkDirFunc) error
	lstat         func(path string) (fs.FileInfo, error)
	access        func(path string) (List, error)
}

func ofFiles(data, state string) ([]Exposed, error) {
	return looker{administrator(), filepath.WalkDir, os.Lstat, OfFile}.files(data, state)
}

// administrator reports whether this process may see what Administrators may.
func administrator() bool {
	sid, err := windows.StringToSid(layout.AdministratorsSID)
	if err != nil {
		return false
	}
	is, err := windows.Token(0).IsMember(sid)
	return err == nil && is
}

func (l looker) files(data, state string) ([]Exposed, error) {
	meant, err := Meant(layout.DataAccess)
	if err != nil {
		return nil, err
	}
	within, err := Meant(layout.StateAccess)
	if err != nil {
		return nil, err
	}
	all, err := inData(data, within)
	if err != nil {
		return nil, err
	}
	all = slices.Insert(all, 0, thing{path: data, meant: meant, rights: Change, mend: layout.SetAccess(data, layout.DataAccess)})
	kept, err := l.inState(state, within)
	if err != nil {
		return nil, err
	}
	return l.lookAt(append(all, kept...))
}

// inData is what a directory of data has beside the state. Who reads the
// configuration learns nothing that regent does not tell; who writes it decides.
// Who reads a registration token has it.
func inData(data string, meant List) ([]thing, error) {
	incoming := filepath.Join(data, layout.IncomingFolder)
	all := []thing{{path: incoming, meant: meant, rights: everything, mend: layout.SetAccess(incoming, layout.IncomingAccess), hidden: true}}
	for _, dir := range []string{incoming, data} {
		path := filepath.Join(dir, layout.RegistrationTokenFile)
		all = append(all, thing{path: path, meant: meant, rights: everything, mend: layout.InheritAccess(path), hidden: dir == incoming})
	}
	paths, err := filepath.Glob(filepath.Join(data, layout.ConfigFolder, "*"))
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Insert(paths, 0, filepath.Join(data, layout.ConfigFile), filepath.Join(data, layout.ConfigFolder)) {
		all = append(all, thing{path: path, meant: meant, rights: Change, mend: layout.InheritAccess(path)})
	}
	return all, nil
}

// inState is the state directory and all that is in it, which nobody else may
// even see. What cannot be listed hides nothing else.
func (l looker) inState(state string, meant List) (all []thing, _ error) {
	err := l.walk(state, func(path string, _ fs.DirEntry, err error) error {
		if i := len(all) - 1; err != nil && i >= 0 && all[i].path == path {
			all[i].unread = err // a directory comes again if it cannot be listed
			return nil
		}
		mend := layout.InheritAccess(path)
		if path == state {
			mend = layout.SetAccess(path, layout.StateAccess)
		}
		all = append(all, thing{path: path, meant: meant, rights: everything, mend: mend, unread: err})
		return nil
	})
	return all, err
}

// lookAt keeps what it found whatever else it may not see: else who may change
// one thing could hide all of them.
func (l looker) lookAt(all []thing) (found []Exposed, denied error) {
	var links []string
	for _, t := range all {
		if slices.ContainsFunc(links, func(link string) bool { return strings.HasPrefix(t.path, link+`\`) }) {
			continue // it is at that other place
		}
		if isLink, mend := l.link(t.path); isLink {
			links = append(links, t.path)
			found = append(found, Exposed{t.path, "it is a link to another place", advised(t.path, mend)})
			continue
		}
		wrong, err := l.wrongWith(t)
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
			found = append(found, Exposed{t.path, wrong, advised(t.path, t.mend)})
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, denied
}

// link reports whether a link or a junction is at path, and how to be rid of it. We
// make none: the list would be read, and mended, of what somebody else chose.
func (l looker) link(path string) (isLink bool, mend string) {
	info, err := l.lstat(path)
	if err != nil || info.Mode()&(fs.ModeSymlink|fs.ModeIrregular) == 0 {
		return false, ""
	}
	own, ok := info.Sys().(*syscall.Win32FileAttributeData)
	return true, layout.RemoveLink(path, ok && own.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0)
}

// advised is the command, unless what stands on a screen or what cmd makes of it
// could be another path: whoever may write there chooses the name. Then it is one
// that shows what is above, with short names.
func advised(path, command string) string {
	if !misread(path) {
		return command
	}
	for misread(path) && path != filepath.Dir(path) {
		path = filepath.Dir(path)
	}
	return fmt.Sprintf(`dir /a /x "%s"`, path)
}

// misread reports whether cmd would put variables into a path, even between
// quotation marks, or a line of text show it as another.
func misread(path string) bool {
	return strings.ContainsFunc(path, func(r rune) bool { return r == '%' || !unicode.IsPrint(r) }) || strings.Contains(path, "  ")
}

// wrongWith is "" if nothing is wrong with a thing.
func (l looker) wrongWith(t thing) (string, error) {
	access, err := l.access(t.path)
	if errors.Is(err, ErrOpen) {
		return "it " + err.Error(), nil
	}
	if err != nil {
		return "", err
	}
	if who := t.exposedTo(access); who != "" {
		return who, nil
	}
	return "", t.unread
}

// exposedTo says who may do what is not meant, "" if nobody.
func (t thing) exposedTo(access List) string {
	if !Trusted(access.Owner) && !emulated(access.Owner) {
		return "it belongs to " + inWords(access.Owner)
	}
	for _, g := range access.Beyond(t.meant) {
		if g.Mask &= t.rights; g.Mask != 0 && !emulated(g.SID) {
			return who(g)
		}
	}
	return ""
}

func who(g Grant) string {
	may := "read"
	if g.Mask&Change != 0 {
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
	meant, err := Meant("O:BA" + layout.PipeAccess)
	if err != nil {
		return nil, err
	}
	access, err := OfHandle(windows.Handle(pipe.Fd()))
	if errors.Is(err, ErrOpen) {
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
	if !layout.UnderWine() {
		return false
	}
	u, err := windows.GetCurrentProcessToken().GetTokenUser()
	return err == nil && u.User.Sid.String() == sid
}
