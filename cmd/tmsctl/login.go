package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/token"
	"regent/platform/keyring"
)

// loginStore is the keyring of the person. A missing item is keyring.ErrNotFound.
type loginStore interface {
	Get(ctx context.Context, name string) (string, error)
	Set(ctx context.Context, name, secret string) error
	Remove(ctx context.Context, name string) error
	Kind() string
}

var _ loginStore = (*keyring.Personal)(nil)

// savedAccess is a login in the keyring without its refresh token. The refresh token is a
// second item, since a Windows credential has at most 2,560 bytes.
type savedAccess struct {
	Access   string       `json:"access"`
	Expires  time.Time    `json:"expires"`
	Provider tms.Provider `json:"provider"`
	Browser  bool         `json:"browser,omitempty"`
}

// loginName identifies a login by its user and tenant.
func (t *tool) loginName() string { return cmp.Or(t.flags.User, "browser") + " at " + t.host }

// savedLogin returns the login that is in the keyring, or false. If the keyring does not
// answer, it prints a note and does not wait a second time.
func (t *tool) savedLogin(ctx context.Context) (admin.Bearer, loginStore, bool) {
	ring, err := t.keyring()
	if err != nil {
		return admin.Bearer{}, nil, false
	}
	var access savedAccess
	var refresh map[string]string
	for part, into := range map[string]any{"access": &access, "refresh": &refresh} {
		text, err := ring.Get(ctx, t.loginName()+" "+part)
		if err == nil && json.Unmarshal([]byte(text), into) != nil {
			err = errors.New("the entry is damaged; log in again") // the decoder's error may quote it
		}
		if err != nil {
			if !errors.Is(err, keyring.ErrNotFound) {
				t.say("tmsctl: note: cannot use the login in the keyring: %v\n", err)
			}
			return admin.Bearer{}, nil, false
		}
	}
	t.byBrowser = access.Browser
	return admin.Bearer{
		Access: token.NewSecret(access.Access), Expires: access.Expires, Provider: access.Provider,
		Refresh: token.NewSecret(refresh["refresh"]),
	}, ring, true
}

func (t *tool) saveLogin(ctx context.Context, ring loginStore, b admin.Bearer) error {
	for part, value := range map[string]any{
		"access":  savedAccess{reveal(b.Access), b.Expires, b.Provider, t.byBrowser},
		"refresh": map[string]string{"refresh": reveal(b.Refresh)},
	} {
		text, err := json.Marshal(value)
		if err == nil {
			err = ring.Set(ctx, t.loginName()+" "+part, string(text))
		}
		if err != nil {
			return fmt.Errorf("cannot write the login to the keyring: %w\nunlock the keyring and log in again, or use --password-file with each command", err)
		}
	}
	return nil
}

func (t *tool) login() *cobra.Command {
	var b admin.Browser
	var browser bool
	c := &cobra.Command{
		Use: "login", Short: "Log in once, and keep the login in your keyring", Args: noArguments,
		Long: `Log in once, as --user or with --browser. tmsctl keeps the access and refresh
token in your keyring (Credential Manager, Keychain, Secret Service, KWallet).
Later commands use them until the identity provider ends the session. tmsctl
does not keep the password. Without a keyring it keeps nothing.

With --browser you log in on the page of the identity provider. tmsctl never
sees the password. The browser must run on this computer: it sends the reply to
a random port of 127.0.0.1. The OAuth client must allow http://127.0.0.1/ as
redirect address. If the tenant has an identity provider of its own, add
--issuer and --client-id. Later commands need no --user.`,
		Example: `  tmsctl login --tenant https://acme.example.com --user admin
  tmsctl login --profile acme --browser`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := t.flags.loginContradiction(browser); err != nil {
				return err
			}
			ring, err := t.keyring()
			if err != nil {
				return fmt.Errorf("%w, so tmsctl cannot keep a login\nuse --user with each command, and --password-file in scripts", err)
			}
			if browser {
				return t.loginByBrowser(c.Context(), ring, b)
			}
			t.flags.anew = true
			return t.asAdministrator(c.Context(), func(s *admin.Session) error { return t.saveFirstLogin(c.Context(), ring, s) })
		},
	}
	c.Flags().BoolVar(&browser, "browser", false, "log in with a browser, by authorization code and PKCE")
	c.Flags().StringSliceVar(&b.Scopes, "scope", []string{"openid"}, "with --browser: the `SCOPES` to ask for")
	return c
}

// loginContradiction reports flags that exclude a stored login.
func (f globalFlags) loginContradiction(browser bool) error {
	switch {
	case f.ClientCredentials && browser:
		return usagef("--browser excludes --client-credentials")
	case f.PasswordFile != "" && browser:
		return usagef("--browser excludes --password-file: you type the password on the page")
	case f.ClientCredentials:
		return usagef("login excludes --client-credentials: a client logs in with its secret for each command")
	case f.Issuer != "" && f.ClientID == "" && browser:
		return usagef("--issuer needs --client-id: the client of tmsctl at that identity provider")
	}
	return nil
}

// browserPatience is how long a person has to log in with a browser.
const browserPatience = 5 * time.Minute

func (t *tool) loginByBrowser(ctx context.Context, ring loginStore, b admin.Browser) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	defer c.Close()
	t.byBrowser = true
	b.Issuer, b.ClientID, b.Timeout = t.flags.Issuer, t.flags.ClientID, browserPatience
	b.Show = func(page string) {
		if err := t.openBrowser(page); err != nil {
			t.say("Cannot open a browser: %v. Open this page on this computer to log in:\n%s\n", err, page)
			return
		}
		t.say("Opening a browser. If none appears, open this page on this computer to log in:\n%s\n", page)
	}
	session, err := c.LoginByBrowser(ctx, b)
	if _, answered := errors.AsType[*tms.Failure](err); err != nil && !answered {
		return fmt.Errorf("%w\nif the page shows an error, this OAuth client may not log in by browser: add --client-id ID of one that may", err)
	}
	if err != nil {
		return err
	}
	return t.saveFirstLogin(ctx, ring, session)
}

func (t *tool) saveFirstLogin(ctx context.Context, ring loginStore, s *admin.Session) error {
	if err := t.saveLogin(ctx, ring, s.Bearer()); err != nil {
		return err
	}
	as := ""
	if t.flags.User != "" {
		as = " as " + tableCell(t.flags.User)
	}
	return t.printf("logged in to %s%s; kept in %s\n", t.host, as, ring.Kind())
}

func (t *tool) logout() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "Remove a login from your keyring", Args: noArguments,
		Example: "  tmsctl logout --profile acme",
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := t.client()
			if err != nil {
				return err
			}
			defer client.Close()
			ring, err := t.keyring()
			if err != nil {
				return err
			}
			for _, part := range []string{"access", "refresh"} {
				if err := ring.Remove(c.Context(), t.loginName()+" "+part); err != nil {
					return err
				}
			}
			return t.printf("removed from the keyring: %s\n", tableCell(t.loginName()))
		},
	}
}

// openBrowser opens a page in the person's browser, and does not wait for it. The page
// is the address of an identity provider: it begins with http, and is no option.
func openBrowser(getenv func(string) string, page string) error {
	var name string
	var args []string
	switch runtime.GOOS {
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler"}
	case "darwin":
		name = "open"
	default:
		name = "xdg-open"
		if getenv("DISPLAY") == "" && getenv("WAYLAND_DISPLAY") == "" && getenv("BROWSER") == "" {
			return errors.New("there is no display")
		}
	}
	c := exec.Command(name, append(args, page)...) //nolint:gosec,noctx // it goes on when tmsctl has ended
	if err := c.Start(); err != nil {
		return err
	}
	go func() { _ = c.Wait() }() // so that it leaves no zombie
	return nil
}
