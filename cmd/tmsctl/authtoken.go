package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/tms/admin"
	"regent/agent/tms/admin/usage"
)

func (t *tool) authToken() *cobra.Command {
	return group("auth-token", "List and delete the auth tokens of devices", t.authList(), t.authDeletion())
}

func (t *tool) authDeletion() *cobra.Command {
	return t.deletion(deletion{
		thing: "auth token", means: "Devices cannot refresh deleted auth tokens. Used counts do not come back", short: "devices then cannot refresh them",
		others: columnsOf(findingMembers(usage.Row{})),
		resolve: func(ctx context.Context, s *admin.Session, name string) (target, error) {
			a, err := resolve(ctx, t, s, authTokens(), "", name)
			return target{a.ID, a.Identifier}, err
		},
		remove: (*admin.Session).DeleteAuthToken,
		identifiers: func(ctx context.Context, s *admin.Session) ([]target, error) {
			list, err := s.AuthTokens(ctx, admin.AuthFilter{})
			return targetsOf(list, authTokens().names), err
		},
	})
}

func (t *tool) authList() *cobra.Command {
	var filter admin.AuthFilter
	var more authFilter
	var registration string
	c := &cobra.Command{
		Use: "list", Short: "List auth tokens: who used which registration token", Args: noArguments,
		Example: `  tmsctl auth-token list --since 7d
  tmsctl auth-token list --registration-token berlin --csv >berlin.csv`,
		RunE: t.session(func(ctx context.Context, s *admin.Session, _ []string) error {
			return t.listAuthTokens(ctx, s, filter, more, registration)
		}),
	}
	f := c.Flags()
	f.StringVar(&registration, "registration-token", "", "only those of the registration token with this `NAME`: its identifier or ID")
	f.StringVar(&filter.Identifier, "identifier", "", "only the one with this `IDENTIFIER`")
	f.StringVar(&filter.RefID1, "ref-id-1", "", "only those of this application and instance, as cad/1")
	f.StringVar(&filter.RefID2, "ref-id-2", "", "only those of this installation")
	f.StringVar(&filter.FQDN, "fqdn", "", "only those of this host")
	f.StringVar(&more.user, "system-user", "", "only those of this user of their device")
	f.StringVar(&more.since, "since", "", "only those created since this `TIME`: a date, or 7d for the last 7 days")
	f.BoolVar(&more.csv, "csv", false, "print CSV, as auth-token delete --from takes it")
	return c
}

// listAuthTokens prints the auth tokens of a filter, of all registration tokens if
// registration is "".
func (t *tool) listAuthTokens(ctx context.Context, s *admin.Session, filter admin.AuthFilter, more authFilter, registration string) error {
	filter.Unassigned = true
	if err := t.filterByRegistration(ctx, s, &filter, registration); err != nil {
		return err
	}
	list, err := s.AuthTokens(ctx, filter)
	if err := t.listed(err); err != nil {
		return err
	}
	if n := unplaced(list); n > 0 && registration != "" {
		t.say("tmsctl: warning: %s: the service does not show the registration token, so they are left out. See them with: tmsctl auth-token list\n", counted(n, "auth token"))
		list = slices.DeleteFunc(list, func(a admin.AuthToken) bool { return a.Registration == "" })
	}
	if list, err = more.apply(list, s.Now()); err != nil {
		return err
	}
	if more.csv {
		return writeCSV(t.out, list, authMembers)
	}
	head := []string{"ID", "FQDN", "REF ID 1", "CREATED", "REGISTRATION TOKEN", "USER", "REF ID 2", "MAC", "IDENTIFIER"}
	return printList(t, "auth tokens", list, authMembers, head, func(a admin.AuthToken) []string {
		return []string{a.ID, a.FQDN, a.RefID1, timeText(a.Created), a.Registration, a.UserName, a.RefID2, a.MAC, a.Identifier}
	})
}

// filterByRegistration selects the auth tokens of a registration token. They may outlive it.
// So if nothing has the name, it prints a note, and the name may be an identifier of the past.
func (t *tool) filterByRegistration(ctx context.Context, s *admin.Session, f *admin.AuthFilter, name string) error {
	if name == "" {
		return nil
	}
	r, err := t.find(ctx, s, "--registration-token", name)
	if missing, ok := errors.AsType[*notFoundError](err); ok {
		t.say("tmsctl: note: %s\n", strings.ReplaceAll(missing.Error(), "\n", "\ntmsctl: "))
		f.Registration = name
		return nil
	}
	f.Registration, f.RegistrationID = r.Identifier, r.ID
	return err
}

// authFilter are filters that the service does not have.
type authFilter struct {
	user, since string
	csv         bool
}

func (n authFilter) apply(list []admin.AuthToken, now time.Time) ([]admin.AuthToken, error) {
	var from time.Time
	if n.since != "" {
		var err error
		if from, err = pastTime(n.since, now); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(list, func(a admin.AuthToken) bool {
		return n.user != "" && n.user != a.UserName || admin.Before(a.Created, from)
	}), nil
}

// authMembers is an auth token for scripts: the members of its JSON, and the columns of
// its CSV.
func authMembers(a admin.AuthToken) object {
	return members(
		"id", a.ID, "identifier", a.Identifier,
		"fqdn", a.FQDN, "system_user_name", a.UserName, "mac_address", a.MAC,
		"registration_token", a.Registration, // its identifier
		"ref_id_1", a.RefID1, "ref_id_2", a.RefID2, "creation_date", timeJSON(a.Created),
	)
}
