package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"regent/agent/suggest"
	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/token"
)

// idPrefix begins a name that can only be an ID. Identifiers are free text, those of auth
// tokens even by a device's choice. So one may look like the ID of another thing.
const idPrefix = "id:"

// nameHelp describes the argument of commands for registration tokens.
const nameHelp = `NAME is its identifier or ID. If several have this name, tmsctl lists them and
changes nothing: then write id: and the ID.`

// kind describes a kind of thing that a person names by its identifier or ID.
type kind[T any] struct {
	thing string // in the singular
	lists string // the command that lists all
	show  func(s *admin.Session, ctx context.Context, id string) (T, error)
	// list returns those with the identifier; all for "".
	list  func(ctx context.Context, s *admin.Session, identifier string) ([]T, error)
	names func(T) (id, identifier string)
	head  []string
	cells func(T) []string
	// idWins is set if the commands only read: then an ID is not compared with identifiers.
	idWins bool
	// near completes the error that nothing has a name, with a table of things to choose from
	// or "". Both are "" if nothing is similar.
	near func(ctx context.Context, s *admin.Session, name string) (hint, table string)
}

// resolve returns the one thing that has name as its identifier or ID. If several have it, the
// error lists them: nothing is chosen by a guess. flag is the flag that named it, or "".
func resolve[T any](ctx context.Context, t *tool, s *admin.Session, k kind[T], flag, name string) (one T, err error) {
	id, onlyID := strings.CutPrefix(name, idPrefix)
	if err := checkName(k.thing, id); err != nil {
		return one, err
	}
	found, err := k.candidates(ctx, s, id, onlyID)
	switch {
	case err != nil:
		return one, err
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0:
		return one, k.notFound(ctx, s, id, onlyID)
	}
	return one, k.ambiguous(id, strings.TrimSpace(t.command+" "+flag), found)
}

// checkName refuses a name that cannot be sent. A registration token in a URL would stay in
// the logs of proxies.
func checkName(thing, name string) error {
	if name == "" {
		return usagef("the name of the %s is empty", thing)
	}
	if len(name) >= minTokenText && token.FormatWarning(token.NewSecret(name)) == "" {
		return usagef("the argument looks like a registration token, so tmsctl did not send it\ngive its identifier or ID: tmsctl registration-token list")
	}
	return nil
}

// minTokenText is the length from which a name may be a registration token.
const minTokenText = 16

// candidates returns all things that have the identifier or ID, each once.
func (k kind[T]) candidates(ctx context.Context, s *admin.Session, name string, onlyID bool) (found []T, err error) {
	byID, is, err := k.byID(ctx, s, name)
	switch {
	case err != nil:
		return nil, err
	case is == idUnknown:
		return k.inWholeList(ctx, s, name, onlyID)
	case is == idFound:
		found = append(found, byID)
	}
	if onlyID || k.idWins && is == idFound {
		return found, nil
	}
	named, err := k.list(ctx, s, name)
	if err != nil {
		return nil, err
	}
	for _, one := range named {
		id, _ := k.names(one)
		if is == idFound && id == name {
			continue
		}
		// The list may show less than the thing itself does.
		if whole, is, err := k.byID(ctx, s, id); err != nil {
			return nil, err
		} else if is == idFound {
			one = whole
		}
		found = append(found, one)
	}
	return found, nil
}

// idState is what is known of an ID at the service.
type idState int

const (
	idMissing idState = iota
	idFound
	idUnknown // the service does not show a single thing, or not in a readable form
)

// byID asks for the thing with an ID.
func (k kind[T]) byID(ctx context.Context, s *admin.Session, id string) (one T, _ idState, _ error) {
	if id == "" {
		return one, idMissing, nil
	}
	one, err := k.show(s, ctx, id)
	f, failed := errors.AsType[*tms.Failure](err)
	switch {
	case err == nil:
		if got, _ := k.names(one); got != id { // the service also accepts other names
			return one, idMissing, nil
		}
		return one, idFound, nil
	case failed && f.Reach == tms.Lost, failed && f.Status == http.StatusMethodNotAllowed:
		return one, idUnknown, nil
	case failed && f.ServiceShape && slices.Contains([]int{http.StatusBadRequest, http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity}, f.Status):
		return one, idMissing, nil
	}
	return one, idMissing, err
}

// inWholeList looks for a thing where the service cannot be asked for one ID.
func (k kind[T]) inWholeList(ctx context.Context, s *admin.Session, name string, onlyID bool) ([]T, error) {
	all, err := k.list(ctx, s, "")
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(one T) bool {
		id, identifier := k.names(one)
		return id != name && (onlyID || identifier != name)
	}), nil
}

func (k kind[T]) notFound(ctx context.Context, s *admin.Session, name string, onlyID bool) error {
	if onlyID {
		return &notFoundError{fmt.Sprintf("no %s has the ID %q\nto see the IDs: %s", k.thing, tableCell(name), k.lists)}
	}
	hint, table := k.near(ctx, s, name)
	if table != "" {
		table = "\n" + table
	}
	return &notFoundError{fmt.Sprintf("no %s has the identifier or ID %q%s\nto see all: %s%s", k.thing, tableCell(name), hint, k.lists, table)}
}

// notFoundError means that nothing has a name.
type notFoundError struct{ text string }

func (e *notFoundError) Error() string { return e.text }

// ambiguous lists the things that have the same name, and says how to name one.
func (k kind[T]) ambiguous(name, command string, found []T) error {
	return fmt.Errorf("%q names %d %ss; nothing was changed:\n%sname one by its ID: %s %sID",
		tableCell(name), len(found), k.thing, k.indented(found), command, idPrefix)
}

// mostCandidates is how many rows of a table an error has at most.
const mostCandidates = 20

// indented returns things as a table. Its lines begin with two spaces.
func (k kind[T]) indented(found []T) string {
	rows := [][]string{k.head}
	for _, one := range found[:min(len(found), mostCandidates)] {
		rows = append(rows, k.cells(one))
	}
	text := "  " + strings.ReplaceAll(strings.TrimSuffix(columns(rows), "\n"), "\n", "\n  ") + "\n"
	if more := len(found) - mostCandidates; more > 0 {
		text += fmt.Sprintf("  and %d more\n", more)
	}
	return text
}

// registrations is the kind of registration tokens.
func (t *tool) registrations() kind[admin.RegistrationToken] {
	k := kind[admin.RegistrationToken]{
		thing: "registration token", lists: "tmsctl registration-token list",
		show: (*admin.Session).RegistrationToken,
		list: func(ctx context.Context, s *admin.Session, identifier string) ([]admin.RegistrationToken, error) {
			return s.RegistrationTokens(ctx, admin.RegistrationFilter{Identifier: identifier})
		},
		names: func(r admin.RegistrationToken) (id, identifier string) { return r.ID, r.Identifier },
		head:  []string{"ID", "IDENTIFIER", "USED", "CREATED"},
		cells: func(r admin.RegistrationToken) []string {
			return []string{r.ID, r.Identifier, usedOf(r), timeText(r.Created)}
		},
	}
	k.near = func(ctx context.Context, s *admin.Session, name string) (hint, table string) {
		all, err := k.list(ctx, s, "")
		if err != nil { // the names are only a help
			return "", ""
		}
		var identifiers []string
		for _, r := range all {
			if t.readFingerprints()[r.ID] == name {
				return fmt.Sprintf("; it is the fingerprint of %s, ID %s", tableCell(r.Identifier), tableCell(r.ID)), ""
			}
			identifiers = append(identifiers, tableCell(r.Identifier))
		}
		return suggest.DidYouMean(name, identifiers), ""
	}
	return k
}

// registration returns the registration token with an identifier or ID.
func (t *tool) registration(ctx context.Context, s *admin.Session, flag, name string) (admin.RegistrationToken, error) {
	r, err := resolve(ctx, t, s, t.registrations(), flag, name)
	if err == nil && r.Flaw != "" {
		err = fmt.Errorf("registration token %s cannot be read whole: %s", tableCell(name), r.Flaw)
	}
	return r, err
}

// find is registration for a command that reads its auth tokens too. A service may name a
// registration token by its identifier alone, so it warns if another one has the same.
func (t *tool) find(ctx context.Context, s *admin.Session, flag, name string) (admin.RegistrationToken, error) {
	r, err := t.registration(ctx, s, flag, name)
	if err != nil || r.Identifier == "" {
		return r, err
	}
	same, err := s.RegistrationTokens(ctx, admin.RegistrationFilter{Identifier: r.Identifier})
	if len(same) > 1 {
		t.say("tmsctl: warning: %d registration tokens have the identifier %s. The service may not distinguish their auth tokens\n", len(same), tableCell(r.Identifier))
	}
	return r, err
}

// authTokens is the kind of auth tokens.
func authTokens() kind[admin.AuthToken] {
	k := kind[admin.AuthToken]{
		thing: "auth token", lists: "tmsctl auth-token list",
		show: (*admin.Session).AuthToken,
		list: func(ctx context.Context, s *admin.Session, identifier string) ([]admin.AuthToken, error) {
			return s.AuthTokens(ctx, admin.AuthFilter{Identifier: identifier})
		},
		names: func(a admin.AuthToken) (id, identifier string) { return a.ID, a.Identifier },
		head:  []string{"ID", "IDENTIFIER", "FQDN", "REF ID 1", "CREATED"},
		cells: func(a admin.AuthToken) []string {
			return []string{a.ID, a.Identifier, a.FQDN, a.RefID1, timeText(a.Created)}
		},
	}
	// There may be thousands, so the service filters them.
	k.near = func(ctx context.Context, s *admin.Session, name string) (hint, table string) {
		for _, by := range []struct {
			what   string
			filter admin.AuthFilter
		}{
			{"is a host", admin.AuthFilter{FQDN: name}},
			{"is an instance", admin.AuthFilter{RefID1: name}},
			{"is an installation", admin.AuthFilter{RefID2: name}},
			{"is a registration token", admin.AuthFilter{Registration: name}},
		} {
			if list, err := s.AuthTokens(ctx, by.filter); err == nil && len(list) > 0 {
				return fmt.Sprintf("; it %s with %s", by.what, counted(len(list), k.thing)), strings.TrimSuffix(k.indented(list), "\n")
			}
		}
		return "", ""
	}
	return k
}

// oauthClients is the kind of OAuth clients. Their identifier is the client ID.
func oauthClients() kind[admin.OAuthClient] {
	k := kind[admin.OAuthClient]{
		thing: "client", lists: "tmsctl clients", idWins: true,
		show: (*admin.Session).OAuthClient,
		list: func(ctx context.Context, s *admin.Session, identifier string) ([]admin.OAuthClient, error) {
			all, err := s.OAuthClients(ctx)
			return slices.DeleteFunc(all, func(c admin.OAuthClient) bool { return identifier != "" && c.ClientID != identifier }), err
		},
		names: func(c admin.OAuthClient) (id, identifier string) { return c.ID, c.ClientID },
		head:  []string{"ID", "CLIENT ID", "NAME", "CREATED"},
		cells: func(c admin.OAuthClient) []string { return []string{c.ID, c.ClientID, c.Name, timeText(c.Created)} },
	}
	k.near = func(ctx context.Context, s *admin.Session, name string) (hint, table string) {
		all, _ := k.list(ctx, s, "") // the names are only a help
		var ids []string
		for _, c := range all {
			ids = append(ids, tableCell(c.ClientID))
		}
		return suggest.DidYouMean(name, ids), ""
	}
	return k
}
