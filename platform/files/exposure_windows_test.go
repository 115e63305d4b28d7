package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"

	"regent/platform/layout"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// makeInstallation makes the folders of an installation with what is in them.
func makeInstallation(t *testing.T) (data, state string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), layout.DataFolder)
	state = filepath.Join(data, layout.StateFolder)
	must(t, os.MkdirAll(filepath.Join(state, "records"), 0o700))
	must(t, os.Mkdir(filepath.Join(data, layout.ConfigFolder), 0o700))
	must(t, os.Mkdir(filepath.Join(data, layout.IncomingFolder), 0o700))
	for _, path := range []string{"registration-token", `incoming\registration-token`, "config.yaml", `config.d\cad.yaml`, `state\lock`, `state\records\one`} {
		must(t, os.WriteFile(filepath.Join(data, path), nil, 0o600))
	}
	return data, state
}

// grantEveryone gives everybody rights on a path.
func grantEveryone(t *testing.T, path, rights string) {
	t.Helper()
	sd, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;" + rights + ";;;WD)")
	must(t, err)
	list, _, err := sd.DACL()
	must(t, err)
	must(t, windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, list, nil))
}

// TestFileExposures widens one real thing after the other: it is named, and nothing else.
func TestFileExposures(t *testing.T) {
	for _, tt := range []struct{ path, rights, who, mend string }{
		{"", "FA", "may change it", "/grant:r"},
		{"", "FR", "", ""}, // users may see what is there
		{"config.yaml", "FA", "may change it", "/reset"},
		{"config.yaml", "FR", "", ""}, // there is no secret in it
		{"config.d", "FA", "may change it", "/reset"},
		{`config.d\cad.yaml`, "FA", "may change it", "/reset"},
		{"registration-token", "FR", "may read it", "/reset"},
		{"incoming", "FR", "may read it", "/grant:r"},
		{"incoming", "FA", "may change it", "/grant:r"},
		{`incoming\registration-token`, "FR", "may read it", "/reset"},
		{"state", "FR", "may read it", "/grant:r"},
		{"state", "FA", "may change it", "/grant:r"},
		{`state\records`, "FR", "may read it", "/reset"},
		{`state\records\one`, "FR", "may read it", "/reset"},
		{`state\lock`, "FA", "may change it", "/reset"},
	} {
		data, state := makeInstallation(t)
		if got, err := FileExposures(data, state); err != nil || len(got) > 0 {
			t.Fatalf("before: got %+v, %v", got, err)
		}
		path := filepath.Join(data, tt.path)
		grantEveryone(t, path, tt.rights)
		got, err := FileExposures(data, state)
		must(t, err)
		if tt.who == "" {
			if len(got) > 0 {
				t.Errorf("%s with %s: got %+v, want nothing", path, tt.rights, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Path != path || !strings.Contains(got[0].Problem, "S-1-1-0") || !strings.Contains(got[0].Problem, tt.who) || !strings.Contains(got[0].FixCommand, tt.mend) {
			t.Errorf("%s with %s: got %+v, want that everybody %s, and %s", path, tt.rights, got, tt.who, tt.mend)
		}
	}
}

func TestFileExposuresOfMissingFiles(t *testing.T) {
	data := filepath.Join(t.TempDir(), "none")
	if got, err := FileExposures(data, filepath.Join(data, "state")); err != nil || len(got) > 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// restrictedChecker is somebody to whom the system refuses the list of one path, and what is in
// another.
func restrictedChecker(administrator bool, list, content string) checker {
	refused := &fs.PathError{Op: "open", Err: windows.ERROR_ACCESS_DENIED}
	return checker{
		administrator: administrator,
		walk: func(root string, visit fs.WalkDirFunc) error {
			return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
				if err := visit(path, d, err); err != nil || path != content {
					return err
				}
				if err := visit(path, d, refused); err != nil {
					return err
				}
				return fs.SkipDir
			})
		},
		lstat: os.Lstat,
		access: func(path string) (AccessList, error) {
			if path == list {
				return AccessList{}, refused
			}
			return ReadAccess(path)
		},
	}
}

// pathBelow is "" for none.
func pathBelow(dir, name string) string {
	if name == "" {
		return ""
	}
	return filepath.Join(dir, name)
}

// TestFileExposuresOfUnreadableFiles: what is widened is named whatever else cannot be
// seen, which is a fault by itself where an administrator looks.
func TestFileExposuresOfUnreadableFiles(t *testing.T) {
	for _, tt := range []struct {
		name, list, content, widened string
		administrator                bool
		want                         []string
		denied                       bool
	}{
		{name: "a file's list", list: `state\lock`, administrator: true, want: []string{`state\lock`}},
		{name: "a directory's content", content: `state\records`, administrator: true, want: []string{`state\records`}},
		{name: "both of a directory", list: `state\records`, content: `state\records`, administrator: true, want: []string{`state\records`}},
		{name: "the state", list: "state", content: "state", administrator: true, want: []string{"state"}},
		{name: "the configuration", list: "config.yaml", administrator: true, want: []string{"config.yaml"}},
		{name: "one, and another is widened", content: `state\records`, widened: `state\lock`, administrator: true, want: []string{`state\lock`, `state\records`}},
		{name: "a widened one's content", content: "state", widened: "state", administrator: true, want: []string{"state"}},
		{name: "what is the system's alone", list: "incoming", administrator: true},
		{name: "what is in it", list: `incoming\registration-token`, administrator: true},
		{name: "what is the system's alone, by a user", list: "incoming", denied: true},
		{name: "the state, by a user", list: "state", content: "state", denied: true},
		{name: "the configuration, by a user", list: "config.yaml", denied: true},
		{name: "the configuration, and another is widened, by a user", list: "config.yaml", widened: "state", want: []string{"state"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, state := makeInstallation(t)
			if tt.widened != "" {
				grantEveryone(t, filepath.Join(data, tt.widened), "FA")
			}
			found, err := restrictedChecker(tt.administrator, pathBelow(data, tt.list), pathBelow(data, tt.content)).files(data, state)
			var got []string
			for _, e := range found {
				path, err := filepath.Rel(data, e.Path)
				must(t, err)
				got = append(got, path)
			}
			if !slices.Equal(got, tt.want) || errors.Is(err, fs.ErrPermission) != tt.denied || !tt.denied && err != nil {
				t.Errorf("got %+v, %v, want %q and denied is %t", found, err, tt.want, tt.denied)
			}
		})
	}
}

// reparseInfo is how Windows shows a link or a junction, which Wine has not.
type reparseInfo struct {
	fs.FileInfo
	mode       fs.FileMode
	attributes uint32
}

func (r reparseInfo) Mode() fs.FileMode { return r.mode }
func (r reparseInfo) Sys() any          { return &syscall.Win32FileAttributeData{FileAttributes: r.attributes} }

// TestFileExposuresOfLinks: a link is named by itself, and neither its target's list is read nor
// a command advised that could change it.
func TestFileExposuresOfLinks(t *testing.T) {
	for _, tt := range []struct {
		name, path, mend string
		mode             fs.FileMode
		attributes       uint32
	}{
		{"a junction in the state", `state\records`, "rmdir ", fs.ModeIrregular, windows.FILE_ATTRIBUTE_DIRECTORY},
		{"a link to a directory", `state\records`, "rmdir ", fs.ModeSymlink, windows.FILE_ATTRIBUTE_DIRECTORY},
		{"a link to a file", `state\lock`, "del ", fs.ModeSymlink, 0},
		{"the state itself", "state", "rmdir ", fs.ModeIrregular, windows.FILE_ATTRIBUTE_DIRECTORY},
		{"the data", "", "rmdir ", fs.ModeIrregular, windows.FILE_ATTRIBUTE_DIRECTORY},
		{"the folder of the configuration", "config.d", "rmdir ", fs.ModeIrregular, windows.FILE_ATTRIBUTE_DIRECTORY},
		{"a file of the configuration", `config.d\cad.yaml`, "del ", fs.ModeSymlink, 0},
	} {
		data, state := makeInstallation(t)
		path := filepath.Join(data, tt.path)
		l := restrictedChecker(true, "", "")
		l.lstat = func(at string) (fs.FileInfo, error) {
			info, err := os.Lstat(at)
			if at == path {
				info = reparseInfo{info, tt.mode, tt.attributes}
			}
			return info, err
		}
		access := l.access
		l.access = func(at string) (AccessList, error) {
			if at == path || strings.HasPrefix(at, path+`\`) {
				t.Errorf("%s: the list of %s is read, which is at another place", tt.name, at)
			}
			return access(at)
		}
		got, err := l.files(data, state)
		must(t, err)
		if want := []Exposure{{path, "it is a link to another place", tt.mend + `"` + path + `"`}}; !slices.Equal(got, want) {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, want)
		}
	}
}

// TestAdviseCommand: who chooses the name of a file does not choose the command.
func TestAdviseCommand(t *testing.T) {
	const state, command = `C:\ProgramData\Regent\state`, "the command"
	for name, want := range map[string]string{
		"lock":              command,
		"a b & c":           command, // between quotation marks
		"%COMSPEC%":         `dir /a /x "` + state + `"`,
		`records\100%`:      `dir /a /x "` + state + `\records"`,
		`a%b\one`:           `dir /a /x "` + state + `"`,
		"two  spaces":       `dir /a /x "` + state + `"`,
		"turned\u202eround": `dir /a /x "` + state + `"`,
	} {
		if got := adviseCommand(filepath.Join(state, name), command); got != want {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
	}
}

// TestTargetProblem is about lists that no system here enforces, as text.
func TestTargetProblem(t *testing.T) {
	const alice = "S-1-5-21-1-2-3-1001"
	for _, tt := range []struct{ name, sddl, meant, want string }{
		{"as it is made", layout.StateAccess, layout.StateAccess, ""},
		{"a stranger's", "O:" + alice + "D:P(A;;FA;;;SY)", layout.StateAccess, "it belongs to " + alice},
		{"a stranger may read", "O:BAD:P(A;;FR;;;" + alice + ")", layout.StateAccess, alice + " may read it"},
		{"a stranger may give it away", "O:BAD:P(A;;WD;;;" + alice + ")", layout.StateAccess, alice + " may change it"},
		{"data as it is made", layout.DataAccess, layout.DataAccess, ""},
	} {
		is, err := ParseSDDL(tt.sddl)
		must(t, err)
		meant, err := ParseSDDL(tt.meant)
		must(t, err)
		if got := (target{expected: meant, rights: allRights}).problem(is); got != tt.want && (tt.want == "" || !strings.HasPrefix(got, tt.want)) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestPipeExposures makes the pipe itself, and others with wider lists in its place.
func TestPipeExposures(t *testing.T) {
	const name = `\\.\pipe\regent-test-exposure`
	for _, tt := range []struct{ what, sddl, want string }{
		{"as it is made", layout.PipeAccess, ""},
		{"as Windows keeps it", "D:P(D;;FA;;;NU)(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x12019b;;;AU)", ""},
		{"from the network", "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x12019b;;;AU)", "S-1-5-2"},
		{"everybody", "D:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GA;;;WD)", "S-1-1-0"},
		{"users may answer", "D:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;0x12019f;;;AU)", "S-1-5-11) has more rights than a client needs (rights 0x4)"},
	} {
		l, err := winio.ListenPipe(name, &winio.PipeConfig{SecurityDescriptor: "O:BA" + tt.sddl})
		must(t, err)
		go l.Accept()
		c, err := winio.DialPipeAccessImpLevel(t.Context(), name, layout.PipeReadWrite, winio.PipeImpLevelIdentification)
		must(t, err)
		got, err := PipeExposures(name, c)
		must(t, err)
		switch {
		case tt.want == "" && len(got) > 0:
			t.Errorf("%s: got %+v, want nothing", tt.what, got)
		case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0].Problem, tt.want) || got[0].Path != name):
			t.Errorf("%s: got %+v, want %q", tt.what, got, tt.want)
		}
		c.Close()
		l.Close()
	}
}
