package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/tms/admin"
)

func (t *tool) authToken() *cobra.Command {
	return group("auth-token", "List and delete the auth tokens of devices", t.authList(), t.authDeletion())
}

func (t *tool) authDeletion() *cobra.Command {
	return t.deletion(deletion{
		thing: "auth token", means: "Devices then cannot refresh it, and its count does not come back", short: "devices then cannot refresh them",
		remove: (*admin.Session).DeleteAuthToken,
		identifiers: func(ctx context.Context, s *admin.Session) (map[string]string, error) {
			list, err := s.AuthTokens(ctx, admin.AuthFilter{})
			return identifiersByID(list, func(a admin.AuthToken) (id, identifier string) { return a.ID, a.Identifier }), err
		},
	})
}

func (t *tool) authList() *cobra.Command {
	var filter admin.AuthFilter
	var more authFilter
	c := &cobra.Command{
		Use: "list", Short: "List auth tokens: who used which registration token", Args: noArguments,
		Example: `  tmsctl auth-token list --since 7d
  tmsctl auth-token list --registration-token berlin --csv >berlin.csv`,
		RunE: t.session(func(ctx context.Context, s *admin.Session, _ []string) error {
			filter.Unassigned = true
			list, err := s.AuthTokens(ctx, filter)
			if err := t.listed(err); err != nil {
				return err
			}
			if n := unplaced(list); n > 0 && filter.Registration != "" {
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
		}),
	}
	f := c.Flags()
	f.StringVar(&filter.Registration, "registration-token", "", "only those of the registration token with this `IDENTIFIER`")
	f.StringVar(&filter.Identifier, "identifier", "", "only the one with this `NAME`")
	f.StringVar(&filter.RefID1, "ref-id-1", "", "only those of this application and instance, as cad/1")
	f.StringVar(&filter.RefID2, "ref-id-2", "", "only those of this installation")
	f.StringVar(&filter.FQDN, "fqdn", "", "only those of this host")
	f.StringVar(&more.user, "system-user", "", "only those of this user of their device")
	f.StringVar(&more.since, "since", "", "only those created since this `TIME`: a date, or 7d for the last 7 days")
	f.BoolVar(&more.csv, "csv", false, "print CSV, as auth-token delete --from takes it")
	return c
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
