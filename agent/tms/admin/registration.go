package admin

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"regent/agent/tms"

	"regent/agent/token"
)

// NewRegistrationToken describes a registration token to create.
type NewRegistrationToken struct {
	Identifier string
	Count      int       // how many auth tokens it can create
	Expires    time.Time // its last day; only the date in UTC counts
	RefID1     string
	RefID2     string
	Customer   string // its name, or "id:" and its id; "" for none
}

// Check returns an error for values that the service would refuse at the time now.
func (n NewRegistrationToken) Check(now time.Time) error {
	if n.Identifier == "" {
		return errors.New("identifier: must not be empty")
	}
	if err := CheckCount(n.Count); err != nil {
		return err
	}
	return CheckExpires(n.Expires, now)
}

// CheckExpires says why a last day is not allowed at the time now.
func CheckExpires(expires, now time.Time) error {
	first, last := ExpiryBounds(now)
	if day := midnight(expires); day.Before(first) || day.After(last) {
		return fmt.Errorf("expiration date %s: must lie between tomorrow, %s, and %s, which is %d days ahead",
			day.Format(time.DateOnly), first.Format(time.DateOnly), last.Format(time.DateOnly), maxDays)
	}
	return nil
}

// CheckCount returns an error for a count out of bounds.
func CheckCount(count int) error {
	switch {
	case count < 1:
		return fmt.Errorf("count %d: must be at least 1", count)
	case count > MaxCount:
		return fmt.Errorf("count %d: must be at most %d", count, MaxCount)
	}
	return nil
}

// ExpiryBounds are the first and the last day on which a registration token made
// now may expire.
func ExpiryBounds(now time.Time) (first, last time.Time) {
	today := midnight(now)
	return today.AddDate(0, 0, 1), today.AddDate(0, 0, maxDays)
}

func midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// RegistrationToken is one that the service has.
type RegistrationToken struct {
	ID         string // the service's name of it; never empty
	Identifier string // the administrator's
	Token      token.Secret
	Count      int       // how many auth tokens it can create in all
	Used       int       // how many it has created; says nothing unless UsedKnown
	UsedKnown  bool      // the service shows Used. A: it does.
	Expires    time.Time // its last day, at its beginning in UTC; zero if there is none, or none that can be read
	Ends       time.Time // when on its last day it ends; zero if the service shows only a date
	Never      bool      // the service says that it has no last day
	State      State     // whether it is enabled. It is not Usability.
	Status     string    // the service's word for State

	StateMember string // in which member Status stands; "" if the service does not show State

	RefID1   string
	RefID2   string
	Customer string
	Created  time.Time // zero if not known

	// Found means that the answer to its creation was lost, and the list showed it.
	Found bool

	Version string // as the service gave it; "" in a list, and if it gives none

	// Flaw names the unreadable part of a row in a list; "" for none. One bad row must
	// not hide the others. Nothing but the texts can then be relied on, and ID may be
	// empty.
	Flaw string
}

// StateIf is the state of one that is enabled, or is not.
func StateIf(enabled bool) State {
	if enabled {
		return StateEnabled
	}
	return StateDisabled
}

// Usability says whether a device can redeem a registration token.
type Usability string

// Usabilities. The service lists all but Disabled as enabled.
const (
	Usable           Usability = "usable"
	UsedUp           Usability = "used up"
	Expired          Usability = "expired"
	Disabled         Usability = "disabled"
	UsabilityUnknown Usability = "unknown"    // the service does not show its used counts, its state or its last day
	Unreadable       Usability = "unreadable" // it has a Flaw
)

// Usabilities are all of them.
func Usabilities() []Usability {
	return []Usability{Usable, UsedUp, Expired, Disabled, UsabilityUnknown, Unreadable}
}

// Usability returns it at the time now. Expiry comes first: only a new expiration date ends
// it, not a change of count or state.
func (r RegistrationToken) Usability(now time.Time) Usability {
	switch {
	case r.Flaw != "":
		return Unreadable
	case r.expired(now):
		return Expired
	case r.UsedKnown && r.Used >= r.Count:
		return UsedUp
	case r.State == StateDisabled:
		return Disabled
	case !r.UsedKnown, r.State != StateEnabled, r.Expires.IsZero() && !r.Never, r.MayHaveExpired(now):
		return UsabilityUnknown
	}
	return Usable
}

// expired reports whether r has expired for certain. A time without a zone may be up to
// 14 hours off.
func (r RegistrationToken) expired(now time.Time) bool {
	switch {
	case r.Ends.IsZero():
		return !r.Expires.IsZero() && midnight(now).After(r.Expires)
	case !HasZone(r.Ends):
		return now.After(r.Ends.Add(tms.ZoneSpan))
	}
	return now.After(r.Ends)
}

// MayHaveExpired reports whether now is so near to the end of r that only the zone of
// that time, which the service does not tell, says whether r has expired.
func (r RegistrationToken) MayHaveExpired(now time.Time) bool {
	return !r.Ends.IsZero() && !HasZone(r.Ends) && now.After(r.Ends.Add(-tms.ZoneSpan)) && !r.expired(now)
}

// RegistrationToken returns the one of that id.
func (s *Session) RegistrationToken(ctx context.Context, id string) (r RegistrationToken, err error) {
	err = s.show(ctx, "registration token", pathRegistration, id, func(a tms.Answer) (err error) {
		r, err = registrationIn(a)
		return err
	})
	return s.remember(r), err
}

// RegistrationTokens returns all that the filter selects. One that cannot be
// read whole is among them, with its Flaw. With an *[IncompleteError] it returns those
// that the service shows.
func (s *Session) RegistrationTokens(ctx context.Context, f RegistrationFilter) ([]RegistrationToken, error) {
	rows, err := listing[RegistrationToken]{"list registration tokens", pathRegistration, listOf("registrationTokens", wrapRegistration), rowOf}.all(ctx, s, url.Values{"identifier": {f.Identifier}, "refId1": {f.RefID1}, "refId2": {f.RefID2}})
	for i := range rows {
		rows[i] = s.remember(rows[i])
	}
	return slices.DeleteFunc(rows, func(r RegistrationToken) bool { return !f.selects(r) }), err
}

// DeleteRegistrationToken deletes the one of that id. The auth tokens that it
// created are not deleted.
func (s *Session) DeleteRegistrationToken(ctx context.Context, id string) error {
	return s.remove(ctx, "registration token", pathRegistration, id)
}

// registrationIn reads an answer that is one registration token.
func registrationIn(a tms.Answer) (RegistrationToken, error) {
	o, err := tms.ParseReply(a.Body, wrapRegistration)
	if err != nil {
		return RegistrationToken{}, err
	}
	r, err := registrationOf(o)
	if err != nil {
		return RegistrationToken{Token: r.Token}, err // and nothing else of it is used
	}
	r.Version = a.ETag
	if outer, err := tms.ParseReply(a.Body, ""); err == nil && r.Token.IsZero() {
		r.Token = shownIn(outer)
	}
	return r, nil
}

// rowOf reads one of a list.
func rowOf(o tms.Object) RegistrationToken {
	r, err := registrationOf(o)
	if err != nil {
		r.Flaw = err.Error()
	}
	return r
}

// registrationOf reads a registration token. With an error it also returns the readable
// parts.
func registrationOf(o tms.Object) (RegistrationToken, error) {
	r := RegistrationToken{
		ID:         o.ID("id"),
		Identifier: o.ID("identifier"),
		RefID1:     o.ID("refId1"),
		RefID2:     o.ID("refId2"),
		Customer:   o.Ref([]string{"name", "identifier", "id"}, "customer"),
		Created:    tms.ParseTime(o.Text("creationDate")),
	}
	r.Expires, r.Ends, r.Never = lastDay(o)
	r.State, r.StateMember, r.Status = stateOf(o)
	r.Token = shownIn(o)
	var hasCount bool
	var err error
	if r.Count, hasCount, err = o.Int("count"); err != nil {
		return r, err
	}
	// A value that is not a number counts as missing.
	if used, told, err := o.Int(usedMember); err == nil && told && used >= 0 {
		r.Used, r.UsedKnown = used, true
	}
	switch {
	case r.ID == "":
		return r, errors.New("no id")
	case r.Count < 0:
		r.Count = 0
		return r, errors.New("count is below 0")
	case !hasCount:
		return r, errors.New("no count")
	}
	return r, nil
}

// shownIn returns the token that a reply shows. A: the member token, or one of the
// others here. Else it is the one text that decodes to user:password (O), but for
// those that people wrote.
func shownIn(o tms.Object) token.Secret {
	if t := o.Text("token", "registrationToken", "tokenValue", "registrationTokenValue", "value", "secret"); t != "" {
		return token.NewSecret(t)
	}
	var found token.Secret
	for _, text := range o.Texts("id", "identifier", "refId1", "refId2", "customer", "name", "description") {
		switch is := token.NewSecret(text); {
		case token.FormatWarning(is) != "":
		case !found.IsZero() && !found.Equal(is):
			return token.Secret{}
		default:
			found = is
		}
	}
	return found
}

// lastDay reads an expiration date: a date, a time, or F an object with neverExpires
// and endDate. It is zero if there is none, or none that can be read; never means that
// the service says that there is none. ends is zero for a date, and for a midnight.
func lastDay(o tms.Object) (day, ends time.Time, never bool) {
	const member = "expirationDate"
	text := o.Text(member)
	if inner, found := o.FirstOf(member); found {
		text = inner.Text("endDate")
		if strings.EqualFold(strings.Trim(string(inner.Member("neverExpires")), `" `), "true") {
			return time.Time{}, time.Time{}, true
		}
	}
	t := tms.ParseTime(text)
	switch {
	case t.IsZero():
		return t, t, false
	case t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0:
		return midnight(t), time.Time{}, false
	}
	return midnight(t), t, false
}

// LastDay is the last day in words: a date, never or not shown.
func (r RegistrationToken) LastDay() string {
	switch {
	case r.Never:
		return "never"
	case r.Expires.IsZero():
		return "not shown"
	}
	return r.Expires.Format(time.DateOnly)
}

// HasZone reports whether the service showed the zone of a time. Without it the time
// may be up to 14 hours off, in either direction.
func HasZone(t time.Time) bool {
	return t.Location() != tms.NoZone && t.Location() != tms.NoTime
}

// Before reports whether created, a time of the service, was before at for certain.
// Of a time that is not known it is not certain.
func Before(created, at time.Time) bool {
	if created.IsZero() {
		return false
	}
	if created.Location() == tms.NoTime {
		created = created.AddDate(0, 0, 1)
	}
	if !HasZone(created) {
		created = created.Add(tms.ZoneSpan)
	}
	return created.Before(at)
}
