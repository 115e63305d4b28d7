package admin

import (
	"context"
	"errors"
	"slices"
	"strings"

	"regent/agent/tms"
)

// A service may ignore a filter that it does not know, and answer with all rows. So
// what it answers is filtered once more here. A row that does not show what is
// filtered by is not selected.

// RegistrationFilter selects; what is empty selects all. There is none by the
// token itself: a secret in a URL ends up in the logs of those in between.
type RegistrationFilter struct{ Identifier, RefID1, RefID2 string }

func (f RegistrationFilter) selects(r RegistrationToken) bool {
	return equal(f.Identifier, r.Identifier) && equal(f.RefID1, r.RefID1) && equal(f.RefID2, r.RefID2)
}

// AuthFilter selects; what is empty selects all. All are compared whole; FQDN without
// regard to capitals and to a dot at its end.
type AuthFilter struct {
	Identifier, RefID1, RefID2, FQDN string

	Registration   string // the identifier of the registration token
	RegistrationID string // its id, if it is known: some services name it by that alone

	// Unassigned selects by the registration token those too that do not show theirs.
	// They may be another's: none of them may be deleted for what it is.
	Unassigned bool
}

// selects reports whether all but the registration token fits.
func (f AuthFilter) selects(a AuthToken) bool {
	return equal(f.Identifier, a.Identifier) && equal(f.RefID1, a.RefID1) && equal(f.RefID2, a.RefID2) &&
		(f.FQDN == "" || strings.EqualFold(strings.TrimSuffix(f.FQDN, "."), strings.TrimSuffix(a.FQDN, ".")))
}

func equal(wanted, is string) bool { return wanted == "" || wanted == is }

// authRow is an auth token with its reference, which has a name, an id, or both. A
// reference that is a text is both, as it may be either.
type authRow struct {
	AuthToken
	name, id string
}

func authRowOf(o tms.Object) authRow {
	a := authTokenIn(o)
	const member = "registrationToken"
	row := authRow{AuthToken: a, name: o.ID(member), id: o.ID(member)}
	if row.id == "" {
		row.name, row.id = o.Ref([]string{"identifier", "name"}, member), o.Ref([]string{"id"}, member)
	}
	return row
}

// of reports whether an auth token is of the registration token that is filtered by,
// which has one of the ids.
func (f AuthFilter) of(row authRow, ids []string) bool {
	switch {
	case f.Registration == "" && f.RegistrationID == "":
		return true
	case row.Registration == "":
		return f.Unassigned
	}
	return f.Registration != "" && row.name == f.Registration || slices.Contains(ids, row.id)
}

// filtered are the rows that the filter selects. Where a row names its registration
// token by an id alone, the service is asked which id that is.
func (s *Session) filtered(ctx context.Context, f AuthFilter, rows []authRow) (left []AuthToken, err error) {
	ids := []string{}
	if f.RegistrationID != "" {
		ids = append(ids, f.RegistrationID)
	}
	rows = slices.DeleteFunc(rows, func(r authRow) bool { return !f.selects(r.AuthToken) })
	unclear := func(r authRow) bool { return r.id != "" && (r.name == "" || r.name == r.id) && !f.of(r, ids) }
	if len(ids) == 0 && slices.ContainsFunc(rows, unclear) {
		list, listErr := s.RegistrationTokens(ctx, RegistrationFilter{Identifier: f.Registration})
		if err = listErr; err != nil && !isIncomplete(err) {
			return nil, err
		}
		for _, r := range list {
			ids = append(ids, r.ID)
		}
	}
	for _, r := range rows {
		if f.of(r, ids) {
			left = append(left, r.AuthToken)
		}
	}
	return left, err
}

func isIncomplete(err error) bool {
	_, is := errors.AsType[*IncompleteError](err)
	return is
}
