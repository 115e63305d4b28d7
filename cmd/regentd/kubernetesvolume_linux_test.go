package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"regent/agent/policy"
	"regent/agent/token"
	"regent/platform/tokenfile"
)

// volume mounts files as a kubelet does: the folder is mode 1777 on a tmpfs or
// 0777 on a disk, the files are mode 0644 in a folder with the time as its name,
// and links lead there. A container sees the mount read-only.
func volume(t *testing.T, mode os.FileMode, flags uintptr, files map[string]string) string {
	t.Helper()
	dir, stamp := t.TempDir(), "..2026_11_29_12_00_00.123456789"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("mode=%o,size=64k", mode)); err != nil {
		t.Skipf("only root can mount: %v", err)
	}
	t.Cleanup(func() { must(unix.Unmount(dir, unix.MNT_DETACH)) })
	must(os.Mkdir(filepath.Join(dir, stamp), 0o755))
	must(os.Symlink(stamp, filepath.Join(dir, "..data")))
	for name, text := range files {
		must(os.WriteFile(filepath.Join(dir, stamp, name), []byte(text), 0o644))
		must(os.Chmod(filepath.Join(dir, stamp, name), 0o644)) // whatever the umask
		must(os.Symlink("..data/"+name, filepath.Join(dir, name)))
	}
	must(unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|flags, ""))
	return dir
}

// TestVolumes: a Secret or ConfigMap is read as it is mounted. Where it can be
// written, the advice can be followed.
func TestVolumes(t *testing.T) {
	for _, mode := range []os.FileMode{0o1777, 0o777} {
		t.Run(fmt.Sprintf("%o", mode), func(t *testing.T) {
			files := map[string]string{"10-site.yaml": "limits: {redeem_splay: 0s}\n", "token": "dXNlcjpwYXNz", "credentials": "user:pass"}
			dir := volume(t, mode, unix.MS_RDONLY, files)
			if err := readDropins(dir); err != nil {
				t.Errorf("read-only: %v", err)
			}
			for name := range files {
				if told, err := checkOwnWriters(filepath.Join(dir, name)); err != nil || len(told) > 0 {
					t.Errorf("read-only: %s: %v, %v", name, told, err)
				}
			}
			if _, _, err := tokenfile.Read(filepath.Join(dir, "token"), token.ParseRegistration); err != nil {
				t.Errorf("read-only: %v", err)
			}
			if _, err := readTrusted("network.proxy_credentials_file", filepath.Join(dir, "credentials"), readCredentials); err != nil {
				t.Errorf("read-only: %v", err)
			}
			dir = volume(t, mode, 0, files)
			if err := readDropins(dir); err == nil || !strings.Contains(err.Error(), "run: chmod o-w "+dir) {
				t.Errorf("writable: %v", err)
			}
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := readDropins(dir); err != nil {
				t.Errorf("writable, after the advice: %v", err)
			}
		})
	}
}

// readDropins reads a directory as config.d.
func readDropins(dir string) error {
	f := readLayers(layerPaths{Config: filepath.Join(dir, "no.yaml"), ConfigDir: dir})
	if err := policy.Fatal(f.Problems); err != nil {
		return err
	}
	if len(f.Layers) != 1 {
		return fmt.Errorf("%d layers", len(f.Layers))
	}
	return nil
}
