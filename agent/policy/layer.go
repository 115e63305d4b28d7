package policy

import (
	"errors"
	"fmt"
)

// Rank orders layers: the higher one wins.
type Rank uint8

// The ranks. Within one rank the later layer wins.
const (
	Default Rank = iota // compiled in
	Local               // the administrator's config.yaml
	Dropin              // config.d: the installer's answers, an application's package
	Managed             // the organisation's policy; nothing local overrides it
)

// String returns the name that people see.
func (r Rank) String() string {
	if names := []string{"default", "local", "drop-in", "managed"}; int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("rank %d", uint8(r))
}

// MaxLayer bounds the bytes of one layer. A bigger one is refused unread.
const MaxLayer = 1 << 20

// Layer is one source of settings, read whole: a file, or a store of values.
type Layer struct {
	Name string // "/etc/regent/config.yaml": it stands before each problem
	Rank Rank
	Data []byte // YAML

	Values []Value // of a store; Data is then not looked at
	Mixed  bool    // the store also has names of others, which are no settings
}

// Origin says where a value was written.
type Origin struct {
	Rank Rank
	Name string // the layer's; "" for a compiled default
	Line int    // counted from 1; 0 if there is none
}

// String returns "name:line", "name", or "default".
func (o Origin) String() string {
	switch {
	case o.Name == "":
		return o.Rank.String()
	case o.Line == 0:
		return o.Name
	}
	return fmt.Sprintf("%s:%d", o.Name, o.Line)
}

// Problem is something wrong with one value or one layer. It never holds a
// value that was written: people put secrets where they do not belong.
type Problem struct {
	Origin Origin
	Key    string // "applications.cad.instances"; "" if the whole layer is meant
	Text   string // what is wrong; what to write

	// Fatal is set for what must stop a start. Otherwise the value was set
	// aside and the next layer rules, or it is a warning.
	Fatal bool
}

// Error returns "file:line: key: what is wrong; what to write".
func (p Problem) Error() string {
	if p.Key == "" {
		return p.Origin.String() + ": " + p.Text
	}
	return p.Origin.String() + ": " + p.Key + ": " + p.Text
}

// Fatal joins the problems that must stop a start, in their order. It returns
// nil if there are none.
func Fatal(problems []Problem) error {
	var errs []error
	for _, p := range problems {
		if p.Fatal {
			errs = append(errs, p)
		}
	}
	return errors.Join(errs...)
}
