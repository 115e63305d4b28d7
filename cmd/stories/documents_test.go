package stories

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const repository = "../.."

// commissioning are words about how the project was made, and names of documents
// that the repository does not have, in lower case.
var commissioning = []string{"owner's card", "agreed with", "as agreed", "was agreed", "the issue says", "the issue wants", "style.md", "mdm-facts", "words.md", "recipes/", "arch_test"}

// citedFile is a name of a file in a comment.
var citedFile = regexp.MustCompile(`[\w./-]*\w\.(?:md|go|txtar)\b`)

// TestPackageComments checks that each package says what it does in one short sentence.
func TestPackageComments(t *testing.T) {
	const maxWords = 20
	for dir, files := range goFiles(t) {
		var comment string
		for _, f := range files {
			if text := f.syntax.Doc.Text(); !strings.HasSuffix(f.syntax.Name.Name, "_test") && text != "" {
				comment = text
			}
		}
		first := new(doc.Package).Synopsis(comment)
		name, _, _ := strings.Cut(first, " ")
		if n := len(strings.Fields(first)); n == 0 || n > maxWords || name != "Package" && name != "Command" {
			t.Errorf("%s: the package comment begins with a sentence of %d words, want \"Package …\" or \"Command …\" and at most %d: %q", dir, n, maxWords, first)
		}
	}
}

// TestCitedFiles checks that each file that a comment names is there, seen from the
// root or from the file's own directory.
func TestCitedFiles(t *testing.T) {
	for dir, files := range goFiles(t) {
		for _, f := range files {
			for _, group := range f.syntax.Comments {
				for _, name := range citedFile.FindAllString(group.Text(), -1) {
					if !exists(name) && !exists(path.Join(dir, name)) && !isPlaceholder(name) {
						t.Errorf("%s: a comment cites %s, which is not in the repository", f.name, name)
					}
				}
			}
		}
	}
}

// TestNoCommissioning checks that no text says how the project was commissioned.
func TestNoCommissioning(t *testing.T) {
	for _, name := range treeFiles(t) {
		if name == "cmd/stories/documents_test.go" || !slices.Contains([]string{".go", ".md", ".txtar", ".sh", ".yml", ".yaml", ".service", ""}, path.Ext(name)) {
			continue
		}
		text := strings.ToLower(readTree(t, name))
		for _, words := range commissioning {
			if strings.Contains(text, words) {
				t.Errorf("%s: %q", name, words)
			}
		}
	}
}

// documentNames are the names in capitals that are documents.
var documentNames = []string{"DESIGN", "CONTRACT", "README", "PROTOCOL", "REFERENCE"}

// isPlaceholder reports whether a name stands for others, as NAME.md and _linux.go do.
func isPlaceholder(name string) bool {
	base := strings.TrimSuffix(path.Base(name), path.Ext(name))
	return strings.HasPrefix(base, "_") || strings.Contains(base, "NAME") || base == strings.ToUpper(base) && !slices.Contains(documentNames, base)
}

// goFile is a Go file of the tree, parsed without its bodies' meaning.
type goFile struct {
	name   string
	syntax *ast.File
}

// goFiles returns the Go files of the tree by directory, those of all systems.
func goFiles(t *testing.T) map[string][]goFile {
	t.Helper()
	all := map[string][]goFile{}
	for _, name := range treeFiles(t) {
		if path.Ext(name) != ".go" || strings.Contains(name, "testdata/") || strings.HasPrefix(name, ".") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), filepath.Join(repository, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		all[path.Dir(name)] = append(all[path.Dir(name)], goFile{name, syntax})
	}
	return all
}

// treeFiles returns the files of the tree, without what is built or downloaded.
func treeFiles(t *testing.T) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(repository), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", ".cache", "bin", "dist", "out"}, d.Name()):
			return fs.SkipDir
		case d.Type().IsRegular():
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func readTree(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(repository, name))
	return err == nil
}
