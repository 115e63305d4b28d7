// Command tmsctl is for the Contact Administrator. It creates, lists and deletes
// registration tokens, and lists and deletes the auth tokens of devices. The exit
// code is 0 for done, 1 for failed and 2 for bad usage. It is 3 if the service did
// something else, does not show the result, or shows an incomplete list.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/token"
	"regent/cmd/completion"
	"regent/cmd/flags"
	"regent/platform/keyring"
	"regent/platform/process"
	"regent/platform/terminal"
)

func main() { os.Exit(mainCode()) }

func mainCode() int {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // by nohup
		ends = append(ends, syscall.SIGHUP) // the terminal was closed
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...) //nolint:forbidigo // contexts begin in main
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the program at once
	// tmsctl handles passwords and registration tokens. It starts only a browser.
	if err := process.DisableDump(); err != nil {
		fmt.Fprintln(os.Stderr, "tmsctl:", err)
		return 1
	}
	return run(ctx, newRuntimeEnv(), os.Args[1:])
}

// runtimeEnv is the environment of a run. A test gives another one.
type runtimeEnv struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // in is a terminal
	width    int  // of the terminal that out is, in characters; 0 if it is none
	// password asks at in for a line, without echo.
	password func(ctx context.Context, question string) (token.Secret, error)
	getenv   func(string) string
	clock    func() time.Time

	openBrowser func(page string) error // opens a page in the person's browser

	work      int                        // scrypt's work factor of a bundle's passphrase, as a power of 2; 0 is age's own: about a second
	configDir func() (string, error)     // of the person
	keyring   func() (loginStore, error) // keyring.ErrNoKeyring if there is none
}

func newRuntimeEnv() runtimeEnv {
	return runtimeEnv{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		terminal: terminal.IsTerminal(os.Stdin), width: terminal.Width(os.Stdout),
		password: func(ctx context.Context, question string) (token.Secret, error) {
			line, err := terminal.ReadSecret(ctx, os.Stdin, os.Stderr, question)
			return token.NewSecret(string(line)), err
		},
		getenv: os.Getenv,
		clock:  time.Now, //nolint:forbidigo // the clock of the program

		openBrowser: func(page string) error { return openBrowser(os.Getenv, page) },

		configDir: os.UserConfigDir,
		keyring:   func() (loginStore, error) { return keyring.OpenPersonal("regent-tmsctl", 0) },
	}
}

// say prints a message for the person. It ignores errors, since nothing else could report
// them.
func (w runtimeEnv) say(format string, args ...any) {
	terminal.Print(w.err, fmt.Sprintf(format, args...))
}

// confirm asks a yes-or-no question. Any answer but yes is the error refused. Without a
// terminal it cannot ask.
func (w runtimeEnv) confirm(ctx context.Context, question, refused string) error {
	if !w.terminal {
		return usagef("stdin is not a terminal, so tmsctl cannot ask\nto run the same command without a question, add --yes")
	}
	sure, err := terminal.Confirm(ctx, w.in, w.err, question)
	switch {
	case ctx.Err() != nil:
		err = errors.New("interrupted: " + refused)
	case err == nil && !sure:
		err = errors.New(refused)
	}
	return err
}

// tool is one run.
type tool struct {
	runtimeEnv
	flags globalFlags

	reached tms.Options // of the client, once there is one

	part *admin.IncompleteError // the printed list is incomplete; nil if it is complete

	host      string // of the tenant, once somebody is logged in
	byBrowser bool   // the stored login was by browser

	profileName string // in use; "" for none
	learn       bool   // store in it the form of bodies that worked

	command string // the path of the running one

	prints map[string]string // recorded fingerprints of the tenant, by id; nil before they are read

	service func() time.Time // the service's clock, once somebody is logged in
}

// now is the service's time once it is known. Expiry is judged by it.
func (t *tool) now() time.Time {
	if t.service != nil {
		return t.service()
	}
	return t.clock()
}

// globalFlags are those of every command that speaks to the service.
type globalFlags struct {
	profile
	named string // the profile
	json  bool
	anew  bool // not a flag: ignore the login in the keyring
}

// exitNotAsAsked is the exit code if the service did not do as asked, does not show its
// result, or shows only a part of a list.
const exitNotAsAsked = 3

// run runs the command line and returns the exit code.
func run(ctx context.Context, w runtimeEnv, args []string) int {
	t := &tool{runtimeEnv: w}
	root := t.root()
	root.SetArgs(args)
	root.SetIn(w.in)
	root.SetOut(w.out)
	root.SetErr(w.err)
	c, err := root.ExecuteContextC(ctx)
	if err != nil {
		t.sayError(c, err)
	}
	if t.part != nil {
		w.say("tmsctl: warning: %v\ntmsctl: rows that are not shown may exist. %s\n", t.part, incompleteStep)
	}
	_, odd := errors.AsType[*admin.MismatchError](err)
	switch {
	case odd || t.part != nil:
		return exitNotAsAsked
	case err == nil:
		return 0
	}
	if _, usage := errors.AsType[*usageError](err); usage {
		return 2
	}
	return 1
}

// sayError prints an error. After bad usage it adds an example of the command, unless the
// error names a command. An indented line is a row of a table.
func (t *tool) sayError(c *cobra.Command, err error) {
	lines := t.flags.explain(err)
	if _, usage := errors.AsType[*usageError](err); usage && len(lines) == 1 && !strings.Contains(lines[0], ": tmsctl ") {
		lines = append(lines, usageHelp(c, lines[0]))
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "  ") {
			t.say("%s\n", line)
			continue
		}
		t.say("tmsctl: %s\n", line)
	}
}

const about = `tmsctl speaks to the Token Management Service as a Contact Administrator.

It logs in for each command with --user or with --client-credentials. It asks
for the password, or reads it from --password-file. With a keyring you can log
in once: tmsctl login --user NAME, or tmsctl login --browser on the tenant's
login page. A profile replaces --tenant and the login flags. tmsctl never reads
its login's secret from the command line or the environment.

Exit codes:

  0  done
  1  failed
  2  bad usage, nothing was sent
  3  done, but the service did something else, does not show the result, or
     shows an incomplete list`

const examples = `  tmsctl login --tenant https://acme.example.com --user admin
  tmsctl plan --devices 100 --instances 2
  tmsctl registration-token create --count 200 --out token.txt
  tmsctl investigate registration-20261130`

func (t *tool) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tmsctl",
		Short: "Manage registration tokens, and find out who used them",
		Long:  about, Example: examples,
		Version: version, Args: noCommand,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			t.command = c.CommandPath()
			if withoutProfile(c) {
				return nil
			}
			return t.useProfile(c)
		},
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetVersionTemplate("tmsctl {{.Version}}\n")
	root.Flags().Bool("version", false, "print the version")
	root.SetUsageTemplate(strings.NewReplacer( // for 80 columns
		".FlagUsages", ".FlagUsagesWrapped 80", " for more information about a command.", " for more.",
	).Replace(root.UsageTemplate()))
	root.SetFlagErrorFunc(flagError)
	t.addGlobal(root)
	root.AddCommand(t.registrationToken(), t.authToken(), t.clients(), t.plan(), t.investigate(), t.contract(), t.trial(), t.login(), t.logout(), t.profile(), t.completion(), t.version())
	flags.Strict(root)
	return root
}

func (t *tool) addGlobal(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&t.flags.named, "profile", "", "`NAME` of the profile to use (default: $TMSCTL_PROFILE); see tmsctl profile list")
	completion.Flag(root, "profile", completion.Words(t.profileNames))
	f.StringVar(&t.flags.Tenant, "tenant", "", "`URL` of the service, as https://host (default: $TMSCTL_TENANT)")
	f.StringVar(&t.flags.Proxy, "proxy", "system", "`PROXY` to use: system, none, or a URL")
	f.StringVar(&t.flags.CAFile, "ca-file", "", "PEM `FILE` of certificate authorities to trust in addition to the system's")
	f.StringVar(&t.flags.User, "user", "", "log in as this `USER`")
	f.StringVar(&t.flags.PasswordFile, "password-file", "", "`FILE` with the password (default: ask)")
	f.BoolVar(&t.flags.ClientCredentials, "client-credentials", false, "log in as an OAuth client instead of a user")
	f.StringVar(&t.flags.ClientID, "client-id", "", "with --client-credentials or login --browser: the client's `ID`")
	f.StringVar(&t.flags.ClientSecretFile, "client-secret-file", "", "with --client-credentials: `FILE` with its secret")
	f.StringVar(&t.flags.Issuer, "issuer", "", "with login --browser: `URL` of the tenant's own identity provider (default: from the service)")
	f.StringVar(&t.flags.Request, "request", tms.Auto, "`FORM` of request bodies: auto (wrapped, and bare if the service refuses that form), wrapped or bare")
	completion.Flag(root, "request", cobra.FixedCompletions([]string{tms.Auto, "wrapped", "bare"}, cobra.ShellCompDirectiveNoFileComp))
	f.BoolVar(&t.flags.json, "json", false, "print JSON, for scripts")
}

// version is set by the linker.
var version = "dev"

func (t *tool) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArguments,
		Example: "  tmsctl version --json",
		RunE: func(*cobra.Command, []string) error {
			if t.flags.json {
				return t.printJSON(map[string]string{"version": version})
			}
			return t.printf("tmsctl %s\n", version)
		},
	}
}
