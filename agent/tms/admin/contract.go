package admin

import (
	"strings"
	"time"

	"regent/agent/tms"
)

// Facts about the administrator's side of the service, tagged as in contract.go of
// package tms. None was tested against the real service. The table of open facts is
// agent/tms/CONTRACT.md.

const (
	pathRegistration = "/registrationTokens" // O: the path and its operations; F: their replies
	pathAuth         = "/authTokens"         // O; F: replies

	wrapRegistration = "registrationToken" // F
	wrapAuth         = "authToken"         // F

	// F: a page begins at the row pageStartIndex, from 0, and holds up to pageSize.
	queryStart = "pageStartIndex"
	querySize  = "pageSize"
	// A: the first edition of the contract had this name for the start.
	queryStartFirst = "pageStart"

	memberState  = "state"  // F
	memberStatus = "status" // A

	stateDisable   = "DISABLE"  // F
	stateEnable    = "ENABLE"   // F
	statusDisabled = "DISABLED" // A
	statusEnabled  = "ENABLED"  // A: D is only that expired and used-up ones are listed as enabled

	// D: a registration token lives at least until tomorrow and at most so long.
	// A: its expiration date is the last day on which it is good, in UTC.
	maxDays = 30
)

// usedMember is how many counts of a registration token are used. A: there is such a
// member, and this is its name.
const usedMember = "usedCount"

// customerID begins a customer that is given by id and not by name.
const customerID = "id:"

// MaxCount bounds the count of a registration token. A: the service's own bound
// is not known; a larger number that was typed is a slip of the hand.
const MaxCount = 10_000_000

// F: a list is an object in an object, {"authTokens":{"count":1,"authToken":[…]}}, and
// without the inner array when it is empty. A: it is {"authTokens":[…],"totalCount":1},
// or a bare array. Whether count is of all pages is unknown.
func listOf(member, inner string) tms.List {
	return tms.List{Member: member, Inner: inner, Total: "totalCount", Count: "count"}
}

// F: references are objects with an id or a name. A: they are strings.
func referenceBy() []string { return []string{"identifier", "name", "id"} }

// State is whether a registration token is enabled, as the service says it.
type State int

// The states.
const (
	StateUnknown State = iota // the service uses a word that is not known, or two that contradict each other
	StateMissing              // the service does not say
	StateEnabled
	StateDisabled
)

// String is the state for people.
func (s State) String() string {
	return map[State]string{StateUnknown: "unknown", StateMissing: "not told", StateEnabled: "enabled", StateDisabled: "disabled"}[s]
}

// stateOf reads a state. F: the member state, with ENABLE and DISABLE. A: the member
// status, with ENABLED and DISABLED. Both are read, in any case of letters. member is
// the first that is there, and word its word, or both words if they contradict.
func stateOf(o tms.Object) (state State, member, word string) {
	state = StateMissing
	for _, name := range []string{memberState, memberStatus} {
		text := o.Text(name)
		if text == "" {
			continue
		}
		is := StateUnknown
		switch strings.ToUpper(strings.TrimSpace(text)) {
		case stateEnable, statusEnabled:
			is = StateEnabled
		case stateDisable, statusDisabled:
			is = StateDisabled
		}
		if state != StateMissing && state != is {
			return StateUnknown, member, word + ", " + text
		}
		if state = is; member == "" {
			member, word = name, text
		}
	}
	return state, member, word
}

// creation is the body that makes a registration token. U: the names. Empty members are
// omitted: the service is likely to refuse an empty reference.
type creation struct {
	Identifier     string `json:"identifier"`
	Count          int    `json:"count"`
	ExpirationDate string `json:"expirationDate"`
	RefID1         string `json:"refId1,omitempty"`
	RefID2         string `json:"refId2,omitempty"`
	Customer       any    `json:"customer,omitempty"`
}

// wrap writes the members of a registration token in a form. F: they stand in a
// member registrationToken. A: they stand at the top.
func wrap(form string, members any) any {
	if form == tms.Bare {
		return members
	}
	return map[string]any{wrapRegistration: members}
}

// body is the request that makes one, in a form. F: the customer is an object. A: it
// is a string.
func (n NewRegistrationToken) body(form string) any {
	c := creation{n.Identifier, n.Count, midnight(n.Expires).Format(time.DateOnly), n.RefID1, n.RefID2, nil}
	id, isID := strings.CutPrefix(n.Customer, customerID)
	switch {
	case n.Customer == "":
	case form == tms.Bare:
		c.Customer = id
	case isID:
		c.Customer = map[string]string{"id": id}
	default:
		c.Customer = map[string]string{"name": n.Customer}
	}
	return wrap(form, c)
}

// stated is the member and the word that say enabled or not in a form. F: state, A:
// status. Members that the service showed before come first, in its spelling.
func (r RegistrationToken) stated(form string, enabled bool) (member, word string) {
	switch member = r.StateMember; {
	case member == "" && form == tms.Bare:
		member = memberStatus
	case member == "":
		member = memberState
	}
	said := strings.TrimSpace(r.Status)
	upper := strings.ToUpper(said)
	words := map[bool]string{true: statusEnabled, false: statusDisabled}
	if upper == stateEnable || upper == stateDisable || member == memberState && upper != statusEnabled && upper != statusDisabled {
		words = map[bool]string{true: stateEnable, false: stateDisable}
	}
	word = words[enabled]
	switch {
	case r.State == StateUnknown || said == upper:
	case said == strings.ToLower(said):
		word = strings.ToLower(word)
	default:
		word = word[:1] + strings.ToLower(word[1:])
	}
	return member, word
}

// body is the request that changes was, in a form. A: the call, its names, and that an
// answer may have an ETag, which makes a change depend on the version that was read.
func (c Change) body(was RegistrationToken, form string) any {
	members := map[string]any{}
	if c.Count != nil {
		members["count"] = *c.Count
	}
	if c.Expires != nil {
		members["expirationDate"] = midnight(*c.Expires).Format(time.DateOnly)
	}
	if c.Enabled != nil {
		member, word := was.stated(form, *c.Enabled)
		members[member] = word
	}
	return wrap(form, members)
}
