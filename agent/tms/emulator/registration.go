package emulator

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRegistrationDays is how many days ahead a registration token may end.
const maxRegistrationDays = 30

// The words of the first dialect, and of the data file.
const (
	enabled  = "ENABLED"
	disabled = "DISABLED"
)

const (
	wrapRegistration = "registrationToken"
	wrapAuth         = "authToken"
)

// registration is a registration token as the Contact Administrator sees it.
// Status says nothing of expiry and counts: one that is past its last day or
// used up is still listed as enabled, as is documented.
type registration struct {
	ID    string `json:"id"`
	Token string `json:"token"`
	registrationRequest
	UsedCount    int       `json:"usedCount"`
	Status       string    `json:"status"`
	CreationDate time.Time `json:"creationDate"`
}

type registrationRequest struct {
	Identifier     string    `json:"identifier"`
	Count          int       `json:"count"`
	ExpirationDate expiry    `json:"expirationDate"` // the last day that it is good, in UTC
	RefID1         string    `json:"refId1"`
	RefID2         string    `json:"refId2"`
	Customer       reference `json:"customer"`
}

// registrationUpdate changes only the named members.
type registrationUpdate struct {
	Count          *int    `json:"count"`
	ExpirationDate *expiry `json:"expirationDate"`
	State          *string `json:"state"`
	Status         *string `json:"status"`
}

func newRegistration(q registrationRequest, now time.Time) (registration, error) {
	if err := checkTexts(text{"identifier", q.Identifier}, text{"refId1", q.RefID1},
		text{"refId2", q.RefID2}, text{"customer", q.Customer.Name}, text{"customer", q.Customer.ID}); err != nil {
		return registration{}, err
	}
	if q.Count < 1 {
		return registration{}, invalidField("count", "must be at least 1")
	}
	if err := q.ExpirationDate.check(now); err != nil {
		return registration{}, err
	}
	return registration{
		// The token is base64 of user:password, as the vendor describes one.
		ID: rand.Text(), Token: base64.StdEncoding.EncodeToString([]byte(rand.Text() + ":" + rand.Text())), registrationRequest: q,
		Status: enabled, CreationDate: now.Truncate(time.Second),
	}, nil
}

// check takes days from tomorrow to maxRegistrationDays ahead.
func (e expiry) check(now time.Time) error {
	date, err := time.Parse(time.DateOnly, string(e))
	if first := now.UTC().Truncate(24 * time.Hour); err != nil || !date.After(first) || date.After(first.AddDate(0, 0, maxRegistrationDays)) {
		return errExpirationDate
	}
	return nil
}

func (u registrationUpdate) apply(r *registration, k Knobs, now time.Time) error {
	if u.Count != nil {
		count := *u.Count
		if k.CountDelta {
			count += r.Count
		}
		if count < max(r.UsedCount, 1) {
			return errBelowUsed
		}
		r.Count = count
	}
	if u.ExpirationDate != nil {
		if err := u.ExpirationDate.check(now); err != nil {
			return err
		}
		r.ExpirationDate = *u.ExpirationDate
	}
	for member, word := range map[string]*string{"state": u.State, "status": u.Status} {
		if word == nil {
			continue
		}
		either := k.RequestBody == BodyEither
		if member != k.Dialect.words().state && !either {
			return invalidField(member, "is not a member of a registration token")
		}
		status, err := k.Dialect.stateOf(*word, either)
		if err != nil {
			return err
		}
		r.Status = status
	}
	return nil
}

func (e *Emulator) createRegistration(c *call) answer {
	var q registrationRequest
	if _, err := c.decode(wrapRegistration, &q); err != nil {
		return refused(err)
	}
	if q.Customer.text && c.knobs.Dialect == Family && c.knobs.RequestBody == BodyStrict {
		return refused(invalidField("customer", "must be an object with an id or a name"))
	}
	r, err := newRegistration(q, c.now)
	if err == nil {
		err = e.store.addRegistration(r)
	}
	return c.versioned(r, 1, err)
}

// versioned is a registration token with its version as ETag. Whether the real
// service has one is not known.
func (c *call) versioned(r registration, version int, err error) answer {
	if err != nil {
		return refused(err)
	}
	return answer{
		status: c.success(), body: map[string]any{wrapRegistration: c.knobs.Dialect.registration(r)},
		header: http.Header{"Etag": {`"` + strconv.Itoa(version) + `"`}},
	}
}

// ifMatch is the version that a request insists on; 0 is any.
func ifMatch(c *call) (int, error) {
	tag := c.Header.Get("If-Match")
	if tag == "" || tag == "*" {
		return 0, nil
	}
	n, err := strconv.Atoi(strings.Trim(tag, `"`))
	if err != nil || n < 1 {
		return 0, errVersion // none that we ever gave
	}
	return n, nil
}

func (e *Emulator) listRegistrations(c *call) answer {
	write := func(r *registrationRow) any { return c.knobs.Dialect.registration(r.registration) }
	return list(e, c, "registrationTokens", wrapRegistration, e.store.registrationsInOrder, write, map[string]func(*registrationRow) string{
		"identifier": func(r *registrationRow) string { return r.Identifier },
		"token":      func(r *registrationRow) string { return r.Token },
		"refId1":     func(r *registrationRow) string { return r.RefID1 },
		"refId2":     func(r *registrationRow) string { return r.RefID2 },
	})
}

func (e *Emulator) showRegistration(c *call) answer {
	return c.versioned(e.store.registration(c.PathValue("id")))
}

func (e *Emulator) updateRegistration(c *call) answer {
	var u registrationUpdate
	if _, err := c.decode(wrapRegistration, &u); err != nil {
		return refused(err)
	}
	version, err := ifMatch(c)
	if err != nil {
		return refused(err)
	}
	apply := func(r *registration) error { return u.apply(r, c.knobs, c.now) }
	return c.versioned(e.store.updateRegistration(c.PathValue("id"), version, c.knobs.OneUser, apply))
}

func (e *Emulator) deleteRegistration(c *call) answer {
	return removed(e.store.deleteRegistration(c.PathValue("id"), c.knobs.OneUser))
}
