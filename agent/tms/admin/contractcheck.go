package admin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"regent/agent/tms"
	"regent/agent/tms/contract"
	"regent/agent/token"
)

// missingName is an identifier that nothing has.
const missingName = "regent-contract-nobody"

// Contract asks the tenant for what the vendor leaves open, by reading calls alone:
// nothing is made or changed, and no count is used. It is about 15 requests. What a
// tenant refuses is a finding; an error is a tenant that does not answer.
func (s *Session) Contract(ctx context.Context) (contract.Findings, error) {
	found := contract.Findings{}
	o := observer{s, found}
	a, refused, err := o.get(ctx, "/idpConfigurations", nil)
	if err != nil {
		return found, err
	}
	if refused == nil {
		found.Set(contract.Discovery, tms.MembersOfProvider(a.Body))
	}
	found.Set(contract.BasePath, s.tms.Path())
	for _, list := range []observed{
		{contract.AuthTokens, pathAuth, listOf("authTokens", wrapAuth), seenInAuthTokens},
		{contract.RegistrationTokens, pathRegistration, listOf("registrationTokens", wrapRegistration), seenInRegistrationTokens},
	} {
		if err := o.list(ctx, list); err != nil {
			return found, err
		}
	}
	if _, refused, err = o.get(ctx, pathClients, nil); err != nil {
		return found, err
	}
	found.Set(contract.Clients, statusOf(refused))
	_, refused, err = o.get(ctx, pathRegistration+"/"+missingName, nil) // which shows an error's body
	if refused != nil && refused.Shape != "" {
		found.Set(contract.ErrorShape, fmt.Sprintf("%s (with status %d)", refused.Shape, refused.Status))
	}
	return found, err
}

// observer asks, and notes what it finds.
type observer struct {
	s     *Session
	found contract.Findings
}

// observed is one of the two lists, and what its rows show.
type observed struct {
	id   contract.ID
	path string
	list tms.List
	rows func([]tms.Object, contract.Findings)
}

// get reads path. refused is the service's refusal; err is all other trouble.
func (o observer) get(ctx context.Context, path string, query url.Values) (a tms.Answer, refused *tms.Failure, err error) {
	err = o.s.do(ctx, tms.Call{
		Op: "read the contract", Method: http.MethodGet, Path: path, Query: query,
		Read: func(is tms.Answer) error { a = is; return nil },
	})
	if f, ok := errors.AsType[*tms.Failure](err); ok && f.Reach == tms.Answered && f.Op == "read the contract" && f.Status != http.StatusTooManyRequests {
		return a, f, nil
	}
	return a, nil, err
}

func statusOf(refused *tms.Failure) string {
	if refused == nil {
		return "200"
	}
	return fmt.Sprintf("status %d", refused.Status)
}

// list asks for all that a list shows.
func (o observer) list(ctx context.Context, l observed) error {
	a, refused, err := o.get(ctx, l.path, nil)
	if err != nil {
		return err
	}
	o.found.Set(l.id, statusOf(refused))
	if refused != nil {
		return nil //nolint:nilerr // that is the finding
	}
	rows, total, err := l.list.Parse(a.Body)
	if err != nil {
		note(o.found, contract.ListReply, "not readable: "+err.Error())
		return nil //nolint:nilerr // that is the finding
	}
	if len(rows) > 0 {
		note(o.found, contract.ListReply, formOfList(a.Body, l.list))
		l.rows(rows, o.found)
	}
	return errors.Join(o.empty(ctx, l, len(rows)), o.pages(ctx, l, max(len(rows), total.N)), o.single(ctx, l, rows))
}

// empty asks for what nothing is called.
func (o observer) empty(ctx context.Context, l observed, there int) error {
	a, refused, err := o.get(ctx, l.path, url.Values{"identifier": {missingName}})
	switch {
	case err != nil:
		return err
	case refused != nil:
		note(o.found, contract.Filters, fmt.Sprintf("refused with status %d", refused.Status))
		return nil //nolint:nilerr // that is the finding
	}
	rows, _, err := l.list.Parse(a.Body)
	switch {
	case err != nil:
		note(o.found, contract.EmptyList, "not readable: "+err.Error())
	case len(rows) == 0:
		note(o.found, contract.EmptyList, formOfList(a.Body, l.list))
		if there > 0 {
			note(o.found, contract.Filters, "selects")
		}
	default:
		note(o.found, contract.Filters, "has no effect")
	}
	return nil
}

// pages asks for the first two rows by one, under each name of the start.
func (o observer) pages(ctx context.Context, l observed, there int) error {
	if there < 2 {
		return nil
	}
	first, size, total, err := o.page(ctx, l, url.Values{queryStart: {"0"}, querySize: {"1"}})
	if err != nil || first == "" {
		return err
	}
	said := []string{}
	if size == 1 {
		said = append(said, querySize)
	}
	for _, name := range []string{queryStart, queryStartFirst} {
		second, _, _, err := o.page(ctx, l, url.Values{name: {"1"}, querySize: {"1"}})
		if err != nil {
			return err
		}
		if second != "" && second != first {
			said = append(said, name)
		}
	}
	if len(said) == 0 {
		said = []string{"none of " + queryStart + ", " + queryStartFirst + ", " + querySize + " has an effect"}
	}
	note(o.found, contract.Paging, said...)
	switch {
	case total.N < 0:
		note(o.found, contract.ListCount, "not in the reply")
	case size < there && total.N > size:
		note(o.found, contract.ListCount, "of all pages")
	case size < there:
		note(o.found, contract.ListCount, "of this page")
	}
	return nil
}

// page returns the id of the first row of a page; "" if there is none.
func (o observer) page(ctx context.Context, l observed, query url.Values) (first string, size int, total tms.Total, err error) {
	a, refused, err := o.get(ctx, l.path, query)
	if err != nil || refused != nil {
		return "", 0, total, err
	}
	rows, total, err := l.list.Parse(a.Body)
	if err != nil || len(rows) == 0 {
		return "", 0, total, nil //nolint:nilerr // a page that cannot be read shows nothing
	}
	return rows[0].ID("id"), len(rows), total, nil
}

// single asks for one object of a list alone.
func (o observer) single(ctx context.Context, l observed, rows []tms.Object) error {
	if len(rows) == 0 || rows[0].ID("id") == "" {
		return nil
	}
	a, refused, err := o.get(ctx, l.path+"/"+url.PathEscape(rows[0].ID("id")), nil)
	if err != nil || refused != nil {
		return err
	}
	form := "bare"
	if at := tms.PathOf(a.Body, "id"); at != "" {
		form = "wrapped in " + at
	}
	note(o.found, contract.SingleReply, form)
	version := "none"
	if a.ETag != "" {
		version = "ETag"
	}
	note(o.found, contract.Version, version)
	return nil
}

// formOfList says how a list is written. It is pure.
func formOfList(body []byte, l tms.List) string {
	o, err := tms.ParseReply(body, "")
	if err != nil {
		return "a bare array"
	}
	inner, err := tms.ParseReply(o.Member(l.Member), "")
	switch {
	case err == nil && inner.Member(l.Inner) == nil:
		return l.Member + " without " + l.Inner
	case err == nil:
		return l.Member + "." + l.Inner
	case o.Member(l.Member) != nil:
		return "an array in " + l.Member
	}
	return "an array in another member"
}

// seenInRegistrationTokens notes what rows show, but for their values. It is pure.
func seenInRegistrationTokens(rows []tms.Object, found contract.Findings) {
	for _, name := range []string{memberState, memberStatus} {
		note(found, contract.State, each(rows, name, func(r tms.Object) string { return name + ": " + wordOf(r.Text(name)) })...)
	}
	note(found, contract.Expiry, each(rows, "", func(r tms.Object) string { return "expirationDate: " + kindOf(r, "expirationDate") })...)
	note(found, contract.RegistrationForm, each(rows, "", tokenForm)...)
	note(found, contract.UsedCount, each(rows, "", usedForm)...)
	seenInAll(rows, "customer", found)
}

// seenInAuthTokens is the same for auth tokens.
func seenInAuthTokens(rows []tms.Object, found contract.Findings) {
	var names []string
	for _, name := range []string{"identifier", "fqdn", "systemUserName", "macAddress", "refId1", "refId2", "creationDate"} {
		if slices.ContainsFunc(rows, func(r tms.Object) bool { return r.Text(name) != "" }) {
			names = append(names, name)
		}
	}
	found.Set(contract.Attribution, names...)
	seenInAll(rows, "registrationToken", found)
}

// seenInAll notes what rows of both lists show. reference is a member that refers to
// another thing.
func seenInAll(rows []tms.Object, reference string, found contract.Findings) {
	for _, r := range rows {
		if r[reference] != nil {
			note(found, contract.References, reference+": "+kindOf(r, reference))
		}
	}
	note(found, contract.Times, each(rows, "creationDate", func(r tms.Object) string { return timeForm(r.Text("creationDate")) })...)
}

// each is what form says of each row, or of each that has a text in the member name.
func each(rows []tms.Object, name string, form func(tms.Object) string) []string {
	var all []string
	for _, r := range rows {
		if name == "" || r.Text(name) != "" {
			all = append(all, form(r))
		}
	}
	return all
}

// note adds to what was found.
func note(found contract.Findings, id contract.ID, more ...string) {
	all := slices.Concat(found[id].Answers, more)
	slices.Sort(all)
	found.Set(id, slices.Compact(all)...)
}

// kindOf says what a member is, without its value.
func kindOf(o tms.Object, name string) string {
	if inner, err := tms.ParseReply(o.Member(name), ""); err == nil {
		return "an object of " + strings.Join(slices.Sorted(maps.Keys(inner)), ", ")
	}
	text := o.Text(name)
	switch {
	case o.Member(name) == nil || string(o.Member(name)) == "null":
		return "missing"
	case string(o[name]) == `""`:
		return "an empty string"
	case text == "":
		return "not a string"
	case !tms.ParseTime(text).IsZero():
		return timeForm(text)
	}
	return "a string"
}

var (
	digit     = regexp.MustCompile(`[0-9]`)
	knownWord = regexp.MustCompile(`^[A-Za-z_-]{1,24}$`)
)

// timeForm is the form of a time, without its value.
func timeForm(text string) string {
	if len(text) > 40 || tms.ParseTime(text).IsZero() {
		return "not readable"
	}
	return digit.ReplaceAllString(text, "9")
}

// wordOf is a word of the service, if it can be one.
func wordOf(s string) string {
	if knownWord.MatchString(s) {
		return s
	}
	return "not a word"
}

// tokenForm says whether a registration token that is shown is what it is taken for.
func tokenForm(r tms.Object) string {
	text := r.Text("token")
	switch {
	case text == "":
		return "not shown"
	case token.FormatWarning(token.NewSecret(text)) == "":
		return "shown, base64 of user:password"
	}
	return "shown, not base64 of user:password"
}

// usedForm says whether the used counts are told.
func usedForm(r tms.Object) string {
	_, told, err := r.Int(usedMember)
	switch {
	case err != nil:
		return usedMember + ": not readable"
	case told:
		return usedMember
	}
	return "not told"
}
