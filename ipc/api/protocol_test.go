package api_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/ipc/api"
)

func readProtocol(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Each example says by a comment which type it is.
func TestExamples(t *testing.T) {
	types := map[string]any{
		"InvalidateRequest": &api.InvalidateRequest{}, "Event": &api.Event{}, "Explanation": &api.Explanation{},
		"TokenRequest": &api.TokenRequest{}, "Token": &api.Token{}, "Status": &api.Status{},
		"RegistrationRequest": &api.RegistrationRequest{}, "Registration": &api.Registration{},
		"Ledger": &api.Ledger{}, "Resolution": &api.Resolution{}, "Problem": &api.Problem{}, "Policy": &api.Policy{}, "Store": &api.Store{}, "Diagnosis": &api.Diagnosis{}, "Contract": &api.Contract{}, "StoreRequest": &api.StoreRequest{},
	}
	text := readProtocol(t)
	examples := regexp.MustCompile("(?s)<!-- (\\w+) -->\n```json\n(.*?)```").FindAllStringSubmatch(text, -1)
	if got, want := len(examples), strings.Count(text, "```json"); got != want {
		t.Errorf("%d of %d examples say what they are", got, want)
	}
	for _, e := range examples {
		name, example := e[1], e[2]
		v, ok := types[name]
		if !ok {
			t.Errorf("%s is no type of this package, or has two examples", name)
			continue
		}
		delete(types, name)
		d := json.NewDecoder(strings.NewReader(example))
		d.DisallowUnknownFields()
		if err := d.Decode(v); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decodeAny(t, []byte(example)), decodeAny(t, again)); diff != "" {
			t.Errorf("%s: what the page shows (-) is not what the code writes (+):\n%s", name, diff)
		}
	}
	for name := range types {
		t.Errorf("%s has no example", name)
	}
}

func decodeAny(t *testing.T, b []byte) (v any) {
	t.Helper()
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEveryPathIsDescribed(t *testing.T) {
	text := readProtocol(t)
	for name, path := range paths(t) {
		if !strings.Contains(text, " "+path+"`") && !strings.Contains(text, " "+path+"?") {
			t.Errorf("%s = %s is not described", name, path)
		}
	}
}

// paths reads the constants of api.go that begin with Path.
func paths(t *testing.T) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "api.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Path") {
			return true
		}
		path, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		found[spec.Names[0].Name] = path
		return true
	})
	if len(found) < 8 {
		t.Fatalf("found only the paths %v", found)
	}
	return found
}
