package authz

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	maxExplained = 8   // rules that a refusal explains one by one
	maxWhy       = 240 // bytes of the reason that one rule gives
)

// Decide says whether any of the rules admits the caller: every condition that
// a rule names must hold. Without a rule that does, the answer is no, and the
// reason goes through the rules one by one. Being an administrator admits to
// nothing here: administrators administer, the rules say who gets tokens.
//
// For a unit that asks as a whole only those rules count that name it.
//
// Evidence is asked only for rules whose other conditions hold, and what it
// cannot prove does not hold.
func Decide(c Caller, rules []Rule) Decision {
	var no []unmet // why not, rule by rule
	for i, r := range rules {
		if c.Unit != "" && !r.Names(c.Unit) {
			continue
		}
		why, by := r.unmet(c)
		if why == "" {
			return Decision{Allow: true, Rule: name(i, r), Reason: r.holds() + by}
		}
		no = append(no, unmet{i, why})
	}
	return Decision{Reason: reason(rules, no)}
}

// Names reports whether the rule names a unit among its conditions.
func (r Rule) Names(unit string) bool { return anyMatch(r.Units, "", unit) }

// unmet returns why the rule does not admit c, "" if it does; by then says what
// the answer should tell of the program. The cheap conditions come first, so that
// a stranger costs no I/O.
func (r Rule) unmet(c Caller) (why, by string) {
	if r.conditions() == "" {
		return "it has no condition, so it admits nobody", ""
	}
	if c.Unit != "" && len(r.Users)+len(r.Groups)+len(r.Executables)+len(r.Signers) > 0 {
		return "it asks for more than the unit, and of a unit that is only starting nothing else is known", ""
	}
	if len(r.Users) > 0 && !anyMatch(r.Users, c.UID, c.User) {
		return fmt.Sprintf("user %s is not among its users", label(c.UID, c.User)), ""
	}
	if len(r.Groups) > 0 && !inGroups(r.Groups, c) {
		return fmt.Sprintf("user %s is in none of its groups", label(c.UID, c.User)), ""
	}
	if len(r.Units) > 0 {
		if why := unitUnmet(r.Units, c.Evidence); why != "" {
			return why, ""
		}
	}
	if len(r.Executables) > 0 {
		if why := executableUnmet(r.Executables, c.Evidence); why != "" {
			return why, ""
		}
	}
	if len(r.Signers) > 0 {
		return signerUnmet(r.Signers, c.Evidence)
	}
	return "", ""
}

// conditions names the kinds of condition that the rule has.
func (r Rule) conditions() string {
	only, several := "", []string(nil)
	for _, k := range [...]struct {
		name string
		has  bool
	}{
		{"everyone", r.Everyone},
		{"users", len(r.Users) > 0},
		{"groups", len(r.Groups) > 0},
		{"units", len(r.Units) > 0},
		{"executables", len(r.Executables) > 0},
		{"signers", len(r.Signers) > 0},
	} {
		switch {
		case !k.has:
		case only == "":
			only = k.name // the usual rule has one, which then costs no memory
		default:
			several = append(several, k.name)
		}
	}
	if several == nil {
		return only
	}
	return only + ", " + strings.Join(several, ", ")
}

// holds is the reason of a rule that admits. That of the usual rule costs no
// memory.
func (r Rule) holds() string {
	switch conditions := r.conditions(); conditions {
	case "users":
		return "it holds: users"
	case "groups":
		return "it holds: groups"
	default:
		return "it holds: " + conditions
	}
}

// matches reports whether a rule's word means this id or this name. A word of
// digits means an id only: a user who could choose the name "1000" must not
// become the user with that id.
func matches(word, id, name string) bool {
	if word == "" {
		return false
	}
	return word == id || word == name && !decimal(word)
}

func decimal(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func anyMatch(words []string, id, name string) bool {
	for _, w := range words {
		if matches(w, id, name) {
			return true
		}
	}
	return false
}

func inGroups(words []string, c Caller) bool {
	for _, id := range c.GIDs {
		if anyMatch(words, id, "") {
			return true
		}
	}
	for _, n := range c.Groups {
		if anyMatch(words, "", n) {
			return true
		}
	}
	return false
}

func unitUnmet(units []string, e Evidence) string {
	if e == nil {
		return "nothing proves which unit the process is in"
	}
	unit, err := e.Unit()
	if err != nil {
		return fmt.Sprintf("its unit cannot be told: %v", err)
	}
	if !anyMatch(units, "", unit) {
		return fmt.Sprintf("unit %s is not among its units", unit)
	}
	return ""
}

// executableUnmet gives the reason of the last program that was compared.
func executableUnmet(programs []Executable, e Evidence) (why string) {
	if e == nil {
		return "nothing proves which executable the process runs"
	}
	for _, p := range programs {
		if why = programUnmet(p, e); why == "" {
			return ""
		}
	}
	return why
}

func programUnmet(p Executable, e Evidence) string {
	is, why := e.IsExecutable(p.Path)
	if !is {
		return fmt.Sprintf("it does not run %s: %s", p.Path, why)
	}
	if p.SHA256 == "" {
		return ""
	}
	sum, err := e.SHA256()
	if err != nil {
		return fmt.Sprintf("the digest of %s cannot be told: %v", p.Path, err)
	}
	if !strings.EqualFold(sum, p.SHA256) {
		return fmt.Sprintf("%s has SHA-256 %s, which is not the rule's", p.Path, sum)
	}
	return ""
}

// signerUnmet tells in either case who signed the program.
func signerUnmet(words []string, e Evidence) (why, by string) {
	if e == nil {
		return "nothing proves who signed the program", ""
	}
	s, err := e.Signer()
	if err != nil {
		return fmt.Sprintf("its signer cannot be told: %v", err), ""
	}
	if slices.ContainsFunc(words, s.is) {
		return "", "; signed by " + s.String()
	}
	return "it is signed by " + s.String() + ", who is not among its signers", ""
}

func name(i int, r Rule) string {
	if r.Origin == "" {
		return "allow[" + strconv.Itoa(i) + "]"
	}
	return "allow[" + strconv.Itoa(i) + "] (" + r.Origin + ")"
}

// label shows a name with its id: "alice (1000)".
func label(id, name string) string {
	if name == "" {
		return id
	}
	return name + " (" + id + ")"
}

// unmet is why one rule does not admit.
type unmet struct {
	rule int
	why  string
}

// reason puts together why no rule admits. It is bounded: it goes to a log, and
// rules and paths are somebody's input.
func reason(rules []Rule, no []unmet) string {
	if len(no) == 0 {
		return "no rule opens this application to anybody"
	}
	var b strings.Builder
	for n, u := range no {
		if n == maxExplained {
			fmt.Fprintf(&b, "; and %d more", len(no)-n)
			break
		}
		if n > 0 {
			b.WriteString("; ")
		}
		b.WriteString(name(u.rule, rules[u.rule]))
		b.WriteString(": ")
		b.WriteString(shortened(u.why, maxWhy))
	}
	return b.String()
}

func shortened(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
