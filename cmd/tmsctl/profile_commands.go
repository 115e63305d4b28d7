package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"regent/agent/tms/admin"
	"regent/platform/terminal"
)

const profileForm = `

  default: acme
  profiles:
    acme:   {tenant: "https://acme.example.com", user: admin}
    own:
      tenant: https://own.example.com
      issuer: https://login.example.com
      client_id: tmsctl
    robot:
      tenant: https://acme.example.com
      client_credentials: true
      client_id: robot
      client_secret_file: /etc/robot/secret
`

func (t *tool) profile() *cobra.Command {
	return group("profile", "Profiles: the address and the login of each tenant",
		&cobra.Command{
			Use: "list", Short: "List the profiles", Args: noArguments,
			Example: "  tmsctl profile list",
			Long: "List the profiles. The last line names the file of profiles. Example of the\nfile:" + profileForm + `
A command takes --profile NAME, else $TMSCTL_PROFILE, else the default. Flags
override the profile. A profile contains no secret. When the service has
accepted a form of request body, tmsctl adds it to the profile: request: wrapped
or request: bare. To try the forms each time, write request: auto.`,
			RunE: func(*cobra.Command, []string) error { return t.listProfiles() },
		}, t.profileAdd(), t.profileUse(), t.profileRemove())
}

func (t *tool) profileAdd() *cobra.Command {
	var isDefault, replace bool
	c := &cobra.Command{
		Use: "add PROFILE --tenant URL [--user USER]", Short: "Add a profile", Args: oneArgument("profile"),
		Long: `Add a profile with the given address and login. Without --tenant it asks for
both. It checks them, and sends nothing. The first profile becomes the default.

A new file of profiles is readable by you only. tmsctl does not use one that
others can write. A profile contains no secret: it only names the file of a
password or of a client's secret. A proxy with a password is refused: set its
URL in HTTPS_PROXY.`,
		Example: `  tmsctl profile add acme --tenant https://acme.example.com --user admin
  tmsctl profile add robot --tenant https://acme.example.com \
    --client-credentials --client-id robot --client-secret-file secret`,
		RunE: func(c *cobra.Command, args []string) error {
			return t.addProfile(c.Context(), args[0], c.Flags().Changed, isDefault, replace)
		},
	}
	c.Flags().BoolVar(&isDefault, "default", false, "make it the default")
	c.Flags().BoolVar(&replace, "replace", false, "replace a profile of this name")
	return c
}

// profileName matches names that need no quotes in a shell.
var profileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (t *tool) addProfile(ctx context.Context, name string, given func(string) bool, isDefault, replace bool) error {
	// 1. Check everything before the file is changed.
	if !profileName.MatchString(name) {
		return usagef("profile %q: use 1 to 64 of A-Z a-z 0-9 . _ -, and begin with a letter or digit", name)
	}
	is, file, err := t.readProfiles()
	if err != nil {
		return err
	}
	if _, there := is.Profiles[name]; there && !replace {
		return usagef("profile %q exists in %s\nto replace it, add --replace", name, file)
	}
	if err := t.askProfile(ctx); err != nil {
		return err
	}
	p, err := t.givenProfile(ctx, given)
	if err != nil {
		return err
	}
	// 2. Write it.
	isDefault = isDefault || len(is.Profiles) == 0
	file, err = t.editProfiles(func(top *yaml.Node) error {
		if isDefault {
			setDefault(top, name)
		}
		return setProfile(top, name, p)
	})
	if err != nil {
		return fmt.Errorf("cannot write the profile: %w", err)
	}
	_, replaced := is.Profiles[name]
	return t.printAdded(name, file, p, replaced, isDefault)
}

// printAdded prints what was done to the file, and the next step.
func (t *tool) printAdded(name, file string, p profile, replaced, isDefault bool) error {
	next := "To log in once: tmsctl login --profile " + name
	if p.ClientCredentials || p.PasswordFile != "" {
		next = "To try it: tmsctl registration-token list --profile " + name
	}
	did := "added profile " + name + " to " + file
	if replaced {
		did = "replaced profile " + name + " in " + file
	}
	if isDefault {
		did += "; it is the default"
	}
	return t.printf("%s\n%s\n", did, next)
}

// askProfile asks for the tenant and the user if no tenant is given.
func (t *tool) askProfile(ctx context.Context) error {
	t.flags.Tenant = cmp.Or(t.flags.Tenant, t.getenv("TMSCTL_TENANT"))
	if t.flags.Tenant != "" || !t.terminal {
		return nil
	}
	for _, q := range []struct {
		question string
		to       *string
	}{
		{"Address of the tenant, as https://host", &t.flags.Tenant},
		{"User name (empty for a login by browser)", &t.flags.User},
	} {
		if *q.to != "" || q.to == &t.flags.User && t.flags.ClientCredentials {
			continue
		}
		answer, err := terminal.Ask(ctx, t.in, t.err, q.question)
		if err != nil {
			return err
		}
		*q.to = answer
	}
	return nil
}

// givenProfile returns the profile of the flags, checked. It sends nothing.
func (t *tool) givenProfile(ctx context.Context, given func(string) bool) (profile, error) {
	if t.flags.Tenant == "" {
		return profile{}, usagef("no tenant given: add --tenant https://host")
	}
	if withoutPassword(t.flags.Proxy) != t.flags.Proxy {
		return profile{}, usagef("--proxy: the URL has a password, and a profile contains no secret\nleave out --proxy, and set the URL in the environment as HTTPS_PROXY; tmsctl uses it in each command")
	}
	if err := t.flags.contradiction(); err != nil {
		return profile{}, err
	}
	o, err := t.options()
	if err != nil {
		return profile{}, err
	}
	c, err := admin.New(o)
	if err != nil {
		return profile{}, usagef("%s", strings.TrimPrefix(err.Error(), "tms: "))
	}
	c.Close()
	for flag, name := range map[string]string{"--password-file": t.flags.PasswordFile, "--client-secret-file": t.flags.ClientSecretFile} {
		if name == "" {
			continue
		}
		if _, err := t.secretFile(ctx, flag, name); err != nil {
			return profile{}, err
		}
	}
	p := t.flags.profile
	if err := p.makeAbsolute(); err != nil {
		return profile{}, err
	}
	if !given("proxy") {
		p.Proxy = ""
	}
	if !given("request") {
		p.Request = ""
	}
	return p, nil
}

// makeAbsolute makes the names of files absolute, since commands run in any directory.
func (p *profile) makeAbsolute() (err error) {
	for _, name := range []*string{&p.CAFile, &p.PasswordFile, &p.ClientSecretFile} {
		if *name == "" {
			continue
		}
		if *name, err = filepath.Abs(*name); err != nil {
			return err
		}
	}
	return nil
}

func (t *tool) profileUse() *cobra.Command {
	return &cobra.Command{
		Use: "use PROFILE", Short: "Make a profile the default", Args: oneArgument("profile"),
		Long:              "Make a profile the default. Commands without --profile then use it, unless\n$TMSCTL_PROFILE or --tenant is set.",
		Example:           "  tmsctl profile use acme",
		ValidArgsFunction: t.firstProfile,
		RunE: func(_ *cobra.Command, args []string) error {
			p, file, err := t.readProfiles()
			if err != nil {
				return err
			}
			chosen, ok := p.Profiles[args[0]]
			if !ok {
				return p.unknown(args[0], file)
			}
			file, err = t.editProfiles(func(top *yaml.Node) error { setDefault(top, args[0]); return nil })
			if err != nil {
				return fmt.Errorf("cannot write the default: %w", err)
			}
			if other := t.getenv("TMSCTL_PROFILE"); other != "" && other != args[0] {
				t.say("tmsctl: note: TMSCTL_PROFILE is set, so commands here use profile %s\n", tableCell(other))
			}
			return t.printf("profile %s is the default in %s: %s\n", args[0], file, tableCell(chosen.Tenant))
		},
	}
}

func (t *tool) profileRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove PROFILE", Short: "Remove a profile", Args: oneArgument("profile"),
		Long: `Remove a profile from the file of profiles. A login in your keyring, the files
that the profile names, and recorded fingerprints stay. tmsctl says how to
remove the login.`,
		Example:           "  tmsctl profile remove acme",
		ValidArgsFunction: t.firstProfile,
		RunE: func(_ *cobra.Command, args []string) error {
			p, file, err := t.readProfiles()
			if err != nil {
				return err
			}
			old, ok := p.Profiles[args[0]]
			if !ok {
				return p.unknown(args[0], file)
			}
			if file, err = t.editProfiles(func(top *yaml.Node) error { return removeProfile(top, args[0]) }); err != nil {
				return fmt.Errorf("cannot remove the profile: %w", err)
			}
			text := fmt.Sprintf("removed profile %s from %s\n%s", args[0], file, old.left())
			if p.Default == args[0] {
				delete(p.Profiles, args[0])
				text += "There is no default profile now. " + p.chooseDefault() + "\n"
			}
			return t.printf("%s", text)
		},
	}
}

// chooseDefault is the next step if there is no default profile.
func (p profiles) chooseDefault() string {
	if len(p.Profiles) == 0 {
		return "To add a profile: tmsctl profile add PROFILE --tenant URL --user USER"
	}
	return "To choose one: tmsctl profile use " + p.names()[0]
}

// left says what stays after a profile is removed.
func (p profile) left() string {
	text := ""
	if name := cmp.Or(p.PasswordFile, p.ClientSecretFile); name != "" { // not both
		text = fmt.Sprintf("The file with the secret stays: %s\n", tableCell(name))
	}
	if p.ClientCredentials || p.PasswordFile != "" {
		return text
	}
	login := "tmsctl logout --tenant " + tableCell(p.Tenant)
	if p.User != "" {
		login += " --user " + tableCell(p.User)
	}
	return text + "If you logged in, the login stays in your keyring. To remove it: " + login + "\n"
}

// withoutProfile are the commands that use no profile.
func withoutProfile(c *cobra.Command) bool {
	return slices.Contains([]string{"version", "completion", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}, c.Name()) ||
		c.HasParent() && c.Parent().Name() == "profile"
}
