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
	Key   string
	Title string // a few words, for a console that shows a list of settings
	Type  Type

	// Default is the effective value where no layer sets one: a string, bool,
	// int or time.Duration. nil if there is none, as for lists.
	Default any
	Words   []string // of a Word: every value there is

	// Min and Max bound an Int, and a Duration in nanoseconds; both included.
	Min, Max int64

	// Check returns the value in its normal form, or what is wrong with it and
	// what to write instead, without quoting it. nil accepts any value of Type.
	Check func(value any) (any, error)

	// Pattern is a regular expression, of the kind that JSON Schema and RE2 share,
	// that every value of a Text or Path matches: what an editor or a management
	// console can check. Check says the last word. "" matches anything.
	Pattern string

	// Artefacts names the generated artefacts that the key stands in.
	Artefacts Artefact

	Required   bool   // of a key in a list's item
	Doc        string // sentences, for the person who writes the file
	Example    string // YAML of a value; "" if the default is a good example
	Since      string // the version that brought it
	Sensitive  bool   // its value is shown to nobody
	Reloadable bool   // a reload applies it; otherwise a restart does

	field binding
}

// Artefact is a set of kinds of files that are made from the table.
type Artefact uint16

// The kinds.
const (
	ConfigFile  Artefact = 1 << iota // the commented default config.yaml
	Schema                           // the JSON Schema for editors
	Reference                        // the reference in Markdown
	Manual                           // regent.yaml(5)
	Readme                           // the table in the README
	GroupPolicy                      // ADMX and ADML
	OMAURI                           // what Intune calls the same
	Profile                          // the macOS configuration profile
	Manifest                         // what consoles read of a macOS preference domain
	Debconf                          // the questions of the Debian package
)

// Sets of artefacts. A key of a list's item is no policy of its own: it stands
// inside the value of its list.
const (
	fileArtefacts = ConfigFile | Schema | Reference | Manual
	allArtefacts  = fileArtefacts | GroupPolicy | OMAURI | Profile | Manifest
	itemArtefacts = fileArtefacts | Profile | Manifest
)

// AppearsIn reports whether the key stands in all of the artefacts.
func (d Definition) AppearsIn(in Artefact) bool { return d.Artefacts&in == in }

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

// checkOf turns a check of one type into a [Definition.Check].
func checkOf[V any](check func(V) (V, error)) func(any) (any, error) {
	return func(value any) (any, error) { return check(value.(V)) }
}

// Name returns the last part of the key: "timeout".
func (d Definition) Name() string { return d.Key[strings.LastIndexByte(d.Key, '.')+1:] }

// PolicyName returns the key's name where names have neither dots nor
// underscores, in the registry and in macOS preferences: "NetworkCAFile" of
// "network.ca_file". Names are unique, also if case is ignored.
func (d Definition) PolicyName() string {
	var name strings.Builder
	for word := range strings.FieldsFuncSeq(d.Key, func(r rune) bool { return r == '.' || r == '_' || r == '*' }) {
		switch word {
		case "ca", "id", "sha256":
			name.WriteString(strings.ToUpper(word))
		default:
			name.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return name.String()
}

// IsAgentKey reports whether the key is one of the agent itself, and none of an
// application: those that managed stores of named values can set, and
// "applications" beside them.
func (d Definition) IsAgentKey() bool { return d.isSettingsKey() }

// isSettingsKey reports whether the key is one of the agent itself, with a field in
// Settings, and none of an application.
func (d Definition) isSettingsKey() bool {
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
