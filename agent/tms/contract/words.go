package contract

// The words of the configuration keys that select an open form. The policy's table and
// the client take them from here.
const (
	DefaultPath = "/token/api/v5" // of the service below the tenant's host

	AnyForm = "any"  // each form that is known
	Auto    = "auto" // Regent finds out

	Wrapped = "wrapped" // in a member called authToken
	Bare    = "bare"    // at the top

	// How a registration token stands in Authorization.
	Basic        = "basic"         // as it is, after Basic: it is no base64
	BasicEncoded = "basic_encoded" // as base64 after Basic
	Bearer       = "bearer"        // as it is, after Bearer

	// How an auth token is refreshed.
	ModeOIDC            = "oidc"             // at the provider's token endpoint
	ModeTMS             = "tms"              // at the service itself, by the refresh token
	ModeTMSRegistration = "tms_registration" // at the service itself, by the registration token
)

// RequestForms are the words of contract.request. The first is the default.
func RequestForms() []string { return []string{Auto, Wrapped, Bare} }

// ReplyForms are the words of contract.reply. The first is the default.
func ReplyForms() []string { return []string{AnyForm, Wrapped, Bare} }

// AccessNames are the names that the access token may have in a reply of the
// service; of several the first counts.
func AccessNames() []string { return []string{"access_token", "accessToken", "token"} }

// Headers are the words of contract.registration_header. The first is the default.
func Headers() []string { return []string{Basic, BasicEncoded, Bearer} }

// RefreshModes are the words of refresh.mode. The first is the default.
func RefreshModes() []string { return []string{Auto, ModeOIDC, ModeTMS, ModeTMSRegistration} }
