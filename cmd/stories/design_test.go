package stories

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// designs are the documents that list the packages of the tree.
var designs = []string{"agent/DESIGN.md", "ipc/DESIGN.md", "platform/DESIGN.md", "packaging/DESIGN.md", "configs/DESIGN.md"}

// maxPackages bounds the packages that neither generate nor are for tests. A further
// package needs a row with its reason in a design document, and a higher number here.
const maxPackages = 48

// TestDesignNames checks that each file that a design document or the README names,
// in backquotes or in a link, is there.
func TestDesignNames(t *testing.T) {
	quoted := regexp.MustCompile("`([^`\n]+)`")
	link := regexp.MustCompile(`\]\(([^)#:\s]+)\)`)
	for _, document := range append([]string{"README.md"}, designs...) {
		text, dir := readTree(t, document), path.Dir(document)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if !exists(path.Join(dir, m[1])) {
				t.Errorf("%s: no such file: %s", document, m[1])
			}
		}
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			if name := m[1]; namesTreeFile(name) && !exists(name) && !exists(path.Join(dir, name)) {
				t.Errorf("%s: no such file: %s", document, name)
			}
		}
	}
}

// TestReadmeIsShort checks that README.md has few words, and that its first screen has the two
// commands for a clean clone.
func TestReadmeIsShort(t *testing.T) {
	const maxWords, screen = 1000, 24
	text := readTree(t, "README.md")
	if n := len(strings.Fields(text)); n > maxWords {
		t.Errorf("README.md has %d words, want at most %d", n, maxWords)
	}
	for _, command := range []string{"make demo", "make test"} {
		at := slices.IndexFunc(strings.Split(text, "\n"), func(line string) bool { return strings.HasPrefix(line, command+" ") })
		if at < 0 || at >= screen {
			t.Errorf("README.md: no line of the first %d begins with %q", screen, command)
		}
	}
}

// TestDesignPackages checks that the tables "Packages" name each package once, and that
// there are not too many.
func TestDesignPackages(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `((?:agent|cmd|configs|ipc|packaging|platform)[a-z/-]*)` \\|")
	var named []string
	for _, document := range designs {
		_, section, found := strings.Cut(readTree(t, document), "\n## Packages\n\n| package | content |\n")
		if !found {
			t.Errorf("%s: no section \"Packages\" with a table of them", document)
		}
		section, _, _ = strings.Cut(section, "\n\n")
		for _, m := range row.FindAllStringSubmatch(section, -1) {
			named = append(named, m[1])
		}
	}
	var there []string
	count := 0
	for _, p := range listPackages(t, "linux") {
		there = append(there, p.path)
		if !isTestPackage(p.path) && !isBelow(p.path, "configs", "packaging", "cmd/stories", "ipc/sdk") {
			count++
		}
	}
	for _, p := range there {
		if !slices.Contains(named, p) {
			t.Errorf("no table of a DESIGN.md names the package %s", p)
		}
	}
	for i, p := range named {
		if !slices.Contains(there, p) || slices.Contains(named[:i], p) {
			t.Errorf("a DESIGN.md names %s, which is no package, or names it twice", p)
		}
	}
	if count > maxPackages {
		t.Errorf("%d packages, want at most %d: put the new one into one that is there, or raise maxPackages", count, maxPackages)
	}
}

// namesTreeFile reports whether a text in backquotes names a file or directory of the tree.
func namesTreeFile(name string) bool {
	if isPlaceholder(name) || strings.ContainsAny(name, " *{}$:%<>…()\\") || path.IsAbs(name) || strings.HasPrefix(name, "~") {
		return false
	}
	top, _, nested := strings.Cut(name, "/")
	return slices.Contains([]string{"agent", "cmd", "configs", "ipc", "packaging", "platform", ".ci", ".tools"}, top) && nested ||
		slices.Contains([]string{".go", ".md", ".txtar"}, path.Ext(name))
}
