// Command figures measures the tree: packages, lines, functions, files, exported
// names, and the modules that each program links.
//
//	go run .ci/figures.go [DIRECTORY]
//
// Code is Go that is neither a test, nor generated for tests, nor a generator:
// packages named …test, configs, packaging and ipc/sdk count apart. A line of code is
// neither blank nor only a comment; all lines are counted beside it.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

type figures struct {
	packages, apart     []string
	code, lines, tests  int
	apartLines          int
	functions, files    []int
	exported            int
	longFiles, longFunc []string
}

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := os.Chdir(dir); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
	f, err := measure()
	if err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
	f.print(os.Stdout)
}

func countsApart(pkg string) bool {
	return strings.HasSuffix(path.Base(pkg), "test") || pkg == "configs" || strings.HasPrefix(pkg, "configs/") ||
		strings.HasPrefix(pkg, "packaging") || strings.HasPrefix(pkg, "ipc/sdk") || pkg == "cmd/stories"
}

func measure() (*figures, error) {
	f := &figures{}
	out, err := exec.Command("go", "list", "./...").Output()
	if err != nil {
		return nil, err
	}
	for _, p := range strings.Fields(string(out)) {
		p = strings.TrimPrefix(p, "regent/")
		if countsApart(p) {
			f.apart = append(f.apart, p)
		} else {
			f.packages = append(f.packages, p)
		}
	}
	for _, room := range []string{"agent", "cmd", "configs", "ipc", "packaging", "platform"} {
		err := filepath.WalkDir(room, func(name string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") {
				return err
			}
			return f.file(name)
		})
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *figures) file(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	lines := bytes.Count(text, []byte("\n"))
	switch {
	case strings.HasSuffix(name, "_test.go"), strings.Contains(name, "testdata"):
		f.tests += lines
		return nil
	case countsApart(filepath.ToSlash(filepath.Dir(name))):
		f.apartLines += lines
		return nil
	}
	f.lines += lines
	f.files = append(f.files, lines)
	if lines > 400 {
		f.longFiles = append(f.longFiles, fmt.Sprintf("%s (%d)", name, lines))
	}
	f.code += codeLines(text)
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, text, 0)
	if err != nil {
		return err
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		d, ok := n.(*ast.FuncDecl)
		if ok {
			n := fset.Position(d.End()).Line - fset.Position(d.Pos()).Line + 1
			f.functions = append(f.functions, n)
			if n > 40 {
				f.longFunc = append(f.longFunc, fmt.Sprintf("%s: %s (%d)", name, d.Name.Name, n))
			}
		}
		return true
	})
	for _, d := range tree.Decls {
		f.exported += exportedIn(d)
	}
	return nil
}

// codeLines counts the lines that have a token on them that is no comment.
func codeLines(text []byte) int {
	fset := token.NewFileSet()
	file := fset.AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0)
	seen := map[int]bool{}
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return len(seen)
		}
		if tok == token.SEMICOLON && lit == "\n" {
			continue
		}
		for i := range strings.Count(lit, "\n") + 1 {
			seen[file.Line(pos)+i] = true
		}
	}
}

func exportedIn(d ast.Decl) (n int) {
	count := func(id *ast.Ident) {
		if id.IsExported() {
			n++
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		count(d.Name)
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				count(s.Name)
			case *ast.ValueSpec:
				for _, id := range s.Names {
					count(id)
				}
			}
		}
	}
	return n
}

func percentile(of []int, p int) int {
	slices.Sort(of)
	return of[(len(of)-1)*p/100]
}

func (f *figures) print(w io.Writer) {
	fmt.Fprintf(w, "packages                        %d, and %d apart (for tests, generators): %s\n", len(f.packages), len(f.apart), strings.Join(f.apart, " "))
	fmt.Fprintf(w, "lines of code                   %d (%d with comments and blank lines), and %d apart\n", f.code, f.lines, f.apartLines)
	fmt.Fprintf(w, "lines of tests                  %d\n", f.tests)
	fmt.Fprintf(w, "lines of a function             p50 %d, p90 %d, p99 %d\n", percentile(f.functions, 50), percentile(f.functions, 90), percentile(f.functions, 99))
	fmt.Fprintf(w, "functions over 40 lines         %d %s\n", len(f.longFunc), strings.Join(f.longFunc, ", "))
	fmt.Fprintf(w, "lines of a file                 p50 %d, p90 %d\n", percentile(f.files, 50), percentile(f.files, 90))
	fmt.Fprintf(w, "files over 400 lines            %d %s\n", len(f.longFiles), strings.Join(f.longFiles, ", "))
	fmt.Fprintf(w, "exported names                  %d\n", f.exported)
	for _, program := range []string{"regentd", "regent", "tmsctl", "tms-emulator"} {
		direct, linked, err := modules("./cmd/" + program)
		if err != nil {
			fmt.Fprintf(w, "modules in %-12s         %v\n", program, err)
			continue
		}
		fmt.Fprintf(w, "modules in %-20s %d direct, %d in all\n", program, direct, linked)
	}
}

// modules counts the modules that a program links for Linux, and those of them that
// our packages import themselves.
func modules(program string) (direct, linked int, err error) {
	out, err := exec.Command("go", "list", "-deps", "-json=ImportPath,Module,Imports", program).Output()
	if err != nil {
		return 0, 0, err
	}
	type pkg struct {
		ImportPath string
		Imports    []string
		Module     *struct{ Path string }
	}
	of, ours := map[string]string{}, []string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, 0, err
		}
		switch {
		case p.Module == nil:
		case p.Module.Path == "regent":
			ours = append(ours, p.Imports...)
		default:
			of[p.ImportPath] = p.Module.Path
		}
	}
	all, own := map[string]bool{}, map[string]bool{}
	for _, m := range of {
		all[m] = true
	}
	for _, i := range ours {
		if m := of[i]; m != "" {
			own[m] = true
		}
	}
	return len(own), len(all), nil
}
