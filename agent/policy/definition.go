package policy

import (
	"cmp"
	"reflect"
	"strings"
)

// Type is the type of a key's value. Its text is for people.
type Type string

// The types. Lists are in YAML's two forms, [a, b] or one "- a" a line.
const (
	Text         Type = "text"
	Path         Type = "absolute path"
	Bool         Type = "true or false"
	Int          Type = "number"
	Duration     Type = "duration"
	Word         Type = "one word of"
	Names        Type = "list of names"
	Executables  Type = "list of executables"
	Rules        Type = "list of rules"
	Applications Type = "list of applications"
)

// Definition is the definition of one key. The decoder, the default file and the reference
// are made from it.
type Definition struct {
	// Key is the dotted path: "network.timeout", "applications.*.instances". * stands for
	// an application's id, or for any item of a list.
	Key   string
	Title string // a few words, for a console that shows a list of settings
	Type  Type

	// Default is the effective value if no layer sets one: a string, bool, int or
	// time.Duration. It is nil if there is none, as for lists.
	Default any
	Words   []string // of a Word: the valid values

	// Min and Max bound an Int, and a Duration in nanoseconds; both included.
	Min, Max int64

	// Check returns the normal form of a text, or of one name of a list. Its error
	// contains the reason and the next step, and does not quote the text. nil accepts any.
	Check func(value string) (string, error)

	// Pattern is a regular expression for an editor or a management console, in the syntax
	// that JSON Schema and RE2 share. Every valid value of a Text or Path matches it. Check
	// may be stricter. "" matches anything.
	Pattern string

	Required bool   // of a key in a list's item
	Doc      string // sentences, for the person who writes the file
	Example  string // YAML of a value; "" if the default is a good example
	Since    string // the first version with this key
	Debconf  bool   // the Debian package asks for it
	Restart  bool   // a change needs a restart; otherwise a reload applies it
}

// complete fills in each row's missing parts: the first version, the check of a path, and
// an empty default.
func complete(table []Definition) []Definition {
	empty := map[Type]any{Text: "", Path: "", Bool: false}
	for i := range table {
		d := &table[i]
		d.Since = cmp.Or(d.Since, firstVersion)
		if d.Type == Path && d.Check == nil {
			d.Check, d.Pattern = checkPath, pathPattern
		}
		if d.Default == nil && !d.Required {
			d.Default = empty[d.Type]
		}
	}
	return table
}

// field returns the field that the key sets in target. target points to [Settings], or to
// an item of the key's list: [Application], [authz.Rule] or [authz.Executable]. A field has
// the name of its part of the key: CAFile of ca_file.
func (d Definition) field(target any) reflect.Value {
	path := d.Key
	if !d.isAgentKey() {
		path = d.Name()
	}
	v := reflect.ValueOf(target).Elem()
	for part := range strings.SplitSeq(path, ".") {
		v = v.FieldByName(camelCase(part))
	}
	return v
}

// Name returns the last part of the key: "timeout".
func (d Definition) Name() string { return d.Key[strings.LastIndexByte(d.Key, '.')+1:] }

// PolicyName returns the key's name in the registry, without dots and underscores:
// "NetworkCAFile" of "network.ca_file". Names are unique, also if case is ignored.
func (d Definition) PolicyName() string { return camelCase(d.Key) }

func camelCase(key string) string {
	var name strings.Builder
	for word := range strings.FieldsFuncSeq(key, func(r rune) bool { return r == '.' || r == '_' || r == '*' }) {
		switch word {
		case "ca", "id", "sha256":
			name.WriteString(strings.ToUpper(word))
		default:
			name.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return name.String()
}

// IsPolicy reports whether managed stores of named values can set the key. A key of a
// list's item is part of the value of its list.
func (d Definition) IsPolicy() bool { return !strings.Contains(d.Key, "*") }

// isAgentKey reports whether the key has a field in [Settings]. Keys of an application have
// none.
func (d Definition) isAgentKey() bool {
	return d.Key != "applications" && !strings.HasPrefix(d.Key, "applications.")
}

// keysOf returns a row for each key of these applications and of the agent, in the order of
// the table. The key of an application has its id: "applications.cad.instances".
func keysOf(ids ...string) []Definition {
	var keys []Definition
	for _, d := range table {
		switch {
		case d.Type == Applications:
			for _, id := range ids {
				keys = append(keys, applicationKeys(id)...)
			}
		case d.isAgentKey():
			keys = append(keys, d)
		}
	}
	return keys
}

func applicationKeys(id string) []Definition {
	var keys []Definition
	for _, d := range table {
		if name, ok := strings.CutPrefix(d.Key, "applications.*."); ok && !strings.Contains(name, ".") {
			d.Key = applicationKey(id, name)
			keys = append(keys, d)
		}
	}
	return keys
}

func applicationKey(id, name string) string { return "applications." + id + "." + name }

// schema is the table as a tree, for reading a file. A node without a definition is a
// section, such as network.
type schema struct {
	*Definition
	children map[string]*schema
}

// tree is the schema of a whole file.
var tree = newSchema()

func newSchema() *schema {
	root := &schema{children: map[string]*schema{}}
	for i := range table {
		at := root
		for name := range strings.SplitSeq(table[i].Key, ".") {
			if at.children[name] == nil {
				at.children[name] = &schema{children: map[string]*schema{}}
			}
			at = at.children[name]
		}
		at.Definition = &table[i]
	}
	return root
}

// item is the schema of a list's items.
func (s *schema) item() *schema { return s.children["*"] }
