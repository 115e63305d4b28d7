package main

import (
	"fmt"
	"strconv"
	"strings"

	"regent/agent/policy"
	"regent/agent/token"
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

// application chooses one that is configured, or a new one. It does not ask if a package or
// policy brings the only one.
func (a *setupAnswers) application() (err error) {
	known := a.device.applications()
	if id, set, err := a.flagValue("application", a.flags.application, token.CheckApplication); set || err != nil {
		a.id = id
		return err
	}
	if len(known) == 1 && a.device.isBrought(known[0]) {
		a.id = known[0]
		a.tell("Application: " + a.id + ". For another one, use --application.")
		return nil
	}
	defaultValue, text := "", "ID of the application, such as cad"
	if len(known) > 0 {
		text = "Application: " + strings.Join(known, ", ") + ", or the ID of a new one"
	}
	if len(known) == 1 || len(known) > 1 && a.canAsk() && !a.flags.yes {
		defaultValue = known[0]
	}
	a.id, err = a.question(text, "--application", defaultValue, token.CheckApplication)
	return err
}

// tell shows a value that needs no question, if a person is asked at all.
func (a *setupAnswers) tell(text string) {
	if a.canAsk() && !a.flags.yes {
		terminal.Print(a.err, printable(text)+"\n")
	}
}

func checkTenantAnswer(s string) error {
	if _, err := policy.NormalizeTenant(s); err != nil {
		return fmt.Errorf("the tenant %w", err)
	}
	return nil
}

// tenant asks for the tenant, unless the application has its own, policy sets it, or the
// application is a package's and its tenant is known.
func (a *setupAnswers) tenant() error {
	value, set, err := a.flagValue("tenant", a.flags.tenant, checkTenantAnswer)
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
	if !set && (by != "" || defaultValue != "" && a.device.isBrought(a.id)) {
		a.tell(strings.TrimSuffix("Tenant: "+defaultValue+", set by "+by, ", set by "))
		return nil
	}
	if !set {
		if value, err = a.question("Tenant, such as demo-host.com", "--tenant", defaultValue, checkTenantAnswer); err != nil || value == "" {
			return err
		}
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

// instances asks for the number, unless a package or a source above the file sets it. It
// writes only a number that is not already that of the other files.
func (a *setupAnswers) instances() error {
	key := "applications." + a.id + ".instances"
	check := func(s string) error {
		if n, err := strconv.Atoi(s); err != nil || n < 1 || n > token.MaxInstances {
			return fmt.Errorf("it is not a number from 1 to %d", token.MaxInstances)
		}
		return nil
	}
	text, set, err := a.flagValue("instances", strconv.Itoa(a.flags.instances), check)
	if err != nil || a.id == "" {
		return err
	}
	defaultValue := strconv.Itoa(a.device.instances(a.file, a.id))
	if by := a.device.overriddenBy(key); !set && (by != "" || a.device.isBrought(a.id)) {
		a.tellInstances(by, defaultValue)
		return nil
	}
	if !set {
		if text, err = a.question("Number of instances (each costs one count)", "--instances", defaultValue, check); err != nil {
			return err
		}
	}
	n, _ := strconv.Atoi(text) // checked
	app := a.file.application(a.id)
	if app.Instances = n; a.isInOtherFile() && n == a.device.instances(setupFile{}, a.id) {
		app.Instances = 0
	}
	return a.set(app, key, "--instances", app.Instances > 0)
}

// tellInstances names the number, and the source that overrides the file or else the flag.
func (a *setupAnswers) tellInstances(by, number string) {
	if by != "" {
		a.tell("Instances: " + a.device.value("applications."+a.id+".instances") + ", set by " + by + ".")
		return
	}
	a.tell("Instances: " + number + ". For another number, use --instances.")
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
