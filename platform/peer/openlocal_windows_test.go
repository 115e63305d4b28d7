package peer

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

func TestOnFixedDrive(t *testing.T) {
	const away, form, drive = "not on a drive of this machine", "not the plain path", "not on a fixed drive"
	for path, want := range map[string]string{ // "" if it is on one
		`C:\cad.exe`:                          "",
		`c:\Program Files\cad\cad.exe`:        "",
		`C:\Programme\Brücke\cad.exe`:         "",
		`N:\cad.exe`:                          drive, // a share
		`D:\cad.exe`:                          drive, // a CD
		`E:\cad.exe`:                          drive, // a stick
		`X:\cad.exe`:                          drive, // no letter of this process's
		`\\server\share\cad.exe`:              away,
		`\\server@SSL@443\DavWWWRoot\cad.exe`: away,
		`\\?\UNC\server\share\cad.exe`:        away,
		`\\?\C:\cad.exe`:                      away,
		`\\.\C:\cad.exe`:                      away,
		`\\.\pipe\cad`:                        away,
		`\??\C:\cad.exe`:                      away,
		`\??\UNC\server\share\cad.exe`:        away,
		`\Device\Mup\server\share\cad.exe`:    away,
		`//server/share/cad.exe`:              away,
		`/cad.exe`:                            away,
		`C:cad.exe`:                           away,
		`C:/cad.exe`:                          away,
		`C:\`:                                 away,
		`1:\cad.exe`:                          away,
		`[:\cad.exe`:                          away,
		`cad.exe`:                             away,
		``:                                    away,
		`C:\cad.exe:stream`:                   form,
		`C:\..\cad.exe`:                       form,
		`C:\cad\.\cad.exe`:                    form,
		`C:\\server\share\cad.exe`:            form,
		`C:\cad/cad.exe`:                      form,
		`C:\cad\`:                             form,
	} {
		kind := func(root string) uint32 {
			switch root {
			case `C:\`, `c:\`:
				return windows.DRIVE_FIXED
			case `N:\`:
				return windows.DRIVE_REMOTE
			case `D:\`:
				return windows.DRIVE_CDROM
			case `E:\`:
				return windows.DRIVE_REMOVABLE
			case `X:\`:
				return windows.DRIVE_NO_ROOT_DIR
			}
			t.Errorf("%s: asked what drive %s is", path, root)
			return windows.DRIVE_FIXED
		}
		root, rest, err := splitFixedDrive(path, kind)
		if want == "" && (err != nil || root+rest != path) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %q, %q, %v, want an error with %q", path, root, rest, err, want)
		}
	}
}

// TestRemotePathsAreNotOpened: a pipe stands for a server of the caller's, which
// nobody visits, whichever condition is asked for. It takes one visitor in its life.
func TestRemotePathsAreNotOpened(t *testing.T) {
	const server = `\\.\pipe\regent-test-elsewhere`
	name, err := windows.UTF16PtrFromString(server)
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := windows.CreateNamedPipe(name, windows.PIPE_ACCESS_DUPLEX, windows.PIPE_TYPE_BYTE, 1, 0, 0, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(pipe)
	p, err := find(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	trustAll(t, p, p.Exe)
	own := p.Exe
	p.Exe = server
	_, signed := p.Signer(NewImages(nil))
	_, summed := p.SHA256(NewImages(nil))
	_, why := p.IsExecutable(own)
	for asked, err := range map[string]error{"signer": signed, "sha256": summed, "executable": errors.New(why)} {
		if err == nil || !strings.Contains(err.Error(), "not on a drive of this machine") {
			t.Errorf("%s: got %v, want that its place is refused", asked, err)
		}
	}
	first, err := os.Open(server)
	if err != nil {
		t.Fatalf("the server was visited: %v", err)
	}
	first.Close()
}

// TestBelow: what Wine does not heed is asked all the same. A folder of the caller's
// may have become a junction since its program began, and its file be locked.
func TestBelow(t *testing.T) {
	name, err := windows.NewNTUnicodeString(`cad\cad.exe`)
	if err != nil {
		t.Fatal(err)
	}
	got := below(7, name)
	if got.RootDirectory != 7 || got.ObjectName != name || got.Attributes != windows.OBJ_CASE_INSENSITIVE|windows.OBJ_DONT_REPARSE || got.Length != 48 {
		t.Errorf("got %+v, want no link on the way", got)
	}
	if openOptions&windows.FILE_COMPLETE_IF_OPLOCKED == 0 {
		t.Error("an oplock is waited for")
	}
}

func TestTranslateError(t *testing.T) {
	for _, tt := range []struct{ err, want error }{
		{windows.STATUS_REPARSE_POINT_ENCOUNTERED, errLink},
		{windows.STATUS_OBJECT_NAME_NOT_FOUND, os.ErrNotExist},
		{windows.STATUS_ACCESS_DENIED, os.ErrPermission},
		{windows.STATUS_SHARING_VIOLATION, windows.ERROR_SHARING_VIOLATION},
		{errOplocked, errOplocked},
	} {
		if got := translateError(tt.err); !errors.Is(got, tt.want) {
			t.Errorf("%v: got %v, want %v", tt.err, got, tt.want)
		}
	}
}
