package emulator

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Knobs is how the service behaves. The zero value is a service that works,
// and that is as strict as one may be found to be. Durations are text such as "90s" in
// its JSON; see [knobsJSON].
type Knobs struct {
	AccessLifetime time.Duration `json:"access_lifetime"` // of an access token, whole seconds; 0 is 5 minutes

	// RefreshLifetime is how long an auth token may go unrefreshed, and
	// SessionLifetime how long it may be refreshed at all; whole seconds, 0 is
	// without end. They are checked at each refresh as they stand then.
	RefreshLifetime time.Duration `json:"refresh_lifetime"`
	SessionLifetime time.Duration `json:"session_lifetime"`

	Rotation   Rotation      `json:"rotation"`    // "" is RotationOn
	ReuseGrace time.Duration `json:"reuse_grace"` // with RotationOn: how long the last refresh token that was used still works
	MaxReuse   int           `json:"max_reuse"`   // with RotationOn: how often it still works, each time with another successor, as in Keycloak

	Latency     time.Duration `json:"latency"`      // from the commit to the reply
	ClockOffset time.Duration `json:"clock_offset"` // of the service's clock, seen in Date, iat, exp and each check of an expiry
	Duplicates  Duplicates    `json:"duplicates"`   // "" is DuplicatesCount
	Forms       Forms         `json:"forms"`        // that nobody has documented

	Dialect     Dialect     `json:"dialect"`      // "" is Family
	RequestBody RequestBody `json:"request_body"` // "" is BodyStrict
	ErrorShape  string      `json:"error_shape"`  // one of ErrorShapes, or ErrorRotate; "" is the dialect's own
	PageSize    int         `json:"page_size"`    // rows of a page, however many are asked for; 0 is the dialect's own: 2 of the family, up to 1000 of the first

	// CountDelta makes a count that is changed a number to add, as a quantity of the
	// family's entitlements is. Whether it is so is unknown.
	CountDelta bool `json:"count_delta"`
	// OneUser makes all auth tokens of a registration token sessions of one user:
	// they end when it is disabled or deleted. Whether it is so is unknown.
	OneUser bool `json:"one_user_per_registration_token"`
}

// Rotation says whether a refresh gives a new refresh token, and whether the old one
// stays valid.
type Rotation string

const (
	// RotationOn gives a new one each time. A refresh token that comes a second
	// time, later than Knobs.ReuseGrace and more than MaxReuse times, ends the auth token's refreshing for
	// good: it must have been stolen from somebody.
	RotationOn Rotation = "on"
	// RotationOff gives a new one each time, and all stay good.
	RotationOff Rotation = "off"
	// RotationOmit gives none: the same one stays good.
	RotationOmit Rotation = "omit"
)

// Duplicates says how a redemption ends if its identifier was already redeemed with the
// same registration token. The behavior of the real service is unknown.
type Duplicates string

// How a redemption is repeated.
const (
	DuplicatesCount  Duplicates = "count"  // a further auth token, a further count
	DuplicatesRefuse Duplicates = "refuse" // 409, nothing changes
	DuplicatesSame   Duplicates = "same"   // the same auth token again, nothing changes
)

// Class sorts requests by their purpose.
type Class string

// The classes of requests. Each request is of exactly one of them but the first.
const (
	ClassAny      Class = "any" // in a Fault: each of the following
	ClassDiscover Class = "discover"
	ClassLogin    Class = "login" // an administrator at the token endpoint
	ClassRedeem   Class = "redeem"
	ClassRefresh  Class = "refresh" // in either mode
	ClassAdmin    Class = "admin"   // requests that need an administrator's token
	ClassOther    Class = "other"   // keys, documents, and unknown paths
)

// Fault makes the next requests of a class fail.
type Fault struct {
	Class       Class  `json:"class"`                 // "" is ClassAny
	Count       int    `json:"count"`                 // how many requests; 0 is one
	Status      int    `json:"status"`                // 400 to 599; 0 closes the connection without an answer
	RetryAfter  string `json:"retry_after,omitempty"` // header; "" is none, and "60" with a 429
	Body        string `json:"body,omitempty"`        // sent as HTML, like a portal's in between; "" is an error in the service's shape
	AfterCommit bool   `json:"after_commit"`          // do as asked, then fail
}

// choice is a knob that is one of some words. The first one is the default.
type choice struct {
	what  string
	value *string
	words []string
}

func (k *Knobs) choices() []choice {
	return []choice{
		{"rotation", (*string)(&k.Rotation), []string{string(RotationOn), string(RotationOff), string(RotationOmit)}},
		{"duplicates", (*string)(&k.Duplicates), []string{string(DuplicatesCount), string(DuplicatesRefuse), string(DuplicatesSame)}},
		{"dialect", (*string)(&k.Dialect), []string{string(Family), string(First)}},
		{"request body", (*string)(&k.RequestBody), []string{string(BodyStrict), string(BodyLenient), string(BodyEither)}},
		{"error shape", &k.ErrorShape, append([]string{"", ErrorRotate}, ErrorShapes()...)},
		{"forms: reply", &k.Forms.Reply, []string{"wrapped", "bare"}},
		{"forms: access_token", &k.Forms.AccessToken, []string{"access_token", "accessToken", "token"}},
		{"forms: authorization", &k.Forms.Authorization, []string{"basic", "basic_encoded", "bearer"}},
		{"forms: refresh", &k.Forms.Refresh, []string{"any", "oidc", "tms", "tms_registration", "none"}},
	}
}

// complete sets the defaults, and returns an error about a contradiction.
func (k Knobs) complete() (Knobs, error) {
	k.AccessLifetime = cmp.Or(k.AccessLifetime, 5*time.Minute)
	for _, c := range k.choices() {
		*c.value = cmp.Or(*c.value, c.words[0])
		if !slices.Contains(c.words, *c.value) {
			return k, fmt.Errorf("%s %q: must be one of %s", c.what, *c.value, strings.TrimPrefix(strings.Join(c.words, ", "), ", "))
		}
	}
	return k, k.check()
}

// errKeycloakKnobs refuses knobs of tokens where another identity provider makes them.
var errKeycloakKnobs = errors.New("lifetimes, rotation, reuse grace and one user: are the identity provider's own, set them there")

// tokenKnobs returns the knobs of an identity provider.
func (k Knobs) tokenKnobs() Knobs {
	of := Knobs{
		AccessLifetime: k.AccessLifetime, RefreshLifetime: k.RefreshLifetime, SessionLifetime: k.SessionLifetime,
		Rotation: k.Rotation, ReuseGrace: k.ReuseGrace, MaxReuse: k.MaxReuse, OneUser: k.OneUser,
	}
	of, _ = of.complete() // a part of checked knobs
	return of
}

func (k Knobs) check() error {
	for _, d := range []struct {
		name  string
		value time.Duration
		whole bool
	}{
		{"access lifetime", k.AccessLifetime, true},
		{"refresh lifetime", k.RefreshLifetime, true},
		{"session lifetime", k.SessionLifetime, true},
		{"reuse grace", k.ReuseGrace, false},
		{"latency", k.Latency, false},
	} {
		if d.value < 0 {
			return fmt.Errorf("%s %v: must not be below 0", d.name, d.value)
		}
		if d.whole && d.value%time.Second != 0 {
			return fmt.Errorf("%s %v: must be whole seconds, since the protocol has no less", d.name, d.value)
		}
	}
	if k.ReuseGrace > 0 && k.Rotation != RotationOn {
		return fmt.Errorf("reuse grace %v: needs rotation on, which is %s", k.ReuseGrace, k.Rotation)
	}
	if k.MaxReuse < 0 || k.MaxReuse > 0 && (k.Rotation != RotationOn || k.ReuseGrace > 0) {
		return fmt.Errorf("max reuse %d: must not be below 0, and needs rotation on, without a reuse grace", k.MaxReuse)
	}
	if k.PageSize < 0 || k.PageSize > maxPageSize {
		return fmt.Errorf("page size %d: must be 0 to %d", k.PageSize, maxPageSize)
	}
	return nil
}

func (f Fault) complete() (Fault, error) {
	f.Class, f.Count = cmp.Or(f.Class, ClassAny), cmp.Or(f.Count, 1)
	classes := []Class{ClassAny, ClassDiscover, ClassLogin, ClassRedeem, ClassRefresh, ClassAdmin, ClassOther}
	switch {
	case !slices.Contains(classes, f.Class):
		return f, fmt.Errorf("class %q: must be one of %v", f.Class, classes)
	case f.Count < 0:
		return f, fmt.Errorf("count %d: must not be below 0", f.Count)
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return f, fmt.Errorf("status %d: must be 400 to 599, or 0 for no answer", f.Status)
	case f.Status == 0 && (f.RetryAfter != "" || f.Body != ""):
		return f, fmt.Errorf("status 0 is no answer: it has no header and no body")
	}
	return f, nil
}

// Knobs returns how the service behaves now, defaults filled in.
func (e *Emulator) Knobs() Knobs {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.knobs
}

// SetKnobs changes how the service behaves from the next request on. A contradiction is
// refused, and changes nothing.
func (e *Emulator) SetKnobs(k Knobs) error {
	k, err := k.complete()
	if err != nil {
		return err
	}
	if e.idp != nil && k.tokenKnobs() != (Knobs{}).tokenKnobs() {
		return errKeycloakKnobs
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.knobs = k
	return nil
}

// SetFaults replaces the pending faults; without any, all is well again. One
// that contradicts itself is refused, and then nothing changes.
func (e *Emulator) SetFaults(faults ...Fault) error {
	return e.changeFaults(false, faults)
}

// AddFault lets a fault wait behind those that are pending. A request meets the
// first that is meant for its class.
func (e *Emulator) AddFault(f Fault) error {
	return e.changeFaults(true, []Fault{f})
}

// changeFaults adds faults. Those that are pending stay before them, or go.
func (e *Emulator) changeFaults(stay bool, faults []Fault) (err error) {
	faults = slices.Clone(faults)
	for i, f := range faults {
		if faults[i], err = f.complete(); err != nil {
			return fmt.Errorf("fault: %w", err)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !stay {
		e.faults = nil
	}
	e.faults = append(e.faults, faults...)
	return nil
}

// FailNext answers the next n requests of a class with a status, before they
// change anything.
func (e *Emulator) FailNext(class Class, n, status int) error {
	return e.AddFault(Fault{Class: class, Count: n, Status: status})
}

// DropNext lets the next n requests of a class take effect, and closes the connection
// without an answer.
func (e *Emulator) DropNext(class Class, n int) error {
	return e.AddFault(Fault{Class: class, Count: n, AfterCommit: true})
}

// nextFault counts a request, and takes the fault that is meant for it.
func (e *Emulator) nextFault(class Class) (Fault, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.requests[class]++
	i := slices.IndexFunc(e.faults, func(f Fault) bool { return f.Class == ClassAny || f.Class == class })
	if i < 0 {
		return Fault{}, false
	}
	f := e.faults[i]
	if e.faults[i].Count--; e.faults[i].Count == 0 {
		e.faults = slices.Delete(e.faults, i, i+1)
	}
	if f.Status == 0 {
		e.dropped++
	} else {
		e.failed++
	}
	return f, true
}

// answer is the answer to a request with a fault, in the shape of the service or the
// identity provider.
func (f Fault) answer(oidc bool) answer {
	a := answer{status: f.Status, header: http.Header{}}
	switch {
	case f.Body != "":
		a.html = f.Body
	case oidc:
		a.body = oauthFault(f.Status)
	default:
		a.body = serviceFault(f.Status)
	}
	if f.Status == http.StatusTooManyRequests {
		f.RetryAfter = cmp.Or(f.RetryAfter, "60")
	}
	if f.RetryAfter != "" {
		a.header.Set("Retry-After", f.RetryAfter)
	}
	return a
}

// knobsJSON reads and writes Knobs. Its durations stand before those of Knobs.
type knobsJSON struct {
	*Knobs
	AccessLifetime  *jsonDuration `json:"access_lifetime"`
	RefreshLifetime *jsonDuration `json:"refresh_lifetime"`
	SessionLifetime *jsonDuration `json:"session_lifetime"`
	ReuseGrace      *jsonDuration `json:"reuse_grace"`
	Latency         *jsonDuration `json:"latency"`
	ClockOffset     *jsonDuration `json:"clock_offset"`
}

func (k *Knobs) wire() knobsJSON {
	return knobsJSON{
		k, (*jsonDuration)(&k.AccessLifetime), (*jsonDuration)(&k.RefreshLifetime), (*jsonDuration)(&k.SessionLifetime),
		(*jsonDuration)(&k.ReuseGrace), (*jsonDuration)(&k.Latency), (*jsonDuration)(&k.ClockOffset),
	}
}

// jsonDuration is a duration written as "5m0s".
type jsonDuration time.Duration

func (s jsonDuration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).String()) }

func (s *jsonDuration) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("duration %s: must be text like \"90s\"", b)
	}
	d, err := time.ParseDuration(text)
	*s = jsonDuration(d)
	return err
}
