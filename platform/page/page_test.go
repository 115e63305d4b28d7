package page_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"regent/platform/page"
)

// TestCheckFile: a page replaces only a page, and loses no other file.
func TestCheckFile(t *testing.T) {
	dir := t.TempDir()
	var written bytes.Buffer
	if err := page.Write(&written, `{{define "title"}}{{end}}{{define "body"}}{{end}}`, nil); err != nil {
		t.Fatal(err)
	}
	for content, ok := range map[string]bool{
		"":                                    true,
		written.String():                      true,
		"fqdn,user\nlaptop,anna\n":            false,
		"x":                                   false,
		"<!doctype html>\n<html lang=\"en\">": false,
	} {
		name := filepath.Join(dir, "file")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := page.CheckFile(name); (err == nil) != ok {
			t.Errorf("%.30q: %v", content, err)
		}
	}
	for _, name := range []string{dir, filepath.Join(dir, "none"), os.DevNull, ""} {
		if err := page.CheckFile(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
