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
	Managed             // the organization's policy; no lower layer overrides it
)

// String returns the name that people see.
func (r Rank) String() string {
	if names := []string{"default", "local", "drop-in", "managed"}; int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("rank %d", uint8(r))
}

// MaxLayer is the maximum size of one layer in bytes. A larger one is not read.
const MaxLayer = 1 << 20

// Layer is the content of one source of settings: a file, or a store of values.
type Layer struct {
	Name string // "/etc/regent/config.yaml"; the prefix of each problem
	Rank Rank
	Data []byte // YAML

	Values []Value // of a store; Data is then ignored
	Mixed  bool    // the store also has values that are no settings
}

// Origin is the place where a value was written.
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

// Problem is an error or a warning about one value or one layer. It never contains the
// value, since that may be a secret in the wrong place.
type Problem struct {
	Origin Origin
	Key    string // "applications.cad.instances"; "" if the whole layer is meant
	Text   string // the reason; the next step

	// Fatal problems prevent a start. Otherwise the value is ignored and the next layer
	// applies, or the problem is a warning.
	Fatal bool
}

// Error returns "file:line: key: reason; next step".
func (p Problem) Error() string {
	if p.Key == "" {
		return p.Origin.String() + ": " + p.Text
	}
	return p.Origin.String() + ": " + p.Key + ": " + p.Text
}

// Fatal joins the fatal problems in their order. It returns nil if there are none.
func Fatal(problems []Problem) error {
	var errs []error
	for _, p := range problems {
		if p.Fatal {
			errs = append(errs, p)
		}
	}
	return errors.Join(errs...)
}
