package layout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// right is a set of rights of one thing: a file, a directory or a pipe.
type right uint32

// The rights that the lists are about, as Windows numbers them.
const (
	readData     right = 0x1
	writeData    right = 0x2 // of a directory: add a file
	appendData   right = 0x4 // of a directory: add another; of a pipe: make an instance
	readAttrs    right = 0x80
	deleteChild  right = 0x40
	deleteThis   right = 0x10000
	readControl  right = 0x20000
	writeDAC     right = 0x40000
	writeOwner   right = 0x80000
	synchronize  right = 0x100000
	everything   right = 0x1f01ff
	takeOver           = writeDAC | writeOwner | deleteThis | deleteChild
	makeInstance       = appendData
)

// entry is one line of an access list.
type entry struct {
	deny, inherits bool
	rights         right
	who            string
}

// list is an access list that was parsed.
type list struct {
	owner, group string
	protected    bool
	entries      []entry
}

// parse reads SDDL, as far as our lists use it, and refuses the rest.
func parse(t *testing.T, sddl string) list {
	t.Helper()
	head, body, ok := strings.Cut(sddl, "D:")
	if !ok {
		t.Fatalf("%s: no access list", sddl)
	}
	var l list
	if owner, group, ok := strings.Cut(head, "G:"); ok {
		l.owner, l.group = strings.TrimPrefix(owner, "O:"), group
	} else if head != "" {
		t.Fatalf("%s: an owner without a group", sddl)
	}
	flags, rest, _ := strings.Cut(body, "(")
	if flags != "" && flags != "P" {
		t.Fatalf("%s: flags %q", sddl, flags)
	}
	l.protected = flags == "P"
	for text := range strings.SplitSeq(strings.TrimSuffix(rest, ")"), ")(") {
		e, err := parseEntry(text)
		if err != nil {
			t.Fatalf("%s: %v", sddl, err)
		}
		l.entries = append(l.entries, e)
	}
	return l
}

func parseEntry(text string) (e entry, err error) {
	f := strings.Split(text, ";")
	if len(f) != 6 || f[0] != "A" && f[0] != "D" || f[3]+f[4] != "" {
		return e, fmt.Errorf("entry %q", text)
	}
	switch f[1] {
	case "", "OICI":
	default:
		return e, fmt.Errorf("entry %q: flags", text)
	}
	e.deny, e.inherits, e.who = f[0] == "D", f[1] == "OICI", f[5]
	switch f[2] {
	case "GA", "FA":
		e.rights = everything
	default:
		n, err := strconv.ParseUint(f[2], 0, 32)
		if err != nil {
			return e, fmt.Errorf("entry %q: %w", text, err)
		}
		e.rights = right(n)
	}
	return e, nil
}

// groups says what a token of each kind of user has in it.
var groups = map[string][]string{
	"SYSTEM":           {"SY", "BA", "AU", "WD"},
	"an administrator": {"BA", "BU", "AU", "IU", "WD"}, // elevated
	"a user":           {"BU", "AU", "IU", "WD"},
	"a guest":          {"BG", "WD"},
	"from the network": {"NU", "BA", "BU", "AU", "WD"}, // an administrator even
	"anonymous":        {"AN", "NU"},
}

// may evaluates a list as the system does: in order, and what is denied before it is
// allowed stays denied.
func (l list) may(who string) right {
	var allowed, denied right
	for _, e := range l.entries {
		if !slices.Contains(groups[who], e.who) {
			continue
		}
		if e.deny {
			denied |= e.rights &^ allowed
		} else {
			allowed |= e.rights &^ denied
		}
	}
	return allowed
}

// below is the list that a file gets which is made inside, with none of its own.
func (l list) below() list {
	var b list
	for _, e := range l.entries {
		if e.inherits {
			b.entries = append(b.entries, e)
		}
	}
	return b
}
