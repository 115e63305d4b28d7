package doctor

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"regent/agent/fault"
)

const runbookDir = "../../packaging/runbook"

// Every code of the doctor and of the local interface has a page, there are no
// others. The generator compares their text with the tree.
func TestRunbookComplete(t *testing.T) {
	pages := RunbookPages()
	want := map[string]bool{"README.md": true}
	for _, e := range Table() {
		want[string(e.Code)+".md"] = true
	}
	for _, k := range fault.Kinds() {
		want[string(k)+".md"] = true
	}
	for name := range want {
		if pages[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
	there, err := filepath.Glob(filepath.Join(runbookDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(there) != len(want) || len(pages) != len(want) {
		t.Errorf("%d files in the tree and %d pages, want %d", len(there), len(pages), len(want))
	}
}

// A screen shows a page without the comment of its file.
func TestExplain(t *testing.T) {
	page, ok := Explain("dns_failed")
	if !ok || !strings.HasPrefix(page, "# dns_failed\n\n`regent doctor` says") {
		t.Errorf("%v, %q", ok, page)
	}
	if _, ok := Explain("README"); ok {
		t.Error("README is no code")
	}
}

func TestRunbookPages(t *testing.T) {
	for name, text := range RunbookPages() {
		if strings.Count(text, "\n# ")+strings.Count(text[:2], "# ") != 1 || !strings.Contains(text, generated) || strings.HasSuffix(text, "\n\n") {
			t.Errorf("%s has no heading, or several, or does not say that it is generated", name)
		}
	}
	shared := RunbookPages()["registration_expired.md"] // by the doctor, and by the interface
	for _, part := range []string{"## What to do", "**Contact Administrator**", "## In the local interface"} {
		if !strings.Contains(shared, part) {
			t.Errorf("registration_expired.md lacks %q", part)
		}
	}
}

// Every link of a page leads to a file that is there.
func TestRunbookLinks(t *testing.T) {
	links := 0
	for name, text := range RunbookPages() {
		for _, m := range regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`).FindAllStringSubmatch(text, -1) {
			if links++; !strings.Contains(m[1], "://") {
				if _, err := os.Stat(filepath.Join(runbookDir, m[1])); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	if links == 0 {
		t.Error("no page has a link")
	}
}
