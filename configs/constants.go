package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Packages with types of the wire format, below the top of the repository.
var wirePackages = []string{
	"agent/doctor", "agent/fault", "agent/redeem", "agent/status", "agent/store", "agent/store/admin", "agent/tms", "agent/tms/contract", "agent/token", "ipc/api",
}

// constants are the constant strings of Go types, in the order of the source. The keys are
// names such as token.State.
type constants map[string][]constant

// constant is a constant string with its comment.
type constant struct{ value, comment string }

// readConstants reads the packages below top.
func readConstants(top string) (constants, error) {
	all, aliases := constants{}, map[string]string{}
	for name, values := range listedTypes {
		for _, v := range values {
			all[name] = append(all[name], constant{value: v})
		}
	}
	for _, dir := range wirePackages {
		names, err := filepath.Glob(filepath.Join(top, filepath.FromSlash(dir), "*.go"))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch spec := n.(type) {
				case *ast.FuncDecl:
					return false
				case *ast.TypeSpec:
					if of, ok := spec.Type.(*ast.SelectorExpr); ok && spec.Assign.IsValid() {
						aliases[path.Base(dir)+"."+spec.Name.Name] = of.X.(*ast.Ident).Name + "." + of.Sel.Name
					}
				case *ast.ValueSpec:
					all.add(path.Base(dir), spec)
				}
				return true
			})
		}
	}
	for alias, name := range aliases {
		all[name] = append(all[name], all[alias]...)
	}
	return all, nil
}

// add adds a constant string with a type.
func (c constants) add(pkg string, spec *ast.ValueSpec) {
	t, typed := spec.Type.(*ast.Ident)
	if !typed || len(spec.Values) != 1 {
		return
	}
	literal, ok := spec.Values[0].(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return
	}
	value, err := strconv.Unquote(literal.Value)
	if err != nil || value == "" {
		return // an empty one is absent on the wire
	}
	c[pkg+"."+t.Name] = append(c[pkg+"."+t.Name], constant{value, strings.Join(strings.Fields(spec.Comment.Text()), " ")})
}
