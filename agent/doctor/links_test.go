package doctor

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// repositoryRoot is the top of the tree.
const repositoryRoot = "../.."

var (
	links    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headings = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	code     = regexp.MustCompile("(?s)```.*?```")
)

// TestLinksOfAllPages: a link from a page of this tree to another leads to a file
// that is there, and to a heading that is in it. Addresses elsewhere are not
// asked.
func TestLinksOfAllPages(t *testing.T) {
	pages, followed := 0, 0
	err := filepath.WalkDir(repositoryRoot, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != repositoryRoot && (strings.HasPrefix(d.Name(), ".") || d.Name() == "out" || d.Name() == "bin"):
			return fs.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		pages++
		followed += checkLinks(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if pages < 60 || followed < 80 {
		t.Errorf("only %d links of %d pages were followed", followed, pages)
	}
	t.Logf("%d links of %d pages followed", followed, pages)
}

// checkLinks checks the links of one page, and returns how many.
func checkLinks(t *testing.T, page string) (n int) {
	for _, m := range links.FindAllStringSubmatch(code.ReplaceAllString(text(t, page), ""), -1) {
		if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
			continue
		}
		n++
		file, anchor, _ := strings.Cut(m[1], "#")
		target := page
		if file != "" {
			target = filepath.Join(filepath.Dir(page), file)
		}
		if _, err := os.Stat(target); err != nil {
			t.Errorf("%s: %v", page, err)
			continue
		}
		if anchor != "" && !hasHeading(text(t, target), anchor) {
			t.Errorf("%s: %s has no heading #%s", page, target, anchor)
		}
	}
	return n
}

// hasHeading reports whether one of the page's headings has the anchor that
// forges give it: lower case, words joined by hyphens, without punctuation.
func hasHeading(page, anchor string) bool {
	for _, h := range headings.FindAllStringSubmatch(page, -1) {
		words := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(h[1]), "")
		if strings.ReplaceAll(strings.TrimSpace(words), " ", "-") == anchor {
			return true
		}
	}
	return false
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
