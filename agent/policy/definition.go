package policy

import (
	"strings"
)

// Type is what a key's value looks like. Its text is for people.
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

// Definition is all that is known of one key: the row from which the decoder,
// the default file and the reference are made.
type Definition struct {
	// Key is the dotted path; * stands for an application's id, or for any item
	// of a list: "network.timeout", "applications.*.instances".
	Key  string
	Type Type

	// Default is the effective value where no layer sets one: a string, bool,
	// int or time.Duration. nil if there is none, as for lists.
	Default any
	Words   []string // of a Word: every value there is

	// Min and Max bound an Int, and a Duration in nanoseconds; both included.
	Min, Max int64

	// Check returns the value in its normal form, or what is wrong with it and
	// what to write instead, without quoting it. nil accepts any value of Type.
	Check func(value any) (any, error)

	Required   bool   // of a key in a list's item
	Doc        string // sentences, for the person who writes the file
	Example    string // YAML of a value; "" if the default is a good example
	Since      string // the version that brought it
	Sensitive  bool   // its value is shown to nobody
	Reloadable bool   // a reload applies it; otherwise a restart does

	field binding
}

// binding connects a key with its field in Settings, Application, Rule or
// Executable.
type binding struct {
	get func(target any) any
	set func(target, value any)
}

func bind[T, V any](field func(*T) *V) binding {
	return binding{
		get: func(target any) any { return *field(target.(*T)) },
		set: func(target, value any) { *field(target.(*T)) = value.(V) },
	}
}

// checked turns a check of one type into a [Definition.Check].
func checked[V any](check func(V) (V, error)) func(any) (any, error) {
	return func(value any) (any, error) { return check(value.(V)) }
}

// Name returns the last part of the key: "timeout".
func (d Definition) Name() string { return d.Key[strings.LastIndexByte(d.Key, '.')+1:] }

// topmost reports whether the key is one of the agent itself, with a field in
// Settings, and none of an application.
func (d Definition) topmost() bool {
	return d.Key != "applications" && !strings.HasPrefix(d.Key, "applications.")
}

// Lookup returns the definition of a key. An application's id may stand for
// the *: both "applications.*.redeem" and "applications.cad.redeem" are found.
func Lookup(key string) (Definition, bool) {
	if rest, ok := strings.CutPrefix(key, "applications."); ok {
		if _, name, ok := strings.Cut(rest, "."); ok {
			key = "applications.*." + name
		}
	}
	for _, d := range Table() {
		if d.Key == key {
			return d, true
		}
	}
	return Definition{}, false
}

// schema is the table as a tree, which is how a file is read. A node without a
// definition is a section, such as network.
type schema struct {
	def      *Definition
	children map[string]*schema
}

func newSchema(table []Definition) *schema {
	root := &schema{}
	for i := range table {
		at := root
		for name := range strings.SplitSeq(table[i].Key, ".") {
			if at.children == nil {
				at.children = map[string]*schema{}
			}
			if at.children[name] == nil {
				at.children[name] = &schema{}
			}
			at = at.children[name]
		}
		at.def = &table[i]
	}
	return root
}

// item is the schema of a list's items.
func (s *schema) item() *schema { return s.children["*"] }
