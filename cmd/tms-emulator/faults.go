package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"regent/agent/tms/emulator"
)

// faults reads the flags --fail and --drop.
func faults(fail, drop []string) (all []emulator.Fault, err error) {
	for i, text := range slices.Concat(fail, drop) {
		f, err := fault(text)
		flag, dropped := "--fail", i >= len(fail)
		if dropped {
			flag, f.AfterCommit = "--drop", true
		}
		switch {
		case err != nil:
		case dropped && f.Status != 0:
			err = errors.New("status: a reply that is dropped has none")
		case !dropped && f.Status == 0:
			err = errors.New("status is missing, such as status=500")
		}
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", flag, text, err)
		}
		all = append(all, f)
	}
	return all, nil
}

// fault parses "class=redeem,status=500,count=2,retry-after=60,after-commit". The emulator
// checks the values.
func fault(text string) (emulator.Fault, error) {
	var f emulator.Fault
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(part, "=")
		var err error
		switch key {
		case "class":
			f.Class = emulator.Class(value)
		case "status":
			f.Status, err = strconv.Atoi(value)
		case "count":
			f.Count, err = strconv.Atoi(value)
		case "retry-after":
			f.RetryAfter = value
		case "after-commit":
			f.AfterCommit = true
		default:
			err = fmt.Errorf("must be class, status, count, retry-after or after-commit")
		}
		if err != nil {
			return f, fmt.Errorf("%q: %w", key, err)
		}
	}
	return f, nil
}
