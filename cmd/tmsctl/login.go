package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/token"
	"regent/platform/keyring"
)

// vault is the keyring of the person. What is not there is keyring.ErrNothing.
type vault interface {
	Get(ctx context.Context, name string) (string, error)
	Set(ctx context.Context, name, secret string) error
	Remove(ctx context.Context, name string) error
	Guard() string
}

var _ vault = (*keyring.Personal)(nil)

// A login lies in the keyring as two items, since a Windows credential holds no
// more than 2,560 bytes.
type (
	keptAccess struct {
		Access   string       `json:"access"`
		Expires  time.Time    `json:"expires"`
		Provider tms.Provider `json:"provider"`
	}
	keptRefresh struct {
		Refresh string `json:"refresh"`
	}
)

// loginName tells logins apart: whose, and where.
func (t *tool) loginName(host string) string { return t.flags.user + " at " + host }

// kept returns the login that is in the keyring, or false. A keyring that does
// not answer is said, and not waited for a second time.
func (t *tool) kept(ctx context.Context, host string) (admin.Bearer, vault, bool) {
	ring, err := t.keyring()
	if err != nil {
		return admin.Bearer{}, nil, false
	}
	name := t.loginName(host)
	var access keptAccess
	var refresh keptRefresh
	for part, into := range map[string]any{"access": &access, "refresh": &refresh} {
		text, err := ring.Get(ctx, name+" "+part)
		if err == nil && json.Unmarshal([]byte(text), into) != nil {
			err = errors.New("it is not what tmsctl keeps there; log in again") // the decoder's error may quote it
		}
		if err != nil {
			if !errors.Is(err, keyring.ErrNothing) {
				t.say("the login in the keyring cannot be used: %v\n", err)
			}
			return admin.Bearer{}, nil, false
		}
	}
	return admin.Bearer{
		Access: token.NewSecret(access.Access), Expires: access.Expires, Provider: access.Provider,
		Refresh: token.NewSecret(refresh.Refresh),
	}, ring, true
}

func (t *tool) keep(ctx context.Context, ring vault, host string, b admin.Bearer) error {
	for part, value := range map[string]any{
		"access":  keptAccess{reveal(b.Access), b.Expires, b.Provider},
		"refresh": keptRefresh{reveal(b.Refresh)},
	} {
		text, err := json.Marshal(value)
		if err == nil {
			err = ring.Set(ctx, t.loginName(host)+" "+part, string(text))
		}
		if err != nil {
			return fmt.Errorf("keep the login: %w", err)
		}
	}
	return nil
}

func (t *tool) login() *cobra.Command {
	return &cobra.Command{
		Use: "login", Short: "Log in as --user once, and keep that in your keyring", Args: noArguments,
		Long: `Log in as --user once. The access and refresh token are kept in your keyring
(Credential Manager, Keychain, Secret Service, KWallet), and further commands use
them until the identity provider ends the session. The password is not kept, and
where there is no keyring nothing is: no file stands in for it.`,
		RunE: running(func(c *cobra.Command, _ []string) error {
			if t.flags.clientCredentials {
				return usagef("--client-credentials: a client logs in with its secret each time; there is nothing to keep")
			}
			ring, err := t.keyring()
			if err != nil {
				return fmt.Errorf("%w, so there is nowhere to keep a login: commands ask for the password, or take --password-file", err)
			}
			t.flags.anew = true
			return t.asAdministrator(c.Context(), func(s *admin.Session) error {
				host := t.host
				if err := t.keep(c.Context(), ring, host, s.Bearer()); err != nil {
					return err
				}
				_, err := fmt.Fprintf(t.out, "logged in to %s as %s; kept in %s\n", host, cell(t.flags.user), ring.Guard())
				return err
			})
		}),
	}
}

func (t *tool) logout() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "Remove the login from your keyring", Args: noArguments,
		RunE: running(func(c *cobra.Command, _ []string) error {
			client, err := t.client()
			if err != nil {
				return err
			}
			defer client.Close()
			if t.flags.user == "" {
				return usagef("whose login? add --user NAME")
			}
			ring, err := t.keyring()
			if err != nil {
				return err
			}
			for _, part := range []string{"access", "refresh"} {
				if err := ring.Remove(c.Context(), t.loginName(client.Host())+" "+part); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintf(t.out, "the login of %s at %s is removed from this keyring\n", cell(t.flags.user), client.Host())
			return err
		}),
	}
}
