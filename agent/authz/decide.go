package authz

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	maxExplained = 8   // rules that a refusal explains one by one
	maxReason    = 240 // bytes of the reason that one rule gives
)

// Decide allows the caller if one of the rules admits it. Otherwise it denies, and the
// reason names the unmet condition of each rule. Administrators have no special right here:
// only the rules decide who gets tokens.
//
// For a unit that asks as a whole, only the rules that name it count.
//
// Decide reads evidence only for rules that meet all other conditions. A fact without
// evidence counts as not met.
func Decide(c Caller, rules []Rule) Decision {
	var no []mismatch // why not, rule by rule
	doubt := ""
	for i, r := range rules {
		if c.Unit != "" && !r.NamesUnit(c) {
			continue
		}
		why, more := r.mismatch(c)
		if why == "" {
			return Decision{Allow: true, Rule: name(i, r), Reason: r.allowReason() + more}
		}
		no = append(no, mismatch{i, why})
		if doubt == "" {
			doubt = more
		}
	}
	return Decision{Reason: joinReasons(rules, no), Doubt: doubt}
}

// NamesUnit reports whether the rule names the caller's unit, or a slice of it.
func (r Rule) NamesUnit(c Caller) bool {
	return slices.Contains(r.Units, c.Unit) || slices.ContainsFunc(c.Slices, func(s string) bool { return slices.Contains(r.Units, s) })
}

// mismatch returns why the rule does not admit c, "" if it does. more has further facts: the
// signer if the rule admits c, otherwise a doubt. The cheap conditions come first, so that a
// stranger costs no I/O.
func (r Rule) mismatch(c Caller) (why, more string) {
	if r.conditions() == "" {
		return "it has no condition, so it admits nobody", ""
	}
	if c.Unit != "" && len(r.Users)+len(r.Groups)+len(r.Executables)+len(r.Signers) > 0 {
		return "it has other conditions than units, but only the unit is known while the unit starts", ""
	}
	if len(r.Users) > 0 {
		if is, doubt := matchesUser(r.Users, c); !is {
			return fmt.Sprintf("user %s is not among its users%s", label(c.UID, c.User), withColon(doubt)), doubt
		}
	}
	if len(r.Groups) > 0 {
		if is, doubt := matchesGroups(r.Groups, c); !is {
			return fmt.Sprintf("user %s is in none of its groups%s", label(c.UID, c.User), withColon(doubt)), doubt
		}
	}
	if len(r.Units) > 0 && c.Unit == "" { // else Decide has compared them
		if why := unitMismatch(r.Units, c.Evidence); why != "" {
			return why, ""
		}
	}
	if len(r.Executables) > 0 {
		if why := executableMismatch(r.Executables, c.Evidence); why != "" {
			return why, ""
		}
	}
	if len(r.Signers) > 0 {
		return signerMismatch(r.Signers, c.Evidence)
	}
	return "", ""
}

// conditions names the kinds of condition that the rule has. The usual rule has one,
// which costs no memory.
func (r Rule) conditions() string {
	var names [6]string
	all := names[:0]
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
		if k.has {
			all = append(all, k.name)
		}
	}
	return strings.Join(all, ", ")
}

// allowReason is the reason of a rule that admits. That of the usual rule costs no
// memory.
func (r Rule) allowReason() string {
	switch conditions := r.conditions(); conditions {
	case "users":
		return "it holds: users"
	case "groups":
		return "it holds: groups"
	default:
		return "it holds: " + conditions
	}
}

func unitMismatch(units []string, e Evidence) string {
	if e == nil {
		return "the unit of the process is not known"
	}
	of, err := e.Units()
	if err != nil {
		return fmt.Sprintf("its unit cannot be read: %v", err)
	}
	for _, u := range of {
		if slices.Contains(units, u) {
			return ""
		}
	}
	return fmt.Sprintf("unit %s is not among its units", strings.Join(of, " in "))
}

// executableMismatch gives the reason of the last program that was compared.
func executableMismatch(programs []Executable, e Evidence) (why string) {
	if e == nil {
		return "the executable of the process is not known"
	}
	for _, p := range programs {
		if why = programMismatch(p, e); why == "" {
			return ""
		}
	}
	return why
}

func programMismatch(p Executable, e Evidence) string {
	is, why := e.IsExecutable(p.Path)
	if !is {
		return fmt.Sprintf("it does not run %s: %s", p.Path, why)
	}
	if p.SHA256 == "" {
		return ""
	}
	sum, err := e.SHA256()
	if err != nil {
		return fmt.Sprintf("the digest of %s cannot be read: %v", p.Path, err)
	}
	if !strings.EqualFold(sum, p.SHA256) {
		return fmt.Sprintf("%s has SHA-256 %s, which is not the rule's", p.Path, sum)
	}
	return ""
}

// signerMismatch names the signer of the program, whether the rule admits it or not.
func signerMismatch(words []string, e Evidence) (why, by string) {
	if e == nil {
		return "the signer of the program is not known", ""
	}
	s, err := e.Signer()
	if err != nil {
		return fmt.Sprintf("its signer cannot be read: %v", err), ""
	}
	if slices.ContainsFunc(words, s.matches) {
		return "", "; signed by " + s.String()
	}
	return "it is signed by " + s.String() + ", which is not among its signers", ""
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

// withColon puts a colon before an explanation, if there is one.
func withColon(more string) string {
	if more == "" {
		return ""
	}
	return ": " + more
}

// mismatch is the reason why one rule does not admit.
type mismatch struct {
	rule   int
	reason string
}

// joinReasons joins the reasons why no rule admits. It bounds their length, since they go to
// a log, and rules and paths are input.
func joinReasons(rules []Rule, no []mismatch) string {
	switch {
	case len(rules) == 0:
		return "the application has no allow rule"
	case len(no) == 0:
		return "no allow rule names the unit"
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
		b.WriteString(name(u.rule, rules[u.rule]) + ": " + shorten(u.reason, maxReason))
	}
	return b.String()
}

func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
