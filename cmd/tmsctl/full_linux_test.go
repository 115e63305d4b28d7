package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"regent/agent/token"
)

// TestFullDisk: a token is not made as long as there is no space for it. With space the
// repeated command goes on.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not run: a file system can be mounted by root alone")
	}
	for _, tt := range []struct {
		name string
		args []string
		made int // before the disk is full
	}{
		{"bundle", []string{"--bundle", "q4.age", "--recipients-file", "keys"}, 2},
		{"directory", []string{"--out-dir", "files"}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k,mode=700"); err != nil {
				t.Skip("not run: this machine lets nobody mount:", err)
			}
			t.Cleanup(func() {
				if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
					t.Error(err)
				}
			})
			t.Chdir(dir)
			service, who := newOnce(t), identity(t)
			o := &adminDesk{T: t, service: service.Emulator, url: service.url, dir: dir}
			o.write("people.csv", "recipient,count\nalice,2\nbob,7\ncarol,1\n")
			o.write("password", service.Credentials().Password)
			o.write("keys", who.Recipient().String())
			service.before(tt.made, func(created bool) {
				if !created { // the space for this one is reserved
					fill(t, filepath.Join(dir, "ballast"))
				}
			})
			var out, stderr bytes.Buffer
			w := typed(&out, &stderr, "", token.Secret{})
			if code := o.create(w, tt.args...); code != 1 || !strings.Contains(stderr.String(), syscall.ENOSPC.Error()+"; q4-carol was not created") || !strings.Contains(stderr.String(), "2 of 3 are done") {
				t.Errorf("exit %d, said %s", code, &stderr)
			}
			if len(service.tokens()) != tt.made {
				t.Errorf("%d were made, want %d", len(service.tokens()), tt.made)
			}
			if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
				t.Fatal(err)
			}
			w.configDir = func() (string, error) { return dir, nil }
			if tt.name == "directory" {
				checkFiles(t, service, filepath.Join(dir, "files"))
				return
			}
			if code := o.create(w, tt.args...); code != 0 {
				t.Fatalf("again: exit %d, said %s", code, &stderr)
			}
			service.all(t, unpacked(t, o.open("q4.age", who), who))
		})
	}
}

func checkFiles(t *testing.T, service *once, dir string) {
	t.Helper()
	all := map[string]string{}
	for _, who := range []string{"alice", "bob"} {
		content, err := os.ReadFile(filepath.Join(dir, who+tokenSuffix))
		if err != nil {
			t.Fatal(err)
		}
		all[who] = string(content)
	}
	service.all(t, all)
}

// fill writes until there is no space.
func fill(t *testing.T, name string) {
	f, err := os.Create(name)
	if err != nil {
		t.Error(err)
		return
	}
	for err == nil {
		_, err = io.WriteString(f, strings.Repeat("x", 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
