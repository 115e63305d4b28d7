package peer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func mustSucceed(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestIsExecutable(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(root string) error // the process runs /opt/cad/bin/cad of root
		path    string
		why     string // "" if it matches
	}{
		{"the file", nil, "/opt/cad/bin/cad", ""},
		{"by a relative link", func(root string) error { return os.Symlink("cad", root+"/opt/current") }, "/opt/current/bin/cad", ""},
		{"by a link up and down", func(root string) error { return os.Symlink("../opt/./cad//bin", root+"/opt/b") }, "/opt/b/cad", ""},
		{"by an absolute link", func(root string) error { return os.Symlink("/opt/cad/bin/cad", root+"/cad") }, "/cad", ""},
		{"by another name of the inode", func(root string) error { return os.Link(root+"/opt/cad/bin/cad", root+"/hard") }, "/hard", ""},
		{"another file with the same content", func(root string) error { return os.CopyFS(root+"/copy", os.DirFS(root+"/opt/cad/bin")) }, "/copy/cad", "runs another file"},
		{"replaced by an upgrade", func(root string) error {
			return errors.Join(os.CopyFS(root+"/copy", os.DirFS(root+"/opt/cad/bin")), os.Rename(root+"/copy/cad", root+"/opt/cad/bin/cad"))
		}, "/opt/cad/bin/cad", "runs another file"},
		{"file writable by its group", func(root string) error { return os.Chmod(root+"/opt/cad/bin/cad", 0o775) }, "/opt/cad/bin/cad", "/opt/cad/bin/cad may be written"},
		{"file writable by others", func(root string) error { return os.Chmod(root+"/opt/cad/bin/cad", 0o757) }, "/opt/cad/bin/cad", "/opt/cad/bin/cad may be written"},
		{"directory writable by its group", func(root string) error { return os.Chmod(root+"/opt/cad", 0o775) }, "/opt/cad/bin/cad", "/opt/cad may be written"},
		{"sticky directory", func(root string) error { return os.Chmod(root+"/opt", 0o777|os.ModeSticky) }, "/opt/cad/bin/cad", "/opt may be written"},
		{"the root too", func(root string) error { return os.Chmod(root, 0o777) }, "/opt/cad/bin/cad", "/ may be written"},
		{"link into a directory of others", func(root string) error {
			return errors.Join(os.Mkdir(root+"/open", 0o755), os.Chmod(root+"/open", 0o777), os.Symlink("../opt/cad/bin/cad", root+"/open/cad"), os.Symlink("open/cad", root+"/cad"))
		}, "/cad", "/open may be written"},
		{"link to itself", func(root string) error { return os.Symlink("loop", root+"/loop") }, "/loop", "too many links"},
		{"missing", nil, "/opt/cad/bin/cam", "no such file"},
		{"file as a directory", nil, "/opt/cad/bin/cad/cad", "not a directory"},
		{"a directory", nil, "/opt/cad/bin", "not a regular file"},
		{"relative", nil, "opt/cad/bin/cad", "not a clean absolute path"},
		{"with ..", nil, "/opt/cad/../cad/bin/cad", "not a clean absolute path"},
		{"empty", nil, "", "not a clean absolute path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := openDir(t)
			p := peerOf(t, start(t, copySelf(t, filepath.Join(root, "opt/cad/bin/cad")), nil))
			p.process.trust = trust{root: root, TrustedWriters: TrustedWriters{UIDs: []uint32{uint32(os.Getuid())}}}
			if tt.prepare != nil {
				mustSucceed(t, tt.prepare(root))
			}
			is, why := p.IsExecutable(tt.path)
			if is != (tt.why == "") || !strings.Contains(why, tt.why) {
				t.Errorf("IsExecutable(%q) = %v, %q; want why to contain %q", tt.path, is, why, tt.why)
			}
		})
	}
}

func TestIsExecutableOfAnotherOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("giving a file away takes root")
	}
	for _, path := range []string{"opt/cad/bin/cad", "opt/cad", "link"} {
		root := openDir(t)
		p := peerOf(t, start(t, copySelf(t, filepath.Join(root, "opt/cad/bin/cad")), nil))
		p.process.trust = trust{root: root, TrustedWriters: TrustedWriters{UIDs: []uint32{0}}}
		mustSucceed(t, os.Symlink("opt", root+"/link"), os.Lchown(filepath.Join(root, path), 1, 0))
		if is, why := p.IsExecutable("/link/cad/bin/cad"); is || !strings.Contains(why, "belongs to uid 1,") {
			t.Errorf("with %s of another user: %v, %q", path, is, why)
		}
	}
}

// A process that Of identifies is held to the real tree and to root.
func TestIsExecutableTrustsRootAlone(t *testing.T) {
	exe := copySelf(t, filepath.Join(t.TempDir(), "cad"))
	p := peerOf(t, start(t, exe, nil))
	if is, why := p.IsExecutable(exe); is || !strings.Contains(why, "may be written") && !strings.Contains(why, "belongs to") {
		t.Errorf("IsExecutable(%q) = %v, %q; a temporary directory is anybody's", exe, is, why)
	}
}

func TestScriptIsNotItsInterpreter(t *testing.T) {
	root := openDir(t)
	interpreter := copySelf(t, filepath.Join(root, "sh"))
	script := filepath.Join(root, "script")
	mustSucceed(t, os.WriteFile(script, []byte("#!"+interpreter+"\n"), 0o755))
	p := peerOf(t, start(t, script, nil))
	p.process.trust = trust{root: root, TrustedWriters: TrustedWriters{UIDs: []uint32{uint32(os.Getuid())}}}
	if is, why := p.IsExecutable("/script"); is {
		t.Error("the path of a script matched")
	} else if !strings.Contains(why, "runs another file") {
		t.Errorf("why = %q", why)
	}
}

func TestExecutableAfterExec(t *testing.T) {
	root := openDir(t)
	allowed, evil := copySelf(t, filepath.Join(root, "cad")), copySelf(t, filepath.Join(root, "evil"))
	o := start(t, evil, nil)
	p := peerOf(t, o)
	p.process.trust = trust{root: root, TrustedWriters: TrustedWriters{UIDs: []uint32{uint32(os.Getuid())}}}
	o.become(t, allowed)
	if is, why := p.IsExecutable("/cad"); is || !strings.Contains(why, ErrChanged.Error()) {
		t.Errorf("a process that became the allowed program after it connected: %v, %q", is, why)
	}
}

func TestSHA256(t *testing.T) {
	b, err := os.ReadFile(self(t))
	mustSucceed(t, err)
	sum := sha256.Sum256(b)
	want := hex.EncodeToString(sum[:])
	o := start(t, self(t), nil)
	p := peerOf(t, o)
	d := NewImages(time.Now)
	for range 2 {
		if got, err := p.SHA256(d); got != want || err != nil {
			t.Errorf("SHA256 = %q, %v; want %q", got, err, want)
		}
	}
	o.become(t, copySelf(t, filepath.Join(t.TempDir(), "other")))
	if got, err := p.SHA256(d); !errors.Is(err, ErrChanged) {
		t.Errorf("SHA256 after exec of another file = %q, %v; want ErrChanged", got, err)
	}
}

// TestVersions: one version is read once, and no other one is taken for it.
func TestVersions(t *testing.T) {
	c := newImageCache[string](time.Now)
	reads := 0
	for _, v := range []version{{1, 2, 3, 4}, {9, 2, 3, 4}, {1, 9, 3, 4}, {1, 2, 9, 4}, {1, 2, 3, 9}} {
		before := reads
		for range 2 {
			if _, err := c.get(alice, program{version: v}, new(closeCounter), func() (string, error) { reads++; return "", nil }); err != nil {
				t.Error(err)
			}
		}
		if reads != before+1 {
			t.Errorf("%+v was read %d times, want once", v, reads-before)
		}
	}
}

func TestSumFails(t *testing.T) {
	for _, tt := range []struct {
		name string
		size uint64
		want string
	}{
		{"too large", MaxImage + 1, "the limit is"},
		{"shrank", 4, "changed while it was read"},
		{"grew", 2, "changed while it was read"},
	} {
		if got, err := sum(strings.NewReader("abc"), tt.size); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
}
