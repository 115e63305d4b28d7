package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/platform/layout"
)

func TestWrite(t *testing.T) {
	for _, program := range []string{layout.Daemon, layout.Client, layout.Administrator} {
		dir := t.TempDir()
		if err := writeResources(dir, program, "1.2.3-rc1", "1.2.3"); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, "winres.json"))
		if err != nil || !json.Valid(b) {
			t.Errorf("%s: %v, %s", program, err, b)
		}
		for _, want := range []string{`"file_version": "1.2.3"`, `"ProductVersion": "1.2.3-rc1"`, `"OriginalFilename": "` + program + `.exe"`} {
			if !strings.Contains(string(b), want) {
				t.Errorf("%s: no %s in %s", program, want, b)
			}
		}
		m, err := os.ReadFile(filepath.Join(dir, manifestFile))
		if err != nil {
			t.Fatal(err)
		}
		if text := wellFormed(t, m); !strings.Contains(text, "UTF-8") {
			t.Errorf("%s: the manifest's texts are %q, want UTF-8 among them", program, text)
		}
	}
}

// wellFormed returns the texts of an XML file.
func wellFormed(t *testing.T, b []byte) string {
	t.Helper()
	var texts strings.Builder
	for d := xml.NewDecoder(strings.NewReader(string(b))); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if c, ok := token.(xml.CharData); ok {
			texts.Write(c)
		}
	}
}

func TestWriteRefusesOthers(t *testing.T) {
	if err := writeResources(t.TempDir(), "demo", "1", "1"); err == nil {
		t.Error("got no error for a program that is none of ours")
	}
}
