package stories

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestTempFilesAreInTheTargetDirectory: what takes the place of a file of the daemon's
// in one step is made in the same directory. Elsewhere the step would be a copy, and
// on Windows the file would bring the access list of where it was made.
func TestTempFilesAreInTheTargetDirectory(t *testing.T) {
	made := 0
	for _, room := range []string{"agent", "platform", "cmd/regentd"} {
		err := filepath.WalkDir(filepath.Join("../..", room), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			n, wrong := tempFilesElsewhere(f)
			made += n
			for _, what := range wrong {
				t.Errorf("%s: %s", path, what)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if made == 0 {
		t.Error("no file is made anywhere: mend this test")
	}
}

// TestTempFilesElsewhere plants what the test above is there to find.
func TestTempFilesElsewhere(t *testing.T) {
	for call, want := range map[string]bool{
		`os.CreateTemp(filepath.Dir(name), "x")`: false,
		`os.CreateTemp("", "x")`:                 true,
		`os.CreateTemp(os.TempDir(), "x")`:       true,
		`os.MkdirTemp("", "x")`:                  true,
		`os.MkdirTemp(dir, "x")`:                 false, // a directory that the caller names
		`os.Create("x")`:                         false,
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc f() { "+call+" }", 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, wrong := tempFilesElsewhere(f); (len(wrong) > 0) != want {
			t.Errorf("%s: found %v, want something: %t", call, wrong, want)
		}
	}
}

// tempFilesElsewhere returns how many temporary things a file makes, and those of which
// it cannot be seen that they are beside what they are for.
func tempFilesElsewhere(f *ast.File) (made int, wrong []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		name := selectorName(call.Fun)
		if name != "os.CreateTemp" && name != "os.MkdirTemp" {
			return true
		}
		made++
		switch where := call.Args[0].(type) {
		case *ast.CallExpr:
			if selectorName(where.Fun) == "filepath.Dir" {
				return true
			}
		case *ast.Ident:
			return true
		}
		wrong = append(wrong, fmt.Sprintf("%s is not given the directory of a file", name))
		return true
	})
	return made, wrong
}

// selectorName is PACKAGE.NAME, "" if it is something else.
func selectorName(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if x, ok := s.X.(*ast.Ident); ok {
		return x.Name + "." + s.Sel.Name
	}
	return ""
}
