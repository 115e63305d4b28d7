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

// Contract asks the tenant about the details that the vendor leaves open, with about 15
// requests. It only reads: it creates and changes nothing, and uses no count. A refusal
// is a finding. An error means that the tenant does not answer.
func (s *Session) Contract(ctx context.Context) (contract.Findings, error) {
	o := &observer{s: s, found: contract.Findings{}}
	if a, refused := o.get(ctx, "/idpConfigurations", nil); refused == nil {
		o.note(contract.Discovery, tms.MembersOfProvider(a.Body))
	}
	o.note(contract.BasePath, s.tms.Path())
	o.list(ctx, observed{contract.AuthTokens, pathAuth, listOf("authTokens", wrapAuth), o.seenInAuthTokens})
	o.list(ctx, observed{contract.RegistrationTokens, pathRegistration, listOf("registrationTokens", wrapRegistration), o.seenInRegistrationTokens})
	_, refused := o.get(ctx, pathClients, nil)
	o.note(contract.Clients, statusOf(refused))
	_, refused = o.get(ctx, pathRegistration+"/"+missingName, nil) // which shows an error's body
	if refused != nil && refused.Shape != "" {
		o.note(contract.ErrorShape, fmt.Sprintf("%s (with status %d)", refused.Shape, refused.Status))
	}
	return o.found, o.err
}

// observer asks the service and notes each finding. After an error it asks and notes no
// more.
type observer struct {
	s     *Session
	found contract.Findings
	err   error
}

// observed is one of the two lists, with the findings in its rows.
type observed struct {
	id   contract.ID
	path string
	list tms.List
	rows func([]tms.Object)
}

// get reads path. refused is the service's refusal; for any other failure, see o.err.
func (o *observer) get(ctx context.Context, path string, query url.Values) (a tms.Answer, refused *tms.Failure) {
	const op = "read the contract"
	if o.err != nil {
		return a, &tms.Failure{}
	}
	err := o.s.do(ctx, tms.Call{
		Op: op, Method: http.MethodGet, Path: path, Query: query,
		Read: func(is tms.Answer) error { a = is; return nil },
	})
	f, ok := errors.AsType[*tms.Failure](err)
	if err != nil && (!ok || f.Reach != tms.Answered || f.Op != op || f.Status == http.StatusTooManyRequests) {
		o.err, f = err, &tms.Failure{}
	}
	return a, f
}

// note adds a finding.
func (o *observer) note(id contract.ID, more ...string) {
	if o.err == nil {
		all := slices.Concat(o.found[id].Answers, more)
		slices.Sort(all)
		o.found.Set(id, slices.Compact(all)...)
	}
}

func statusOf(refused *tms.Failure) string {
	if refused == nil {
		return "200"
	}
	return fmt.Sprintf("status %d", refused.Status)
}

// list asks for all that a list shows.
func (o *observer) list(ctx context.Context, l observed) {
	a, refused := o.get(ctx, l.path, nil)
	o.note(l.id, statusOf(refused))
	if refused != nil {
		return
	}
	rows, total, err := l.list.Parse(a.Body)
	if err != nil {
		o.note(contract.ListReply, "not readable: "+err.Error())
		return
	}
	if len(rows) > 0 {
		o.note(contract.ListReply, formOfList(a.Body, l.list))
		l.rows(rows)
	}
	o.empty(ctx, l, len(rows))
	o.pages(ctx, l, max(len(rows), total.N))
	o.single(ctx, l, rows)
}

// empty asks for a name that does not exist.
func (o *observer) empty(ctx context.Context, l observed, there int) {
	a, refused := o.get(ctx, l.path, url.Values{"identifier": {missingName}})
	rows, _, err := l.list.Parse(a.Body)
	switch {
	case refused != nil:
		o.note(contract.Filters, fmt.Sprintf("refused with status %d", refused.Status))
	case err != nil:
		o.note(contract.EmptyList, "not readable: "+err.Error())
	case len(rows) == 0:
		o.note(contract.EmptyList, formOfList(a.Body, l.list))
		if there > 0 {
			o.note(contract.Filters, "selects")
		}
	default:
		o.note(contract.Filters, "has no effect")
	}
}

// pages asks for the first two rows by one, under each name of the start.
func (o *observer) pages(ctx context.Context, l observed, there int) {
	if there < 2 {
		return
	}
	first, size, total := o.page(ctx, l, queryStart, "0")
	if first == "" {
		return
	}
	var said []string
	if size == 1 {
		said = append(said, querySize)
	}
	for _, name := range []string{queryStart, queryStartFirst} {
		if second, _, _ := o.page(ctx, l, name, "1"); second != "" && second != first {
			said = append(said, name)
		}
	}
	if len(said) == 0 {
		said = []string{"none of " + queryStart + ", " + queryStartFirst + ", " + querySize + " has an effect"}
	}
	o.note(contract.Paging, said...)
	switch {
	case total.N < 0:
		o.note(contract.ListCount, "not in the reply")
	case size < there && total.N > size:
		o.note(contract.ListCount, "of all pages")
	case size < there:
		o.note(contract.ListCount, "of this page")
	}
}

// page returns the id of the first row of a page of one row; "" if it shows none.
func (o *observer) page(ctx context.Context, l observed, startName, start string) (first string, size int, total tms.Total) {
	a, refused := o.get(ctx, l.path, url.Values{startName: {start}, querySize: {"1"}})
	rows, total, err := l.list.Parse(a.Body)
	if refused != nil || err != nil || len(rows) == 0 {
		return "", 0, total
	}
	return rows[0].ID("id"), len(rows), total
}

// single asks for one object of a list alone.
func (o *observer) single(ctx context.Context, l observed, rows []tms.Object) {
	if len(rows) == 0 || rows[0].ID("id") == "" {
		return
	}
	a, refused := o.get(ctx, l.path+"/"+url.PathEscape(rows[0].ID("id")), nil)
	if refused != nil {
		return
	}
	form, version := "bare", "none"
	if at := tms.PathOf(a.Body, "id"); at != "" {
		form = "wrapped in " + at
	}
	if a.ETag != "" {
		version = "ETag"
	}
	o.note(contract.SingleReply, form)
	o.note(contract.Version, version)
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

// seenInRegistrationTokens notes the forms in rows, without their values.
func (o *observer) seenInRegistrationTokens(rows []tms.Object) {
	for _, name := range []string{memberState, memberStatus} {
		o.note(contract.State, each(rows, name, func(r tms.Object) string { return name + ": " + wordOf(r.Text(name)) })...)
	}
	o.note(contract.Expiry, each(rows, "", func(r tms.Object) string { return "expirationDate: " + kindOf(r, "expirationDate") })...)
	o.note(contract.RegistrationForm, each(rows, "", tokenForm)...)
	o.note(contract.UsedCount, each(rows, "", usedForm)...)
	o.seenInAll(rows, "customer")
}

// seenInAuthTokens is the same for auth tokens.
func (o *observer) seenInAuthTokens(rows []tms.Object) {
	var names []string
	for _, name := range []string{"identifier", "fqdn", "systemUserName", "macAddress", "refId1", "refId2", "creationDate"} {
		if slices.ContainsFunc(rows, func(r tms.Object) bool { return r.ID(name) != "" }) {
			names = append(names, name)
		}
	}
	o.found.Set(contract.Attribution, names...)
	o.seenInAll(rows, "registrationToken")
}

// seenInAll notes the forms in rows of both lists. reference is a member that refers to
// another object.
func (o *observer) seenInAll(rows []tms.Object, reference string) {
	for _, r := range rows {
		if r[reference] != nil {
			o.note(contract.References, reference+": "+kindOf(r, reference))
		}
	}
	o.note(contract.Times, each(rows, "creationDate", func(r tms.Object) string { return timeForm(r.Text("creationDate")) })...)
}

// each returns the form of each row, or of each row with a text in the member name.
func each(rows []tms.Object, name string, form func(tms.Object) string) []string {
	var all []string
	for _, r := range rows {
		if name == "" || r.Text(name) != "" {
			all = append(all, form(r))
		}
	}
	return all
}

// kindOf describes the type of a member, without its value.
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

// tokenForm says whether a registration token has the expected form.
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

// usedForm says whether the service shows the used counts.
func usedForm(r tms.Object) string {
	_, shown, err := r.Int(usedMember)
	switch {
	case err != nil:
		return usedMember + ": not readable"
	case shown:
		return usedMember
	}
	return "not told"
}
