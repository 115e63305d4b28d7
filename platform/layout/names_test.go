package layout

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is of the tree.
const root = "../.."

// ownNames are what this package names, as it may be written elsewhere: with one
// backslash or with two, or with slashes, in any case.
var ownNames = []*regexp.Regexp{
	regexp.MustCompile(`(?i)SOFTWARE\\{1,2}(Policies\\{1,2})?` + Product + `\b`),
	regexp.MustCompile(`(?i)EventLog\\{1,2}Application\\{1,2}\w`),
	regexp.MustCompile(`(?i)pipe[\\/]{1,2}regent\b($|[^-])`), // a pipe of a test has a dash
	regexp.MustCompile(`(?i)ProgramData%?[\\/]{1,2}` + DataFolder + `\b`),
	regexp.MustCompile(`(?i)` + UpgradeCode[1:len(UpgradeCode)-1]),
	regexp.MustCompile(`\b(` + SystemSID + `|` + AdministratorsSID + `|` + TrustedInstallerSID + `)\b`),
	regexp.MustCompile(`D:P?A?I?\([AD];[A-Z]*;\w+;;;`), // an access list
	regexp.MustCompile(`Se[A-Z]\w+Privilege\b`),
}

// allowedDuplicates are the files that may name something of ours once more, and why.
var allowedDuplicates = map[string]string{
	"agent/policy/check.go":       "an example of a path, in a room that may know of no system",
	"agent/policy/namedvalues.go": "an example in a comment",
}

// TestNamesAreDefinedOnce: what is made of the names is made from here. What is for people,
// what is generated and what tests compare with may say them; [TestNamesInDocumentation]
// holds those to what stands here.
func TestNamesAreDefinedOnce(t *testing.T) {
	used := map[string]bool{}
	eachFile(t, func(path string, text []byte) {
		if isTextOrTest(path) || strings.HasPrefix(path, "platform/layout/") ||
			strings.HasPrefix(path, "ipc/sdk/") { // a library that programs copy can take nothing from elsewhere
			return
		}
		for _, re := range ownNames {
			m := re.Find(text)
			if m == nil {
				continue
			}
			if used[path] = allowedDuplicates[path] != ""; !used[path] {
				t.Errorf("%s has %q; take it from platform/layout, in a script by packaging/msi", path, m)
			}
		}
	})
	for path := range allowedDuplicates {
		if !used[path] {
			t.Errorf("%s is excepted for nothing", path)
		}
	}
}

// TestNamesInDocumentation: where people read a name, and where a test compares with one,
// it is the one that stands here.
func TestNamesInDocumentation(t *testing.T) {
	for _, tt := range []struct {
		re   *regexp.Regexp
		want []string
	}{
		{regexp.MustCompile(`(?i)HKLM\\{1,2}(SOFTWARE\\{1,2}(?:Policies\\{1,2})?Regent)\b`), []string{InstallerKey, PolicyKey}},
		{regexp.MustCompile(`(?i)EventLog\\{1,2}Application\\{1,2}(\w+)`), []string{EventSource}},
		{regexp.MustCompile(`(?i)(\\{2,4}\.\\{1,2}pipe\\{1,2}regent)(?:$|[^\w-])`), []string{Pipe}},
		{regexp.MustCompile(`(?i)ProgramData%?[\\/]{1,2}(regent\w*)`), []string{DataFolder}},
	} {
		found := 0
		eachFile(t, func(path string, text []byte) {
			if !isTextOrTest(path) {
				return
			}
			for _, m := range tt.re.FindAllSubmatch(text, -1) {
				found++
				got := string(m[1])
				if slash := strings.ReplaceAll(got, `\\`, `\`); !slices.Contains(tt.want, got) && !slices.Contains(tt.want, slash) && !slices.Contains(tt.want, `\`+slash) {
					t.Errorf("%s says %q, want %q", path, got, tt.want)
				}
			}
		})
		if found == 0 {
			t.Errorf("nobody says %q", tt.want)
		}
	}
}

// isTextOrTest reports whether a file is for people, generated, or a test.
func isTextOrTest(path string) bool {
	return strings.HasSuffix(path, ".md") || strings.HasPrefix(path, "ipc/openapi") || path == "configs/openapi.go" || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/testdata/") ||
		strings.HasPrefix(path, "packaging/mdm/") || strings.HasPrefix(path, "configs/") && !strings.HasSuffix(path, ".go")
}

// eachFile calls do for each file of text of the tree. The path has slashes.
func eachFile(t *testing.T, do func(path string, text []byte)) {
	t.Helper()
	tree := os.DirFS(root)
	files := 0
	err := fs.WalkDir(tree, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && slices.Contains([]string{".git", ".cache", "bin", "out"}, e.Name()) {
			return filepath.SkipDir
		}
		if !e.Type().IsRegular() {
			return nil
		}
		text, err := fs.ReadFile(tree, path)
		if err == nil && !bytes.Contains(text, []byte{0}) {
			files++
			do(path, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 500 {
		t.Fatalf("looked at %d files; is the tree at %s?", files, root)
	}
}
