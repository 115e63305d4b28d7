package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	directive = regexp.MustCompile(`^//([a-z]+:[a-z]|nolint|line |export |extern )`)
	jsonText  = regexp.MustCompile(`"[a-z_]+": "((?:[^"\\]|\\.)*)"`)
	codeMark  = regexp.MustCompile(`^[a-z_]+$`)
	generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)
)

// goFile adds the comments and the error texts of a file of Go.
func (t *texts) goFile(name string, text []byte) error {
	if generated.Match(text) {
		return nil
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		return err
	}
	for _, group := range tree.Comments {
		t.comment(fset, group, "comments")
	}
	if tree.Doc != nil {
		t.comment(fset, tree.Doc, "package comments")
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			t.errorText(fset, call)
		}
		return true
	})
	return nil
}

// comment adds the blocks of a comment. Lines that are indented are code, unless they
// are list items.
func (t *texts) comment(fset *token.FileSet, group *ast.CommentGroup, kind string) {
	at := fset.Position(group.Pos())
	r := &reader{to: t, kind: kind, file: at.Filename}
	for _, c := range group.List {
		if directive.MatchString(c.Text) {
			continue
		}
		line := fset.Position(c.Pos()).Line
		body := strings.TrimSuffix(strings.TrimPrefix(c.Text, "/*"), "*/")
		for i, one := range strings.Split(body, "\n") {
			if utf8.RuneCountInString(one) > widest {
				t.wide = append(t.wide, block{kind, at.Filename, line + i, one})
			}
			r.commentLine(line+i, strings.TrimPrefix(strings.TrimPrefix(one, "//"), " "))
		}
	}
	r.end()
}

func (r *reader) commentLine(line int, text string) {
	item := listItem.FindString(text)
	switch {
	case strings.TrimSpace(text) == "", strings.HasPrefix(text, "# "):
		r.end()
	case item != "":
		r.end()
		r.add(line, text[len(item):])
	case strings.HasPrefix(text, "\t"), strings.HasPrefix(text, "  ") && len(r.open) == 0:
		r.end()
	default:
		r.add(line, text)
	}
}

// errorText adds the text of a call that makes an error.
func (t *texts) errorText(fset *token.FileSet, call *ast.CallExpr) {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 {
		return
	}
	of, ok := f.X.(*ast.Ident)
	if !ok {
		return
	}
	arg := 0
	switch of.Name + "." + f.Sel.Name {
	case "fmt.Errorf", "errors.New":
	case "fault.Errorf": // its first two are the operation and the kind
		arg = 2
	default:
		return
	}
	if len(call.Args) <= arg {
		return
	}
	at := fset.Position(call.Args[arg].Pos())
	for i, line := range strings.Split(literal(call.Args[arg]), "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		b := block{"errors", at.Filename, at.Line, line}
		if i == 0 && utf8.RuneCountInString(line) > widest {
			t.wide = append(t.wide, b)
		}
		t.blocks = append(t.blocks, b)
	}
}

// literal is the text of a string that is written out, also in parts.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return text
		}
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	case *ast.ParenExpr:
		return literal(e.X)
	}
	return ""
}

// codes adds the texts of the codes of regent doctor, which are errors too.
func (t *texts) codes(name, text string) {
	for i, line := range strings.Split(text, "\n") {
		for _, m := range jsonText.FindAllStringSubmatch(line, -1) {
			if s, err := strconv.Unquote(`"` + m[1] + `"`); err == nil && !codeMark.MatchString(s) {
				t.blocks = append(t.blocks, block{"errors", name, i + 1, s})
			}
		}
	}
}
