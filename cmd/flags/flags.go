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

// errNotDecimal means that an integer is not decimal: 0x10, 0b11, 1_000 or 010.
var errNotDecimal = errors.New("write a decimal number without leading zeros")

// Strict makes the flags of a command and of all its commands strict: an integer is decimal,
// and a flag with one value is given once. Call it after all commands are added.
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

// Set sets the value. It returns an error for an integer in another base, and for a second
// value.
func (s strict) Set(text string) error {
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
