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
	"regent/agent/policy"
	"regent/agent/token"
	"regent/platform/peer"
	"regent/platform/terminal"
)

// setupAnswers collects the answers: from the flags, then from the person.
type setupAnswers struct {
	setup
	file    setupFile // the answers so far
	id      string    // the application
	missing []string  // the flags without which there is no answer, if nobody can be asked
}

// canAsk reports whether a person answers questions.
func (a *setupAnswers) canAsk() bool { return a.ask != nil && !wantsJSON(a.cmd) }

// question asks until check accepts the answer. An empty answer means the default. With --yes,
// it does not ask if there is a default. If nobody can be asked, it notes the flag.
func (a *setupAnswers) question(text, flag, defaultValue string, check func(string) error) (string, error) {
	switch {
	case defaultValue != "" && (a.flags.yes || !a.canAsk()):
		return defaultValue, check(defaultValue)
	case !a.canAsk():
		a.missing = append(a.missing, flag)
		return "", nil
	}
	if defaultValue != "" {
		text += " [" + printable(defaultValue) + "]"
	}
	for {
		answer, err := a.ask(a.cmd.Context(), text)
		if err != nil {
			return "", err
		}
		if answer == "" {
			answer = defaultValue
		}
		if answer == "" {
			terminal.Print(a.err, "  Type an answer, or press Ctrl-C to stop.\n")
			continue
		}
		if err = check(answer); err == nil {
			return answer, nil
		}
		terminal.Print(a.err, "  "+printable(err.Error())+".\n")
	}
}

// flagValue returns the checked value of a flag, and whether it is set.
func (a *setupAnswers) flagValue(flag, value string, check func(string) error) (string, bool, error) {
	if !a.cmd.Flags().Changed(flag) {
		return "", false, nil
	}
	if err := check(value); err != nil {
		return "", true, usage(a.cmd, "--%s: %v", flag, err)
	}
	return value, true, nil
}

// collect returns the answers, in the order in which they depend on each other.
func (a *setupAnswers) collect() error {
	a.file = a.device.file
	for _, step := range []func() error{a.application, a.tenant, a.instances, a.rules} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// application chooses one that is configured, or a new one.
func (a *setupAnswers) application() (err error) {
	known := a.device.applications()
	if id, set, err := a.flagValue("application", a.flags.application, token.CheckApplication); set || err != nil {
		a.id = id
		return err
	}
	defaultValue := ""
	if len(known) == 1 || len(known) > 1 && a.canAsk() && !a.flags.yes {
		defaultValue = known[0]
	}
	text := "ID of the application, such as cad"
	if len(known) > 0 {
		text = "Application: " + strings.Join(known, ", ") + ", or the ID of a new one"
	}
	a.id, err = a.question(text, "--application", defaultValue, token.CheckApplication)
	return err
}

// tenant asks for the tenant, unless the application has its own, or policy sets it.
func (a *setupAnswers) tenant() error {
	check := func(s string) error {
		if _, err := policy.NormalizeTenant(s); err != nil {
			return fmt.Errorf("the tenant %w", err)
		}
		return nil
	}
	value, set, err := a.flagValue("tenant", a.flags.tenant, check)
	if err != nil {
		return err
	}
	defaultValue := a.device.tenant(a.file, a.id)
	by := a.device.overriddenBy("tenant")
	if own := a.device.ownTenant(a.id); own != "" {
		by = a.device.overriddenBy("applications." + a.id + ".tenant")
		if by == "" {
			by = a.device.values("applications." + a.id + ".tenant")[0].Source
		}
	}
	if !set && by == "" {
		if value, err = a.question("Tenant, such as demo-host.com", "--tenant", defaultValue, check); err != nil || value == "" {
			return err
		}
	}
	if by != "" && !set {
		return nil
	}
	value, _ = policy.NormalizeTenant(value) // checked
	switch {
	case by != "" && value != defaultValue:
		return withNextStep(usage(a.cmd, "--tenant: %s sets the tenant and overrides %s", by, a.device.path),
			"Change the tenant in "+by+", or run the command without --tenant.")
	case by != "":
	case value == a.device.value("tenant"):
		a.file.Tenant = "" // another file sets it
	default:
		a.file.Tenant = value
	}
	return nil
}

// instances asks for the number, unless another file has the application.
func (a *setupAnswers) instances() error {
	key := "applications." + a.id + ".instances"
	check := func(s string) error {
		if n, err := strconv.Atoi(s); err != nil || n < 1 || n > token.MaxInstances {
			return fmt.Errorf("it is not a number from 1 to %d", token.MaxInstances)
		}
		return nil
	}
	text, set, err := a.flagValue("instances", strconv.Itoa(a.flags.instances), check)
	if err != nil || a.id == "" || !set && a.isInOtherFile() {
		return err
	}
	if !set {
		defaultValue := strconv.Itoa(a.device.instances(a.file, a.id))
		if text, err = a.question("Number of instances (each costs one count)", "--instances", defaultValue, check); err != nil {
			return err
		}
	}
	n, _ := strconv.Atoi(text) // checked
	app := a.file.application(a.id)
	if app.Instances = n; strconv.Itoa(n) == a.device.value(key) {
		app.Instances = 0
	}
	return a.set(app, key, "--instances", app.Instances > 0)
}

// set changes the application in the file, unless another source overrides the key.
func (a *setupAnswers) set(app setupApplication, key, flag string, writes bool) error {
	if by := a.device.overriddenBy(key); by != "" && writes {
		return withNextStep(usage(a.cmd, "%s: %s sets %s, and overrides %s", flag, by, key, a.device.path),
			"Change it in "+by+", or run the command without "+flag+".")
	}
	a.file = a.file.with(app)
	return nil
}

// isInOtherFile reports whether another file has the application, such as that of its
// package.
func (a *setupAnswers) isInOtherFile() bool {
	return len(a.device.values("applications."+a.id+".id")) > 0
}

// callerKind is a kind of caller that setup can admit.
type callerKind struct {
	flag, question string
	names          []string // of the flag
	defaultValue   []string
	rule           func(names []string) authz.Rule
}

// rules asks who may use the application, unless another file has rules.
func (a *setupAnswers) rules() error {
	key := "applications." + a.id + ".allow"
	app := a.file.application(a.id)
	all := a.callerKinds(app.Allow)
	set := slices.ContainsFunc(all, func(k callerKind) bool { return a.cmd.Flags().Changed(k.flag) })
	if !set && (len(a.device.values(key)) > 0 || len(app.Allow) > 0 && (a.flags.yes || !a.canAsk())) {
		return nil
	}
	for {
		var rules []authz.Rule
		for _, k := range all {
			names, err := a.names(k, set)
			if err != nil {
				return err
			}
			if len(names) > 0 {
				rules = append(rules, k.rule(names))
			}
		}
		if len(rules) == 0 && a.canAsk() && !a.flags.yes && !set {
			terminal.Print(a.err, "  Name at least one user, group or unit. Otherwise every request is denied.\n")
			continue
		}
		if len(rules) == 0 {
			a.missing = append(a.missing, "--users, --groups or --units")
			return nil
		}
		app.Allow = append(rules, otherRules(app.Allow)...)
		return a.set(app, key, "--users", true)
	}
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
