package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"regent/agent/tms"
)

const (
	pageSize = 100
	maxPages = 1000
)

// listing describes a list and how one row is read.
type listing[T any] struct {
	op, path string
	list     tms.List
	read     func(tms.Object) T
}

// mostBarren is how many consecutive pages may show nothing new before the end.
const mostBarren = 3

// all follows the pages to their end. Without a total from the service the end is an
// empty page, since a page may have fewer rows than requested. It skips repeated rows. A
// page that comes twice means that the service does not know our name for the start of a
// page; the other name is then tried. A page may be empty or come twice before the end
// that the service announces. With an *[IncompleteError] the rows that were shown are
// returned too.
func (l listing[T]) all(ctx context.Context, s *Session, filter url.Values) ([]T, error) {
	w := walk{start: queryStart, step: pageSize, total: -1, seen: map[string]bool{}}
	var found []T
	for range maxPages {
		rows, total, err := l.page(ctx, s, filter, w.start, w.from)
		if unknownName(err) && w.other() {
			continue
		}
		if errors.Is(err, tms.ErrNoList) && w.from > 0 { // it ends here
			w.noList = true
			return found, l.complete(s, w, len(found))
		}
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if key := rowKey(row); !w.seen[key] {
				w.seen[key] = true
				found = append(found, l.read(row))
			}
		}
		if !w.next(len(rows), len(found), total) {
			return found, l.complete(s, w, len(found))
		}
	}
	return nil, l.failed(s, fmt.Sprintf("there are more than %d pages; narrow the filter", maxPages))
}

// walk is the progress through a list.
type walk struct {
	start   string // the name of the start of a page
	from    int    // the row at which the next page begins
	step    int    // the rows of a page
	found   int
	total   int             // as the service says; -1 if it does not
	barren  int             // pages without anything new, in a row
	noList  bool            // the last of them was {} or null
	twice   bool            // the last of them came twice
	settled bool            // the service knows no other name for the start of a page
	seen    map[string]bool // the rows that were found
}

// other begins again with the other name for the start of a page. It reports whether there
// is one that the service may know.
func (w *walk) other() bool {
	switch {
	case w.start == queryStart && !w.settled:
		w.start = queryStartFirst
	case w.start == queryStartFirst && w.twice: // the first name was known
		w.start, w.settled, w.twice = queryStart, true, false
		w.from += w.step
	default:
		return false
	}
	return true
}

// next moves to the next page, after a page with so many rows and this total. found is
// the number of different rows so far. It reports false at the end.
func (w *walk) next(rows, found int, total tms.Total) bool {
	is := found - w.found
	w.found, w.twice = found, is == 0 && rows > 0
	if total.N >= 0 && (rows > 0 || total.N > w.total) { // a page without rows is no proof of fewer
		w.total = total.N
	}
	switch {
	case is > 0:
		w.barren, w.step = 0, rows
		w.from += rows
		return !total.All || found < total.N
	case w.twice && w.start == queryStart && !w.settled:
		return w.other()
	}
	w.barren++
	w.from += w.step
	more := w.total > found && w.barren < mostBarren
	if w.twice {
		return more || w.total < 0 && rows >= pageSize && w.barren < mostBarren
	}
	return more && w.from < w.total
}

// unknownName reports whether the service may have refused a name in the query. To
// ask again by another name has no effect: it is a read.
func unknownName(err error) bool {
	f, ok := errors.AsType[*tms.Failure](err)
	return ok && f.Reach == tms.Answered && f.Status == http.StatusBadRequest
}

// IncompleteError means that the service shows fewer rows than it says there are. A row
// that is not shown may exist.
type IncompleteError struct {
	Op    string // "list auth tokens"
	Read  int    // rows that the service showed
	Total int    // rows that it says there are; -1 if it does not say
}

var _ error = (*IncompleteError)(nil)

// Error says how many rows are missing.
func (e *IncompleteError) Error() string {
	if e.Total < 0 {
		return fmt.Sprintf("%s: the list is incomplete: the service showed %d rows, and then an answer without a list", e.Op, e.Read)
	}
	return fmt.Sprintf("%s: the list is incomplete: the service showed %d of %d rows", e.Op, e.Read, e.Total)
}

// complete returns an error if the service repeated one page although there are more rows,
// or showed fewer rows than it says there are.
func (l listing[T]) complete(s *Session, w walk, read int) error {
	if w.twice && (w.total > read || w.total < 0 && w.barren >= mostBarren) {
		return l.failed(s, "the same page came twice: the service follows neither "+queryStart+" nor "+queryStartFirst)
	}
	if w.total > read || w.total < 0 && w.noList {
		return &IncompleteError{l.op, read, w.total}
	}
	return nil
}

func (l listing[T]) failed(s *Session, text string) error {
	return &tms.Failure{Op: l.op, Host: s.tms.Host(), Reach: tms.Lost, Err: errors.New(text)}
}

// page asks for one page.
func (l listing[T]) page(ctx context.Context, s *Session, filter url.Values, startName string, start int) (rows []tms.Object, total tms.Total, err error) {
	query := url.Values{startName: {strconv.Itoa(start)}, querySize: {strconv.Itoa(pageSize)}}
	for name := range filter {
		if value := filter.Get(name); value != "" {
			query.Set(name, value)
		}
	}
	err = s.do(ctx, tms.Call{Op: l.op, Method: http.MethodGet, Path: l.path, Query: query, Read: func(a tms.Answer) (err error) {
		rows, total, err = l.list.Parse(a.Body)
		return err
	}})
	return rows, total, err
}

// rowKey identifies a row by its id, or else by its whole content.
func rowKey(o tms.Object) string {
	key := o.ID("id")
	if all, err := json.Marshal(o); key == "" && err == nil {
		key = string(all)
	}
	return key
}

// A service may ignore an unknown filter and answer with all rows. So the rows are filtered
// again here. A row that does not show the filtered member is not selected.

// RegistrationFilter selects registration tokens. An empty member selects all. There is no
// filter by the token itself: a secret in a URL ends up in logs of proxies.
type RegistrationFilter struct{ Identifier, RefID1, RefID2 string }

func (f RegistrationFilter) selects(r RegistrationToken) bool {
	return equal(f.Identifier, r.Identifier) && equal(f.RefID1, r.RefID1) && equal(f.RefID2, r.RefID2)
}

// AuthFilter selects auth tokens. An empty member selects all. Values are compared whole.
// FQDN ignores capitals and a dot at its end.
type AuthFilter struct {
	Identifier, RefID1, RefID2, FQDN string

	Registration   string // the identifier of the registration token
	RegistrationID string // its id, if it is known: some services name it by that alone

	// Unassigned also selects auth tokens that do not show their registration token. They
	// may belong to another one, so do not delete them by this filter.
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

// of reports whether an auth token belongs to the filtered registration token, which has
// one of the ids.
func (f AuthFilter) of(row authRow, ids []string) bool {
	switch {
	case f.Registration == "" && f.RegistrationID == "":
		return true
	case row.Registration == "":
		return f.Unassigned
	}
	return f.Registration != "" && row.name == f.Registration || slices.Contains(ids, row.id)
}

// filtered returns the rows that the filter selects. If a row names its registration token
// only by an id, it asks the service for that id.
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

// AuthToken is an administrator's view of an auth token: the names that the device sent
// when it redeemed.
type AuthToken struct {
	ID           string // the service's name of it; "" in a list that does not tell it
	Identifier   string // the device's, fresh for each redemption
	FQDN         string
	UserName     string
	MAC          string
	Registration string    // the identifier of the registration token
	RefID1       string    // application and instance
	RefID2       string    // the installation
	Created      time.Time // zero if not known; see [HasZone]
}

// AuthTokens returns the auth tokens that the filter selects. With an *[IncompleteError] it
// returns those that the service shows.
func (s *Session) AuthTokens(ctx context.Context, f AuthFilter) ([]AuthToken, error) {
	rows, err := listing[authRow]{"list auth tokens", pathAuth, listOf("authTokens", wrapAuth), authRowOf}.all(ctx, s, url.Values{
		"identifier": {f.Identifier}, "registrationToken": {f.Registration},
		"refId1": {f.RefID1}, "refId2": {f.RefID2}, // and not fqdn, which the service may compare by case
	})
	if err != nil && !isIncomplete(err) {
		return nil, err
	}
	list, filterErr := s.filtered(ctx, f, rows)
	return list, cmp.Or(err, filterErr)
}

// AuthToken returns the one of that id.
func (s *Session) AuthToken(ctx context.Context, id string) (a AuthToken, err error) {
	err = s.show(ctx, "auth token", pathAuth, id, func(answer tms.Answer) error {
		o, err := tms.ParseReply(answer.Body, wrapAuth)
		if a = authTokenIn(o); err == nil && a.ID == "" {
			err = errors.New("no id")
		}
		return err
	})
	return a, err
}

// DeleteAuthToken deletes the auth token with that id. The device can no longer refresh it.
// The count that it used does not come back.
func (s *Session) DeleteAuthToken(ctx context.Context, id string) error {
	return s.remove(ctx, "auth token", pathAuth, id)
}

func authTokenIn(o tms.Object) AuthToken {
	return AuthToken{
		ID:           o.ID("id"),
		Identifier:   o.ID("identifier"),
		FQDN:         o.Text("fqdn"),
		UserName:     o.ID("systemUserName"),
		MAC:          o.Text("macAddress"),
		Registration: o.Ref(referenceBy(), "registrationToken"),
		RefID1:       o.ID("refId1"),
		RefID2:       o.ID("refId2"),
		Created:      tms.ParseTime(o.Text("creationDate")),
	}
}

const (
	pathClients = "/clients" // O
	wrapClient  = "client"   // F
)

// OAuthClient is a client of the tenant that can log in by itself. Its secret is never
// read. A: the names of its members.
type OAuthClient struct {
	ID       string // the service's name of it; "" in a list that does not tell it
	ClientID string // by which it logs in
	Name     string
	State    State
	Status   string    // the service's word for State
	Created  time.Time // zero if not known; see [HasZone]
}

// OAuthClients returns all clients of the tenant.
func (s *Session) OAuthClients(ctx context.Context) ([]OAuthClient, error) {
	return listing[OAuthClient]{"list clients", pathClients, listOf("clients", wrapClient), clientIn}.all(ctx, s, url.Values{})
}

// OAuthClient returns the one of that id.
func (s *Session) OAuthClient(ctx context.Context, id string) (c OAuthClient, err error) {
	err = s.show(ctx, "client", pathClients, id, func(a tms.Answer) error {
		o, err := tms.ParseReply(a.Body, wrapClient)
		if c = clientIn(o); err == nil && c.ID == "" {
			err = errors.New("no id")
		}
		return err
	})
	return c, err
}

func clientIn(o tms.Object) OAuthClient {
	c := OAuthClient{
		ID:       cmp.Or(o.ID("id"), o.ID("clientId")),
		ClientID: o.ID("clientId"),
		Name:     o.Text("name", "identifier", "clientName"),
		Created:  tms.ParseTime(o.Text("creationDate")),
	}
	c.State, _, c.Status = stateOf(o)
	switch word := string(o.Member("enabled")); { // A: or Keycloak's member
	case c.State != StateMissing:
	case word == "true" || word == "false":
		c.State, c.Status = StateIf(word == "true"), word
	}
	return c
}
