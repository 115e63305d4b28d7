// Package contract is the table of the service's details that the vendor leaves open or
// names without a description. It also prints the block of a tenant's answers. It is data
// and text. Its users ask the tenant.
package contract

import "slices"

// Tag says how well a row is known: a letter of [Tags].
type Tag string

// Tags are their meanings, in the order in which they are explained.
func Tags() [][2]string {
	return [][2]string{
		{"D", "the vendor's guides say so"},
		{"O", "the vendor's OpenAPI file says so"},
		{"F", "other calls of the same API work this way"},
		{"U", "only unofficial client code shows it"},
		{"A", "Regent assumes it"},
	}
}

// ID names a row, for scripts. A name is never changed.
type ID string

// The rows.
const (
	BasePath           ID = "base_path"
	Discovery          ID = "discovery"
	Login              ID = "login"
	RegistrationTokens ID = "registration_tokens"
	AuthTokens         ID = "auth_tokens" //nolint:gosec // the name of a row
	Clients            ID = "clients"

	RequestBody ID = "request_body"
	RedeemReply ID = "redeem_reply"
	AccessName  ID = "access_token_name"
	SingleReply ID = "single_reply"
	ListReply   ID = "list_reply"
	EmptyList   ID = "empty_list"
	Paging      ID = "paging"
	ListCount   ID = "list_count"
	Filters     ID = "filters"
	State       ID = "state"
	Times       ID = "times"
	Expiry      ID = "expiry"
	References  ID = "references"
	Version     ID = "version"
	ErrorShape  ID = "error_shape"
	Change      ID = "change"
	RaisedCount ID = "raised_count"
	UsedCount   ID = "used_count"

	RegistrationHeader ID = "registration_header"
	RegistrationForm   ID = "registration_form"
	Attribution        ID = "attribution"
	RefreshMode        ID = "refresh_mode"
	RefreshToken       ID = "refresh_token"
	Rotation           ID = "rotation"
	AccessLife         ID = "access_life"
	RefreshLife        ID = "refresh_life"
	DisableEnds        ID = "disable_ends"
	DeleteEnds         ID = "delete_ends"
	AuthDeleteEnds     ID = "auth_delete_ends"
	CountBack          ID = "count_back"

	SameIdentifier ID = "same_identifier"
	LostRedeem     ID = "lost_redeem"
	Replace        ID = "replace"
	Throttled      ID = "throttled"
)

// Row is one open detail.
type Row struct {
	ID    ID
	Title string // at most titleWidth characters
	Tag   Tag
	Taken string // Regent's assumption until the tenant shows it
	Key   string // of the configuration, if it selects; else ""

	// When each command can show it; "" if it never can.
	Device        string // regent doctor --contract
	Administrator string // tmsctl contract, which only reads
	Trial         bool   // tmsctl trial shows it
}

// When a row is known.
const (
	asked       = "the reply does not show it"
	afterRedeem = "known after the first redemption"
	afterGiven  = "known while regentd has a registration token"
	afterFresh  = "known after the first refresh"
	byTrial     = "known after tmsctl trial"
	fromRows    = "known when the list has an entry"
	fromTwo     = "known when the list has two entries"
)

// Rows returns the table, in the order in which it is printed.
func Rows() []Row { return slices.Clone(rows) }

var rows = []Row{
	{BasePath, "service path", "O", "/token/api/v5", "contract.base_path", asked, asked, false},
	{Discovery, "idpConfigurations", "U", "tokenEndpoint, realm, clientId, at any depth", "", asked, asked, false},
	{Login, "administrator's login", "O", "password, or client credentials", "", "", asked, false},
	{RegistrationTokens, "GET registrationTokens", "O", "200", "", "", asked, false},
	{AuthTokens, "GET authTokens", "O", "200", "", "", asked, false},
	{Clients, "GET clients", "O", "200; Regent does not ask for client secrets", "", "", asked, false},

	{RequestBody, "request body", "F", "wrapped first; bare after a 400", "contract.request", afterRedeem, byTrial, true},
	{RedeemReply, "reply to a redemption", "F", "wrapped or bare, 200 or 201", "contract.reply", afterRedeem, byTrial, true},
	{AccessName, "access token member", "U", "access_token, accessToken or token", "contract.access_token_name", afterRedeem, byTrial, true},
	{SingleReply, "reply with one object", "F", "wrapped or bare", "", "", fromRows, false},
	{ListReply, "list", "F", "nested, or an array", "", "", asked, false},
	{EmptyList, "empty list", "F", "the inner array is missing", "", "", asked, false},
	{Paging, "paging", "F", "pageStartIndex and pageSize", "", "", fromTwo, false},
	{ListCount, "count of a list", "F", "of all pages, or of this one", "", "", fromTwo, false},
	{Filters, "filter by identifier", "A", "identifier=NAME selects", "", "", asked, false},
	{State, "enabled or not", "F", "state or status, any known word", "", "", fromRows, false},
	{Times, "times", "F", "YYYY-MM-DD HH:MM, without a zone", "", "", fromRows, false},
	{Expiry, "expiration date", "F", "a date, or an object with endDate", "", "", fromRows, false},
	{UsedCount, "used counts", "A", "usedCount, or no such member", "", "", fromRows, false},
	{References, "references", "F", "objects, or strings", "", "", fromRows, false},
	{Version, "version of an object", "A", "ETag and If-Match, if there is one", "", "", fromRows, false},
	{ErrorShape, "error body", "D", "an error code and a message", "", asked, asked, false},
	{Change, "enable and disable", "F", "PATCH of the state", "", "", byTrial, true},
	{RaisedCount, "PATCH of a count", "A", "the new total, not the difference", "", "", "known after tmsctl registration-token raise-count", false},

	{RegistrationHeader, "registration token sent", "O", "unchanged, after Basic", "contract.registration_header", asked, byTrial, true},
	{RegistrationForm, "registration token", "O", "base64 of user:password", "", afterGiven, fromRows, true},
	{Attribution, "identifier and names", "D", "listed for each auth token", "", "", fromRows, true},
	{RefreshMode, "refresh", "A", "at the identity provider, else PATCH authTokens/ID", "refresh.mode", afterFresh, byTrial, true},
	{RefreshToken, "refresh token", "A", "a JWT of the realm, or opaque", "", "", byTrial, true},
	{Rotation, "refresh token rotates", "A", "with or without a new refresh token", "", "", byTrial, true},
	{AccessLife, "access token lifetime", "A", "from the reply, else 5 m", "", afterRedeem, byTrial, true},
	{RefreshLife, "refresh token lifetime", "A", "from the reply", "", afterRedeem, byTrial, true},
	{DisableEnds, "disable ends auth tokens", "A", "may end all auth tokens of the registration token", "", "", byTrial, true},
	{DeleteEnds, "delete ends auth tokens", "A", "may end all auth tokens of the registration token", "", "", byTrial, true},
	{AuthDeleteEnds, "delete of one auth token", "D", "ends that auth token; may end others", "", "", byTrial, true},
	{CountBack, "count after a deletion", "A", "does not come back", "", "", byTrial, true},

	{SameIdentifier, "an identifier sent twice", "A", "Regent sends a new identifier each time", "", "", "", false},
	{LostRedeem, "count of a lost reply", "A", "may be used; no retry. After the documented 500, or 503 with Retry-After: 1 retry by default", "", "", "", false},
	{Replace, "PUT", "F", "clears members that are not sent; Regent never uses it", "", "", "", false},
	{Throttled, "429", "D", "Regent follows Retry-After", "", "", "", false},
}
