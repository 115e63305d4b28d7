// Package flags makes the flags of a program strict.
package flags

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ErrTwice means that a flag with one value is given twice, with different values.
var ErrTwice = errors.New("is given twice, with different values: give it once")

// ErrEmpty means that a flag with one value has an empty text: most likely a variable in a
// script is not set. Without this error, an empty filter selects everything.
var ErrEmpty = errors.New("is empty: give a value, or omit the flag")

// Text describes the error of a parser about a flag that is empty or given twice. It is ""
// for another error.
func Text(err error) string {
	bad, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return ""
	}
	for _, known := range []error{ErrEmpty, ErrTwice} {
		if errors.Is(err, known) {
			return "--" + bad.GetFlag().Name + " " + known.Error()
		}
	}
	return ""
}

// errNotDecimal means that an integer is not decimal: 0x10, 0b11, 1_000 or 010.
var errNotDecimal = errors.New("write a decimal number without leading zeros")

// Strict makes the flags of a command and of all its commands strict: an integer is decimal,
// and a flag with one value is given once, and is not empty. Call it after all commands are added.
func Strict(root *cobra.Command) {
	for _, set := range []*pflag.FlagSet{root.PersistentFlags(), root.Flags()} {
		set.VisitAll(func(f *pflag.Flag) {
			if _, done := f.Value.(strict); !done && slices.Contains([]string{"int", "string", "bool", "duration"}, f.Value.Type()) {
				f.Value = strict{f.Value, f}
			}
		})
	}
	for _, c := range root.Commands() {
		Strict(c)
	}
}

// strict is the value of a flag.
type strict struct {
	pflag.Value
	flag *pflag.Flag
}

// Set sets the value. It returns an error for an integer in another base, for an empty text
// and for a second value.
func (s strict) Set(text string) error {
	if text == "" && s.Type() == "string" {
		return ErrEmpty
	}
	if digits := strings.TrimLeft(text, "+-"); s.Type() == "int" && (strings.Trim(digits, "0123456789") != "" || len(digits) > 1 && digits[0] == '0') {
		return errNotDecimal
	}
	before := s.String()
	if err := s.Value.Set(text); err != nil {
		return err
	}
	if s.flag.Changed && s.String() != before {
		return ErrTwice
	}
	return nil
}
