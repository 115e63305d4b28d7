package main

import (
	"context"
	"errors"
	"strings"

	"regent/agent/fault"
	"regent/platform/tokenfile"
)

// explain puts err into one or two lines: what is wrong, and the next step.
// It is empty where all has been said.
func explain(err error) string {
	if _, ok := errors.AsType[unwell](err); ok {
		return ""
	}
	what, next := err.Error(), nextStep(err)
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		what, next = explainFault(f)
	}
	if errors.Is(err, context.Canceled) {
		what, next = "interrupted", ""
	}
	text := "regent: " + printable(what) + "\n"
	if next != "" {
		text += printable(next) + "\n"
	}
	return text
}

// nextStep is what to do about an error that is no fault; "" if it says so
// itself.
func nextStep(err error) string {
	if e, ok := errors.AsType[*usageError](err); ok {
		return "see " + e.command + " --help"
	}
	if errors.Is(err, tokenfile.ErrNotPermitted) {
		return "run the same command as an administrator of this device"
	}
	return ""
}

// explainFault adds the kind's advice where the fault's own words do not hold
// it already.
func explainFault(f *fault.Fault) (what, next string) {
	what = string(f.Kind) + ": " + f.Text()
	if f.ID != "" {
		what = f.ID + ": " + what
	}
	if advice := f.Kind.Advice(); !strings.Contains(what, advice) {
		next = advice
	}
	if f.Retry > 0 {
		what += " (try again in " + inWords(f.Retry) + ")"
	}
	return what, next
}
