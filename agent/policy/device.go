package policy

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"regent/agent/address"
	"regent/agent/authz"
	"regent/agent/suggest"
	"regent/agent/token"
)

// Device has the functions by which [Device.Check] reads this machine. All are required.
type Device struct {
	System          string                                   // a GOOS value
	UserID, GroupID func(name string) (id string, err error) // "" if there is none
	ReadFile        func(name string) ([]byte, error)
	IsMissing       func(name string) bool
}

// Check returns the parts of a well-formed configuration that cannot work on this device
// now. Each one is a warning, since a missing user or file may be created later.
func (h Device) Check(res Resolved) []Problem {
	var found []Problem
	warn := func(key string, texts ...string) {
		p, _ := res.Provenance(key)
		for _, text := range texts {
			found = append(found, Problem{Origin: p.Origin, Key: key, Text: text})
		}
	}
	warn("registration_token_file", h.checkDirectory(res.Settings.RegistrationTokenFile)...)
	warn("metrics_textfile", h.checkDirectory(res.Settings.MetricsTextfile)...)
	for _, a := range res.Settings.Applications {
		key := "applications." + a.ID
		warn(key+".registration_token_file", h.checkDirectory(a.RegistrationTokenFile)...)
		for _, rule := range a.Allow {
			warn(key+".allow", h.checkRule(rule)...)
		}
	}
	return found
}

// EnvironmentProblems returns the environment's proxies that cannot be used, if
// network.proxy selects the environment.
func EnvironmentProblems(s Settings, e address.Environment) []Problem {
	if s.Network.Proxy != "" && s.Network.Proxy != SystemProxy {
		return nil
	}
	found := e.Ignored()
	for _, t := range s.ByTenant() {
		if err := e.Check(t.URL); err != nil {
			found = append(found, fmt.Errorf("%w, so regentd cannot connect to %s; set network.proxy, or correct the environment of the service and restart it", err, token.TenantHost(t.URL)))
		}
	}
	var out []Problem
	for _, err := range found {
		out = append(out, Problem{Origin: Origin{Name: "environment"}, Text: err.Error()})
	}
	return out
}

// checkDirectory reports a missing directory of a file.
func (h Device) checkDirectory(file string) []string {
	if dir := filepath.Dir(file); file != "" && h.IsMissing(dir) {
		return []string{"the directory " + dir + " does not exist; create it, or correct the key"}
	}
	return nil
}

// checkRule reports the conditions of a rule that admit nobody, or more callers than they
// seem to.
func (h Device) checkRule(r authz.Rule) []string {
	users := accounts{"user", "uid:", "user:", "users", h.UserID, h.names("/etc/passwd")}
	groups := accounts{"group", "gid:", "group:", "groups", h.GroupID, h.names("/etc/group")}
	texts := slices.Concat(users.check(r.Users, groups), groups.check(r.Groups, users))
	for _, u := range r.Units {
		texts = append(texts, checkUnitName(u)...)
	}
	for _, e := range r.Executables {
		if interpreters.MatchString(filepath.Base(e.Path)) {
			texts = append(texts, e.Path+" runs any script, so it admits everyone who may start it; name the application's own program, or units, users or groups")
		} else if h.IsMissing(e.Path) {
			texts = append(texts, e.Path+" does not exist here yet; if the path is wrong, correct it")
		}
	}
	return slices.Concat(texts, h.checkOtherSystems(r), checkProgramsOnly(r))
}

// names returns the names in a file such as /etc/passwd, where there is one.
func (h Device) names(file string) []string {
	if h.System == "windows" {
		return nil
	}
	b, err := h.ReadFile(file)
	if err != nil {
		return nil
	}
	var names []string
	for line := range strings.Lines(string(b)) {
		if name, _, ok := strings.Cut(line, ":"); ok {
			names = append(names, name)
		}
	}
	return names
}

// accounts are the users or the groups of this machine.
type accounts struct {
	singular, byID, byName string // as rules and people write them
	key                    string // of rules
	id                     func(name string) (string, error)
	known                  []string // some names, for suggestions
}

// check reports the words of a rule that match nobody here, or may match another account.
// other are the accounts of the other kind.
func (a accounts) check(words []string, other accounts) (texts []string) {
	for _, w := range words {
		name, named := strings.CutPrefix(w, a.byName)
		switch {
		case strings.HasPrefix(w, a.byID):
			texts = append(texts, a.checkReserved(strings.TrimPrefix(w, a.byID))...)
		case strings.HasPrefix(name, "S-1-"):
		case authz.IsNumber(w):
			texts = append(texts, a.checkNumber(w)...)
		default:
			id, err := a.id(name)
			if err == nil && id == "" {
				texts = append(texts, a.unknownName(name, named, other))
			} else if first := a.primaryName(name, id); err == nil && first != name {
				texts = append(texts, fmt.Sprintf("%s is a second name of %s (%s%s), so it admits nobody; write %s, or %s%s",
					name, first, a.byID, id, first, a.byID, id))
			}
		}
	}
	return texts
}

// primaryName returns the system's name of an id: the first one in its file.
func (a accounts) primaryName(name, id string) string {
	i := slices.Index(a.known, name)
	for _, other := range a.known[:max(i, 0)] {
		if of, err := a.id(other); err == nil && of == id {
			return other
		}
	}
	return name
}

// checkNumber reports a number that is no id, or also the name of an account.
func (a accounts) checkNumber(w string) []string {
	id, err := a.id(w)
	switch {
	case err == nil && id != "" && id != w:
		return []string{fmt.Sprintf("%s is the name of a %s (%s%s), but a number means %s%s, so it admits neither; write %s%s or %s%s",
			w, a.singular, a.byID, id, a.byID, w, a.byName, w, a.byID, w)}
	case !authz.IsID(w):
		return []string{fmt.Sprintf("%s is not a valid id of a %s, so it admits nobody; write the id as the system does, or %s%s if it is a name", w, a.singular, a.byName, w)}
	}
	return a.checkReserved(w)
}

// reservedIDs are ids of no account: -1 in 32 and in 16 bits.
var reservedIDs = []string{"4294967295", "65535"}

// checkReserved reports an id that no account can have.
func (a accounts) checkReserved(id string) []string {
	if !slices.Contains(reservedIDs, id) {
		return nil
	}
	return []string{fmt.Sprintf("%s%s means \"no %s\" (it is -1), so it admits nobody; write the id of the %s, or %sNAME", a.byID, id, a.singular, a.singular, a.byName)}
}

// unknownName returns the problem of a name without an account, and a suggestion.
func (a accounts) unknownName(name string, named bool, other accounts) string {
	text := "there is no " + a.singular + " " + name + " on this device, so it admits nobody; "
	if id, err := other.id(name); err == nil && id != "" {
		text += "there is a " + other.singular + " of that name: write it under " + other.key + ". Or "
	} else if near := suggest.Nearest(name, a.known); near != "" {
		text += "did you mean " + near + "? Or "
	}
	if named {
		return text + "create it, or write " + a.byID + "NUMBER for a " + a.singular + " of a directory service"
	}
	return text + "create it, correct the name, or write the number of a " + a.singular + " of a directory service"
}

// unitTypes are the units that a process can be in.
var unitTypes = []string{".service", ".scope", ".slice", ".socket", ".mount", ".swap"}

// checkUnitName reports a unit name that never matches.
func checkUnitName(name string) []string {
	kind := name[strings.LastIndexByte(name, '.'):]
	base := strings.TrimSuffix(name, kind)
	var why string
	switch {
	case !slices.Contains(unitTypes, kind):
		why = "no process is ever in a unit of type " + kind
		if near := suggest.Nearest(kind, unitTypes); near != "" {
			why += "; did you mean " + base + near + "?"
		} else {
			why += "; name the service"
		}
	case strings.ContainsAny(name, "*?[]"):
		why = "patterns are not supported; name each unit, or their slice"
	case strings.HasSuffix(base, "@"):
		why = "it is a template, and its instances have other names; write " + base + "INSTANCE" + kind + ", or their slice, system-" + strings.ReplaceAll(strings.TrimSuffix(base, "@"), "-", `\x2d`) + ".slice"
	case name == "-.slice":
		why = "the root slice contains every unit, so Regent ignores it; write everyone: true, or name another slice"
	case kind == ".slice" && (strings.HasPrefix(base, "-") || strings.HasSuffix(base, "-") || strings.Contains(base, "--")):
		why = "it is not a valid name of a slice; correct it"
	default:
		return nil
	}
	return []string{"unit " + name + " admits nobody: " + why}
}

// interpreters matches programs that run scripts. A rule that names one admits every script.
var interpreters = regexp.MustCompile(`^(a|ba|c|da|fi|k|tc|z)?sh$` +
	`|^(python|pypy|perl|ruby|node|nodejs|deno|bun|php|lua|luajit|java|dotnet|mono|env|busybox|powershell|pwsh|awk|gawk|mawk|tclsh|wish|guile|julia|Rscript|R|gjs|electron|wine|wine64|gdb)[0-9.]*(\.exe)?$` +
	`|^(ld-linux|ld-musl|qemu-).*$`)

// interpreterSigners matches the signers of interpreters.
var interpreterSigners = regexp.MustCompile(`(^|, )(O|CN)="?(Microsoft (Corporation|Windows)|Python Software Foundation|OpenJS Foundation|Oracle America, Inc\.|Eclipse\.org Foundation, Inc\.)"?(,|$)`)

// checkOtherSystems reports conditions that this system does not support, and signers of
// interpreters.
func (h Device) checkOtherSystems(r authz.Rule) []string {
	var texts []string
	if len(r.Units) > 0 && h.System != "linux" {
		texts = append(texts, "units need systemd, so the rule admits nobody on this system; add a rule with users, groups or executables")
	}
	if len(r.Signers) > 0 && h.System != "windows" {
		texts = append(texts, "signers need Windows, so the rule admits nobody on this system; add a rule with users, groups or executables")
	}
	for _, s := range r.Signers {
		if interpreterSigners.MatchString(s) && len(r.Executables) == 0 {
			texts = append(texts, s+" also signs interpreters, so it admits everyone who may start a script; name executables in the same rule")
		}
	}
	return texts
}

// checkProgramsOnly reports a rule that has only programs: it keeps no local user out.
func checkProgramsOnly(r authz.Rule) []string {
	switch {
	case len(r.Users)+len(r.Groups)+len(r.Units) > 0:
		return nil
	case len(r.Executables) > 0:
		return []string{"executables alone keep no local user out: who may start the program can make it run other code (LD_PRELOAD, a debugger); name users, groups or units in the same rule"}
	case len(r.Signers) > 0:
		return []string{"signers alone keep no local user out: who may start a signed program can debug it or make it run other code; name executables, users or groups in the same rule"}
	}
	return nil
}
