package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"regent/agent/address"
	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/token"
	"regent/platform/terminal"
)

// options are those of a client of the tenant.
func (t *tool) options() (tms.Options, error) {
	tenant := cmp.Or(t.flags.Tenant, t.getenv("TMSCTL_TENANT"))
	if tenant == "" {
		next := "to store it once: tmsctl profile add PROFILE --tenant https://host --user USER"
		if p, _, err := t.readProfiles(); err == nil && len(p.Profiles) > 0 {
			next = "to use a profile, add --profile NAME, or run once: tmsctl profile use " + p.names()[0]
		}
		return tms.Options{}, usagef("no tenant given: add --tenant https://host, or set TMSCTL_TENANT\n%s", next)
	}
	var ca []byte
	if name := t.flags.CAFile; name != "" {
		var err error
		if ca, err = readBounded(name); err != nil {
			return tms.Options{}, usagef("--ca-file %s: %v", name, withoutPath(err))
		}
		b, err := tms.ReadBundle(ca, t.clock())
		if err != nil {
			return tms.Options{}, usagef("--ca-file %s: %v", name, err)
		}
		for _, r := range b.Remarks {
			t.say("tmsctl: warning: --ca-file %s:%d: %s\n", name, r.Line, r.Text)
		}
	}
	environment := address.FromEnvironment(t.getenv)
	if t.flags.Proxy == "system" {
		for _, ignored := range environment.Ignored() {
			t.say("tmsctl: warning: %v\n", ignored)
		}
	}
	return tms.Options{
		Tenant: tenant, Proxy: t.flags.Proxy, Environment: environment, ExtraCA: ca,
		Forms:     tms.Forms{Request: t.flags.Request},
		UserAgent: "regent-tmsctl", Now: t.clock,
	}, nil
}

// client returns a client of the tenant. Nothing was sent yet.
func (t *tool) client() (*admin.Client, error) {
	o, err := t.options()
	if err != nil {
		return nil, err
	}
	t.reached = o
	c, err := admin.New(o)
	if err != nil {
		return nil, usagef("%s", strings.TrimPrefix(err.Error(), "tms: "))
	}
	t.host, t.service = c.Host(), c.Now
	return c, nil
}

// asAdministrator runs f as the administrator. It uses the login in the keyring, unless a
// password or a client's secret is given. Without one it logs in. It checks the flags
// before it sends anything.
func (t *tool) asAdministrator(ctx context.Context, f func(*admin.Session) error) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	defer c.Close()
	defer t.saveRequestForm(c)
	session, ring, err := t.logIn(ctx, c)
	if err != nil {
		return err
	}
	was := session.Bearer()
	err = f(session)
	if is := session.Bearer(); ring != nil && !is.Access.Equal(was.Access) { // it was renewed: the old refresh token may be used up
		err = errors.Join(err, t.saveLogin(ctx, ring, is))
	}
	return err
}

// logIn resumes the login in the keyring. Without one it logs in, and ring is nil.
func (t *tool) logIn(ctx context.Context, c *admin.Client) (s *admin.Session, ring loginStore, err error) {
	if err := t.flags.contradiction(); err != nil {
		return nil, nil, err
	}
	if !t.flags.ClientCredentials && t.flags.PasswordFile == "" && !t.flags.anew {
		if was, ring, ok := t.savedLogin(ctx); ok {
			return c.Resume(was, func() (admin.Credentials, error) {
				if t.byBrowser {
					return nil, admin.ErrBrowser
				}
				return t.credentials(ctx)
			}), ring, nil
		}
	}
	who, err := t.credentials(ctx)
	if err != nil {
		return nil, nil, err
	}
	s, err = c.Login(ctx, who)
	return s, nil, err
}

// session returns the RunE of a command that needs only a session.
func (t *tool) session(f func(ctx context.Context, s *admin.Session, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		return t.asAdministrator(c.Context(), func(s *admin.Session) error { return f(c.Context(), s, args) })
	}
}

func (t *tool) credentials(ctx context.Context) (admin.Credentials, error) {
	if t.flags.ClientCredentials {
		secret, err := t.secretFile(ctx, "--client-secret-file", t.flags.ClientSecretFile)
		return admin.ClientCredentials(t.flags.ClientID, secret), err
	}
	if t.flags.User == "" {
		return nil, usagef("no login given: add --user USER --password-file FILE to the same command\nor log in once: tmsctl login --user USER, or tmsctl login --browser")
	}
	if t.flags.PasswordFile != "" {
		password, err := t.secretFile(ctx, "--password-file", t.flags.PasswordFile)
		return admin.Password(t.flags.User, password), err
	}
	password, err := t.askPassword(ctx)
	return admin.Password(t.flags.User, password), err
}

// contradiction reports login flags that are missing, or that have no effect.
func (f globalFlags) contradiction() error {
	switch {
	case f.ClientCredentials && (f.User != "" || f.PasswordFile != ""):
		return usagef("--client-credentials excludes --user and --password-file\nfor a client, omit these, and add --client-id ID --client-secret-file FILE")
	case f.ClientCredentials && (f.ClientID == "" || f.ClientSecretFile == ""):
		return usagef("--client-credentials needs --client-id and --client-secret-file\nadd --client-id ID --client-secret-file FILE to the same command")
	case f.ClientCredentials:
		return nil
	case f.ClientSecretFile != "" || f.ClientID != "" && f.Issuer == "":
		return usagef("--client-id and --client-secret-file need --client-credentials\nto log in with a browser, run: tmsctl login --browser --client-id ID")
	}
	return nil
}

func (t *tool) askPassword(ctx context.Context) (token.Secret, error) {
	if !t.terminal {
		return token.Secret{}, usagef("stdin is not a terminal, so tmsctl cannot ask for the password\nadd --password-file FILE to the same command")
	}
	password, err := t.password(ctx, fmt.Sprintf("Password of %s on %s: ", t.flags.User, t.host))
	if err != nil {
		return token.Secret{}, fmt.Errorf("read the password: %w", err)
	}
	if password.IsZero() {
		return token.Secret{}, usagef("no password given")
	}
	return password, nil
}

// reveal is the one place where a secret leaves this program. An administrator asked for
// the new registration token.
func reveal(s token.Secret) string {
	return s.Reveal() //nolint:forbidigo // handing it out is what tmsctl is for
}

// maxSecret is the largest size of a secret's file, in bytes. A larger file is a mistake.
const maxSecret = 64 << 10

// secretFile reads the secret in the file that flag names, without the line end after it.
// If others may read the file, it only warns: some systems mount secrets so.
func (t *tool) secretFile(ctx context.Context, flag, name string) (token.Secret, error) {
	content, mode, err := readFile(ctx, name)
	secret := ""
	if err == nil {
		secret, err = secretIn(content)
	}
	if err != nil {
		return token.Secret{}, usagef("%s %s: %v", flag, name, withoutPath(err))
	}
	if runtime.GOOS != "windows" && mode.Perm()&0o077 != 0 { // there, modes tell nothing
		t.say("tmsctl: note: %s %s has mode %04o, so other users can read it; run: chmod 600 %s\n", flag, name, mode.Perm(), name)
	}
	return token.NewSecret(secret), nil
}

// readFile reads a regular file or a pipe, as a shell's <(COMMAND) is. A pipe may have no
// writer, so the read ends with ctx.
func readFile(ctx context.Context, name string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() && info.Mode().Type() != fs.ModeNamedPipe {
		return nil, 0, fmt.Errorf("not a regular file and not a pipe (%s); name a file with the secret", info.Mode().Type())
	}
	content, err := terminal.Await(ctx, func() ([]byte, error) {
		f, err := os.Open(name) //nolint:gosec // the file that its reader named
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // opened for reading
		return io.ReadAll(io.LimitReader(f, maxSecret+1))
	})
	return content, info.Mode(), err
}

// secretIn returns the only line of content. No error quotes it.
func secretIn(content []byte) (string, error) {
	secret := strings.TrimRight(string(content), "\r\n")
	switch {
	case len(content) > maxSecret:
		return "", fmt.Errorf("has more than %d KiB, which is no secret", maxSecret>>10)
	case strings.HasPrefix(secret, "\xEF\xBB\xBF"), strings.HasPrefix(secret, "\xFF\xFE"), strings.HasPrefix(secret, "\xFE\xFF"):
		return "", errors.New("begins with a byte order mark; save it as plain text without one")
	case secret == "":
		return "", errors.New("the file is empty")
	case strings.ContainsAny(secret, "\r\n\x00"):
		return "", errors.New("has more than one line; the file must contain the secret and nothing else")
	}
	return secret, nil
}

func (t *tool) clients() *cobra.Command {
	return &cobra.Command{
		Use: "clients [CLIENT]", Short: "List the OAuth clients of the tenant, or show one",
		Example: "  tmsctl clients\n  tmsctl clients robot",
		Long: `List the OAuth clients of the tenant, or show one by its client ID or ID. A
client can log in with --client-credentials. tmsctl neither requests nor prints
its secret. Nobody has tested this call with a real tenant.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("name one client, or none for all")
			}
			return nil
		},
		RunE: t.session(func(ctx context.Context, s *admin.Session, args []string) error {
			list := make([]admin.OAuthClient, len(args))
			var err error
			if len(args) == 0 {
				list, err = s.OAuthClients(ctx)
			} else {
				list[0], err = resolve(ctx, t, s, oauthClients(), "", args[0])
			}
			if err := t.listed(err); err != nil {
				return err
			}
			return printList(t, "clients", list, clientMembers, []string{"ID", "CLIENT ID", "STATUS", "NAME", "CREATED"}, func(c admin.OAuthClient) []string {
				return []string{c.ID, c.ClientID, c.State.String(), c.Name, timeText(c.Created)}
			})
		}),
	}
}

// clientMembers is a client for scripts.
func clientMembers(c admin.OAuthClient) object {
	return members(
		"id", c.ID, "client_id", c.ClientID, "name", c.Name,
		"status", c.State.String(), // enabled, disabled, unknown, not told
		"service_status", c.Status, // the service's word
		"creation_date", timeJSON(c.Created),
	)
}
