package admin

// What is taken to be true of the administrator's side of the service, tagged
// as in contract.go of package tms: D documented, U seen only in unofficial
// client code, A our assumption. None of it was tried against the real service.

const (
	pathRegistration = "/registrationTokens" // D
	pathAuth         = "/authTokens"         // A

	wrapRegistration = "registrationToken"  // A
	wrapAuth         = "authToken"          // A
	listRegistration = "registrationTokens" // A
	listAuth         = "authTokens"         // A
	memberTotal      = "totalCount"         // A: of those that match, on all pages

	statusDisabled = "DISABLED" // A
	statusEnabled  = "ENABLED"  // A: D is only that expired and used-up ones are listed as enabled

	// A: pages begin at the index pageStart, from 0, and hold up to pageSize.
	queryStart = "pageStart"
	querySize  = "pageSize"

	// D: a registration token lives at least until tomorrow and at most so long.
	// A: its expiration date is the last day on which it is good, in UTC.
	maxDays = 30
)

// MaxCount bounds the count of a registration token. A: the service's own bound
// is not known; a larger number that was typed is a slip of the hand.
const MaxCount = 10_000_000

// creation is the body that makes a registration token. U: the names.
type creation struct {
	Identifier     string `json:"identifier"`
	Count          int    `json:"count"`
	ExpirationDate string `json:"expirationDate"`
	RefID1         string `json:"refId1"`
	RefID2         string `json:"refId2"`
	Customer       string `json:"customer"`
}

// update is the body that changes a registration token. A: the call, its names,
// and that an answer may carry an ETag, with which a change can be made to depend
// on what was seen.
type update struct {
	Count          *int    `json:"count,omitempty"`
	ExpirationDate *string `json:"expirationDate,omitempty"`
	Status         *string `json:"status,omitempty"`
}
