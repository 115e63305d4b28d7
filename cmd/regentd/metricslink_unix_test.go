//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// asOthers returns a directory of another user than the one of the link's target.
func asOthers(t *testing.T) (l metricsLink, collector string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("changes owners: needs root")
	}
	dir := t.TempDir()
	l = metricsLink{filepath.Join(dir, "metrics", "regent.prom")}
	collector = filepath.Join(dir, "collector")
	for _, d := range []string{filepath.Dir(l.target), collector} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Dir(l.target), 65534, -1); err != nil {
		t.Fatal(err)
	}
	return l, collector
}

func TestMetricsLink(t *testing.T) {
	l, collector := asOthers(t)
	path := filepath.Join(collector, "regent.prom")
	for range 2 { // also if an end without order left it
		if err := l.make(path); err != nil || !l.isAt(path) {
			t.Fatalf("%v, link %v", err, l.isAt(path))
		}
	}
	f := &textfile{path: path, target: l.target}
	if f.file() != l.target {
		t.Errorf("the daemon would replace the link: it writes %s", f.file())
	}
	if err := l.remove(); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{path, l.note()} {
		if _, err := os.Lstat(gone); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", gone, err)
		}
	}
	if err := l.remove(); err != nil {
		t.Errorf("nothing to remove: %v", err)
	}
}

// A file or link of others stays, and so does a directory that the daemon can write.
func TestMetricsLinkReplacesNothing(t *testing.T) {
	l, collector := asOthers(t)
	file, link := filepath.Join(collector, "file.prom"), filepath.Join(collector, "link.prom")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		file: "the file belongs to another program", link: "the file belongs to another program",
		filepath.Join(collector, "missing", "x.prom"): "correct metrics_textfile",
	} {
		if err := l.make(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "x" {
		t.Errorf("the file is %q, %v", b, err)
	}
	missing := metricsLink{filepath.Join(collector, "missing", "regent.prom")}
	if err := missing.make(file); err == nil || !strings.Contains(err.Error(), "systemd-tmpfiles --create") {
		t.Errorf("a missing directory of the target: %v", err)
	}
	own := filepath.Join(filepath.Dir(l.target), "own.prom")
	if err := l.make(own); err != nil || l.isAt(own) {
		t.Errorf("the daemon's own directory: %v, link %v", err, l.isAt(own))
	}
}

// What an earlier regentd wrote there itself makes way.
func TestMetricsLinkAfterAnUpgrade(t *testing.T) {
	l, collector := asOthers(t)
	path := filepath.Join(collector, "regent.prom")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65534, -1); err != nil {
		t.Fatal(err)
	}
	if err := l.make(path); err != nil || !l.isAt(path) {
		t.Errorf("%v, link %v", err, l.isAt(path))
	}
}
