package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"regent/agent/authz"
	"regent/platform/peer"
	"regent/platform/terminal"
)

// callerKind is a kind of caller that setup can admit.
type callerKind struct {
	flag, question string
	names          []string // of the flag
	defaultValue   []string
	rule           func(names []string) authz.Rule
}

// rules asks who may use the application, unless other rules than those of setup decide. It
// writes only rules that changed.
func (a *setupAnswers) rules() error {
	key := "applications." + a.id + ".allow"
	app := a.file.application(a.id)
	current, source := a.currentRules(app, key)
	all := a.callerKinds(current)
	set := slices.ContainsFunc(all, func(k callerKind) bool { return a.cmd.Flags().Changed(k.flag) })
	asks := a.canAsk() && !a.flags.yes
	switch {
	case set:
		all = a.callerKinds(app.Allow)
	case source != "" && !a.asksForRules(current, source, key):
		a.tell("Users, groups and units: as in " + source + ".")
		return nil
	case source != "" && !asks:
		return nil
	}
	for {
		rules, changed, err := a.askRules(all, set)
		switch {
		case err != nil || len(current) > 0 && !set && !changed:
			return err
		case len(rules) == 0 && asks && !set:
			terminal.Print(a.err, "  Name at least one user, group or unit. Otherwise every request is denied.\n")
			continue
		case len(rules) == 0:
			a.missing = append(a.missing, "--users, --groups or --units")
			return nil
		}
		app.Allow = append(rules, otherRules(app.Allow)...)
		return a.set(app, key, "--users", true)
	}
}

// currentRules returns the rules in force and their source; "" if there are none.
func (a *setupAnswers) currentRules(app setupApplication, key string) ([]authz.Rule, string) {
	others := a.device.values(key)
	switch {
	case len(app.Allow) > 0 && a.device.overriddenBy(key) == "":
		return app.Allow, a.device.path
	case len(others) > 0:
		rules, err := parseRules(a.id, others[0].Value)
		if err != nil {
			rules = []authz.Rule{{}} // no simple one, so no answer replaces it
		}
		return rules, others[0].Source
	}
	return nil, ""
}

// asksForRules reports whether a person may change rules by answers: those of the file of
// setup, or simple ones in a file below it that no package brings.
func (a *setupAnswers) asksForRules(current []authz.Rule, source, key string) bool {
	if a.device.isBrought(a.id) && len(a.device.values(key)) > 0 {
		return false
	}
	return source == a.device.path || a.device.overriddenBy(key) == "" && len(otherRules(current)) == 0
}

// askRules returns the rules for all kinds of callers, and whether a name is not the default.
func (a *setupAnswers) askRules(all []callerKind, set bool) (rules []authz.Rule, changed bool, err error) {
	for _, k := range all {
		names, err := a.names(k, set)
		if err != nil {
			return nil, false, err
		}
		if len(names) > 0 {
			rules = append(rules, k.rule(names))
		}
		changed = changed || !slices.Equal(names, splitNames(strings.Join(k.defaultValue, ",")))
	}
	return rules, changed, nil
}

// names returns the names of one kind: from the flag, from the person, or the default ones.
// If one of the three flags is set, it asks for none of them.
func (a *setupAnswers) names(k callerKind, set bool) ([]string, error) {
	check := func(s string) error {
		if strings.ContainsFunc(s, func(r rune) bool { return r != ' ' && unicode.IsSpace(r) }) {
			return errors.New("the list has a line break or a tab. Separate the names by commas")
		}
		return checkRule(k.rule(splitNames(s)))
	}
	if text, isSet, err := a.flagValue(k.flag, strings.Join(k.names, ","), check); isSet || err != nil {
		return splitNames(text), err
	}
	defaultValue := strings.Join(k.defaultValue, ",")
	if set && k.flag == "users" && len(a.file.application(a.id).Allow) == 0 {
		return nil, nil // the caller of sudo is the default only if nobody is named
	}
	if set || a.flags.yes || !a.canAsk() || k.flag == "units" && runtime.GOOS != "linux" {
		return k.defaultValue, check(defaultValue)
	}
	if defaultValue == "" {
		defaultValue = noName
	}
	text, err := a.question(k.question, "--"+k.flag, defaultValue, check)
	return splitNames(text), err
}

// noName is the answer for an empty list.
const noName = "none"

func splitNames(text string) (names []string) {
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" && name != noName && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// checkRule returns the reason why the parser refuses a rule.
func checkRule(r authz.Rule) error {
	if len(r.Users)+len(r.Groups)+len(r.Units) == 0 {
		return nil
	}
	if err := checkSetup(setupFile{Applications: []setupApplication{{ID: "a", Allow: []authz.Rule{r}}}}); err != nil {
		return fmt.Errorf("a name %w", err)
	}
	return nil
}

// isSimple reports whether a rule is one that setup asks for.
func isSimple(r authz.Rule) bool {
	kinds := 0
	for _, names := range [][]string{r.Users, r.Groups, r.Units} {
		kinds += min(1, len(names))
		if len(splitNames(strings.Join(names, ","))) != len(names) { // an answer cannot have them
			return false
		}
	}
	return kinds == 1 && len(r.Executables)+len(r.Signers) == 0 && !r.Everyone
}

// otherRules returns the rules that setup does not ask for. It keeps them.
func otherRules(rules []authz.Rule) []authz.Rule {
	return slices.DeleteFunc(slices.Clone(rules), isSimple)
}

// callerKinds returns the kinds of callers. The default ones are those in the file, or else the
// user who ran sudo.
func (a *setupAnswers) callerKinds(rules []authz.Rule) []callerKind {
	all := []callerKind{
		{flag: "users", question: "Users who may use it, separated by commas", names: a.flags.users, rule: func(n []string) authz.Rule { return authz.Rule{Users: n} }},
		{flag: "groups", question: "Groups that may use it", names: a.flags.groups, rule: func(n []string) authz.Rule { return authz.Rule{Groups: n} }},
		{flag: "units", question: "systemd units that may use it", names: a.flags.units, rule: func(n []string) authz.Rule { return authz.Rule{Units: n} }},
	}
	for _, r := range rules {
		if isSimple(r) {
			all[0].defaultValue = append(all[0].defaultValue, r.Users...)
			all[1].defaultValue = append(all[1].defaultValue, r.Groups...)
			all[2].defaultValue = append(all[2].defaultValue, r.Units...)
		}
	}
	if len(rules) == 0 {
		all[0].defaultValue = a.invoker()
	}
	return all
}

// invoker returns the user who ran sudo, as a rule names them; none if that is unknown or
// root. An account of a directory service matches by its number only.
func (a *setupAnswers) invoker() []string {
	if runtime.GOOS == "windows" {
		if name := a.getenv("USERNAME"); name != "" && !strings.HasSuffix(name, "$") {
			return []string{a.getenv("USERDOMAIN") + `\` + name}
		}
		return nil
	}
	ids := a.invokingUser()
	if len(ids) == 0 {
		return nil
	}
	uid := strconv.Itoa(ids[0])
	if name := a.getenv("SUDO_USER"); name != "" {
		if id, err := peer.UserID(name); err == nil && id == uid {
			return []string{name}
		}
	}
	return []string{"uid:" + uid}
}
