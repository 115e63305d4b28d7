package emulator

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRegistrationDays is how many days ahead a registration token may end.
const maxRegistrationDays = 30

const (
	enabled  = "ENABLED"
	disabled = "DISABLED"
)

// registration is a registration token as the Contact Administrator sees it.
// Status says nothing of expiry and counts: one that is past its last day or
// used up is still listed as enabled, as is documented.
type registration struct {
	ID             string    `json:"id"`
	Identifier     string    `json:"identifier"`
	Token          string    `json:"token"`
	Count          int       `json:"count"`
	UsedCount      int       `json:"usedCount"`
	ExpirationDate string    `json:"expirationDate"` // the last day that it is good, in UTC
	Status         string    `json:"status"`
	RefID1         string    `json:"refId1"`
	RefID2         string    `json:"refId2"`
	Customer       string    `json:"customer"`
	CreationDate   time.Time `json:"creationDate"`
}

type registrationRequest struct {
	Identifier     string `json:"identifier"`
	Count          int    `json:"count"`
	ExpirationDate string `json:"expirationDate"`
	RefID1         string `json:"refId1"`
	RefID2         string `json:"refId2"`
	Customer       ref    `json:"customer"`
}

// ref names another thing: a string, or an object with its name or id.
type ref string

// UnmarshalJSON reads both.
func (r *ref) UnmarshalJSON(b []byte) error {
	var o struct{ ID, Name string }
	if err := json.Unmarshal(b, (*string)(r)); err == nil {
		return nil
	}
	if err := decodeStrict(b, &o); err != nil {
		return err
	}
	*r = ref(or(o.Name, o.ID))
	return nil
}

// registrationUpdate leaves alone what is not named.
type registrationUpdate struct {
	Count          *int    `json:"count"`
	ExpirationDate *string `json:"expirationDate"`
	Status         *string `json:"status"`
	State          *string `json:"state"` // ENABLE or DISABLE, in place of status
}

type wrappedRegistration struct {
	RegistrationToken registration `json:"registrationToken"`
}

func newRegistration(q registrationRequest, now time.Time) (registration, error) {
	if err := checkTexts(text{"identifier", q.Identifier}, text{"refId1", q.RefID1},
		text{"refId2", q.RefID2}, text{"customer", string(q.Customer)}); err != nil {
		return registration{}, err
	}
	if q.Count < 1 {
		return registration{}, invalidField("count", "must be at least 1")
	}
	if err := checkExpirationDate(q.ExpirationDate, now); err != nil {
		return registration{}, err
	}
	return registration{
		ID: rand.Text(), Identifier: q.Identifier, Token: newRegistrationToken(), Count: q.Count,
		ExpirationDate: q.ExpirationDate, Status: enabled,
		RefID1: q.RefID1, RefID2: q.RefID2, Customer: string(q.Customer), CreationDate: now.Truncate(time.Second),
	}, nil
}

// newRegistrationToken is base64 of user:password, as the vendor describes one.
func newRegistrationToken() string {
	return base64.StdEncoding.EncodeToString([]byte(rand.Text() + ":" + rand.Text()))
}

// checkExpirationDate takes days from tomorrow to maxRegistrationDays ahead.
func checkExpirationDate(date string, now time.Time) error {
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return errExpirationDate
	}
	last := today(now.AddDate(0, 0, maxRegistrationDays))
	if date <= today(now) || date > last { // such dates sort as text does
		return errExpirationDate
	}
	return nil
}

// usable returns why nothing can be redeemed now, counts aside.
func (r *registration) usable(now time.Time) error {
	if r.Status != enabled {
		return errDisabledRegistration
	}
	if today(now) > r.ExpirationDate {
		return errExpiredRegistration
	}
	return nil
}

func (u registrationUpdate) apply(r *registration, now time.Time) error {
	if u.Count != nil {
		if *u.Count < max(r.UsedCount, 1) {
			return errBelowUsed
		}
		r.Count = *u.Count
	}
	if u.ExpirationDate != nil {
		if err := checkExpirationDate(*u.ExpirationDate, now); err != nil {
			return err
		}
		r.ExpirationDate = *u.ExpirationDate
	}
	if u.State != nil {
		status := *u.State + "D"
		u.Status = &status
	}
	if u.Status != nil {
		if *u.Status != enabled && *u.Status != disabled {
			return errStatus
		}
		r.Status = *u.Status
	}
	return nil
}

func (e *Emulator) createRegistration(c *call) answer {
	var q registrationRequest
	if err := c.decodeIn("registrationToken", &q); err != nil {
		return refused(err)
	}
	r, err := newRegistration(q, c.now)
	if err != nil {
		return refused(err)
	}
	if err := e.store.addRegistration(r); err != nil {
		return refused(err)
	}
	return versioned(http.StatusCreated, r, 1)
}

// versioned is a registration token with its version as ETag. Whether the real
// service has one is not known.
func versioned(status int, r registration, version int) answer {
	return answer{
		status: status, body: wrappedRegistration{r},
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
	q, err := c.query("identifier", "token", "refId1", "refId2")
	if err != nil {
		return refused(err)
	}
	all := e.store.listRegistrations(func(r registration) bool {
		return q.admits("identifier", r.Identifier) && q.admits("token", r.Token) &&
			q.admits("refId1", r.RefID1) && q.admits("refId2", r.RefID2)
	})
	return answer{status: http.StatusOK, body: struct {
		RegistrationTokens []registration `json:"registrationTokens"`
		TotalCount         int            `json:"totalCount"`
	}{page(all, q), len(all)}}
}

func (e *Emulator) showRegistration(c *call) answer {
	r, version, err := e.store.registration(c.PathValue("id"))
	if err != nil {
		return refused(err)
	}
	return versioned(http.StatusOK, r, version)
}

func (e *Emulator) updateRegistration(c *call) answer {
	var u registrationUpdate
	if err := c.decodeIn("registrationToken", &u); err != nil {
		return refused(err)
	}
	version, err := ifMatch(c)
	if err != nil {
		return refused(err)
	}
	r, version, err := e.store.updateRegistration(c.PathValue("id"), version, func(r *registration) error { return u.apply(r, c.now) })
	if err != nil {
		return refused(err)
	}
	return versioned(http.StatusOK, r, version)
}

func (e *Emulator) deleteRegistration(c *call) answer {
	if err := e.store.deleteRegistration(c.PathValue("id")); err != nil {
		return refused(err)
	}
	return answer{status: http.StatusNoContent}
}
