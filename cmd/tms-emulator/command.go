package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"regent/agent/tms/emulator"
)

const about = `tms-emulator is the Token Management Service of Thales and its identity
provider, offline: for tests, demonstrations, and vendors without a tenant.

It listens with TLS. It prints the login of its administrator, then one line
"listening on https://HOST:PORT/". Configure this address as the tenant.
It makes its certificate authority at each start, or keeps it with --data.
--ca-out writes it for the clients. All data is in memory and ends with the
emulator, unless --data keeps it in a file. With --idp a real Keycloak is the
identity provider: each auth token is a user there.

Lifetimes, latency and faults can be changed while it runs, from the same host
and without a password. Only the emulator has these paths:

  GET  /_emulator/state   exact counts, requests, tokens
  POST /_emulator/knobs   {"access_lifetime":"10s",
                           "faults":[{"class":"redeem","status":500}]}

The vendor documents only a part of the service. The emulator invents the rest.
Invented texts are marked in agent/tms/emulator/errors.go, invented forms in its
file dialect.go. By default replies have the form of the vendor's other calls.
Lists have pages of 2 rows, so that a client meets more than one page.

Exit codes: 0 ended by a signal, 1 failed, 2 bad usage.`

const examples = `  tms-emulator --ca-out ca.pem
  tms-emulator --ca-out ca.pem --access-lifetime 20s --rotation off
  tms-emulator --ca-out ca.pem --fail class=redeem,status=500,count=2
  tms-emulator --ca-out ca.pem --drop class=refresh
  tms-emulator --ca-out ca.pem --dialect first --request-body strict
  tms-emulator --error-shape rotate --one-user-per-registration-token
  tms-emulator --ca-out ca.pem --data tenant.db
  tms-emulator --idp http://127.0.0.1:8080/ --idp-client-secret-file secret`

// settings are the values of the command line.
type settings struct {
	listen       string
	hosts        []string
	caOut        string
	passwordFile string
	secretFile   string
	verbose      bool
	fail, drop   []string
	data         string
	idp          emulator.KeycloakOptions
	idpSecret    string
	options      emulator.Options
}

func command() *cobra.Command {
	s := &settings{}
	cmd := &cobra.Command{
		Use:           "tms-emulator",
		Short:         "The Token Management Service, offline",
		Long:          about,
		Example:       examples,
		Version:       version,
		SilenceUsage:  true, // main prints the error, and where help is
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{fmt.Errorf("unexpected argument %q: everything is a flag", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), s, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	s.flags(cmd)
	cmd.SetUsageTemplate(strings.ReplaceAll(cmd.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 80"))
	return cmd
}

func (s *settings) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&s.listen, "listen", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	f.StringSliceVar(&s.hosts, "host", nil, "further name or address for the certificate, beside localhost, 127.0.0.1 and ::1")
	f.StringVar(&s.caOut, "ca-out", "", "write the certificate authority to this file (PEM)")

	o := &s.options
	f.StringVar(&o.Credentials.User, "admin-user", "admin", "name of the Contact Administrator")
	f.StringVar(&s.passwordFile, "admin-password-file", "", "file with that person's password; without, one is made and printed")
	f.StringVar(&o.Credentials.ClientID, "client-id", "ems-admin-client", "client for client_credentials")
	f.StringVar(&s.secretFile, "client-secret-file", "", "file with that client's secret; without, one is made and printed")
	f.StringVar(&o.Realm, "realm", "ems", "realm of the identity provider")
	f.StringVar(&o.TokenPath, "token-path", "/auth/", "path of the identity provider: /auth/ or /")

	f.StringVar(&s.data, "data", "", "keep everything in this file, so that a restart loses nothing; the file contains secrets")

	f.StringVar(&s.idp.URL, "idp", "", "address of a Keycloak server that stands in for the emulator's own identity provider; --realm names its realm")
	f.StringVar(&s.idp.ClientID, "idp-client", "tms-emulator", "with --idp: client with a service account that may manage the realm's users")
	f.StringVar(&s.idpSecret, "idp-client-secret-file", "", "with --idp: file with that client's secret")
	f.BoolVar(&s.idp.Offline, "idp-offline", false, "with --idp: auth tokens get offline tokens")

	s.knobFlags(f)
	f.StringArrayVar(&s.fail, "fail", nil, "fail requests: class=C,status=N, and optional ,count=N ,retry-after=S ,after-commit (repeatable); C is any, discover, login, redeem, refresh or admin")
	f.StringArrayVar(&s.drop, "drop", nil, "change the state, then close the connection: class=C[,count=N]; repeatable")
	f.BoolVarP(&s.verbose, "verbose", "v", false, "log each request to standard error, without secrets")
}

// knobFlags adds the flags for settings that can also change at run time.
func (s *settings) knobFlags(f *pflag.FlagSet) {
	k := &s.options.Knobs
	f.DurationVar(&k.AccessLifetime, "access-lifetime", 0, "how long an access token is good, whole seconds; 0 is 5m")
	f.DurationVar(&k.RefreshLifetime, "refresh-lifetime", 0, "how long an auth token may go unrefreshed; 0 is without end")
	f.DurationVar(&k.SessionLifetime, "session-lifetime", 0, "how long an auth token may be refreshed at all; 0 is without end")
	f.StringVar((*string)(&k.Rotation), "rotation", "on", "on (each refresh gives a new refresh token, and reuse revokes), off (a new one, and all stay good) or omit (none)")
	f.DurationVar(&k.ReuseGrace, "reuse-grace", 0, "with rotation, how long the last refresh token but one still works")
	f.IntVar(&k.MaxReuse, "max-reuse", 0, "with rotation, how often it still works, as in Keycloak")
	f.DurationVar(&k.Latency, "latency", 0, "from the change of state to the reply")
	f.DurationVar(&k.ClockOffset, "clock-offset", 0, "how far the service's clock is off, such as 20m or -20m")
	f.StringVar((*string)(&k.Duplicates), "duplicates", "count", "a second redemption of an identifier: count again, refuse, or the same auth token")

	f.StringVar((*string)(&k.Dialect), "dialect", string(emulator.Family), "form of replies: family (as the vendor's other calls) or first (the earlier form)")
	f.StringVar((*string)(&k.RequestBody), "request-body", string(emulator.BodyEither), "a body in the other dialect's form: either (reads it), lenient (accepts and ignores it) or strict (400)")
	f.StringVar(&k.ErrorShape, "error-shape", "", "body of an error: "+strings.Join(emulator.ErrorShapes(), ", ")+", or rotate for one after the other; without, the dialect's own")
	f.IntVar(&k.PageSize, "page-size", 0, "rows of a page, whatever the client asks for; 0 is 2 rows for family and up to 1000 for first")
	f.BoolVar(&k.CountDelta, "count-delta", false, "add a changed count to the earlier one")
	f.BoolVar(&k.OneUser, "one-user-per-registration-token", false, "disabling or deleting a registration token ends the refresh of all its auth tokens")

	f.StringVar(&k.Forms.Reply, "form-reply", "wrapped", "where an auth token stands in a reply: wrapped or bare")
	f.StringVar(&k.Forms.AccessToken, "form-access-token", "access_token", "its access token's name there: access_token, accessToken or token")
	f.StringVar(&k.Forms.Authorization, "form-authorization", "basic", "how a registration token is shown: basic (raw), basic_encoded or bearer")
	f.StringVar(&k.Forms.Refresh, "form-refresh", "any", "where auth tokens are refreshed: any, oidc, tms, tms_registration or none")
}

// version is set by the linker.
var version = "dev"
