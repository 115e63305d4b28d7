package emulator

import "net/http"

// Every text that the emulator says. The service's message for a 500 is
// documented, and the identity provider's are Keycloak's. All else is INVENTED,
// here and nowhere else: codes and messages of the service. So a client that
// depends on an invented text depends on this file alone.

// refusal is an error in the service's shape. The store and the handlers return it, and
// the client gets it.
type refusal struct {
	status        int
	Code, Message string // in a body of one of the errorShapes
}

// Error returns the message.
func (r *refusal) Error() string { return r.Message }

// documentedInternalError is the one text that is documented.
const documentedInternalError = "An internal error occurred. Contact the system administrator for assistance."

// Of redemptions. A client may sort them by the words expired, count, consumed
// and exhausted, so no other text of a redemption may hold one of these.
var (
	errUnknownRegistration  = &refusal{http.StatusUnauthorized, "REGISTRATION_TOKEN_INVALID", "The registration token is not valid."}              // INVENTED
	errDisabledRegistration = &refusal{http.StatusForbidden, "REGISTRATION_TOKEN_DISABLED", "The registration token is disabled."}                 // INVENTED
	errExpiredRegistration  = &refusal{http.StatusBadRequest, "REGISTRATION_TOKEN_EXPIRED", "The registration token has expired."}                 // INVENTED
	errExhausted            = &refusal{http.StatusBadRequest, "REGISTRATION_TOKEN_EXHAUSTED", "The count of the registration token is exhausted."} // INVENTED
	errDuplicate            = &refusal{http.StatusConflict, "IDENTIFIER_IN_USE", "An auth token with this identifier already exists."}             // INVENTED
)

// Of everything else.
var (
	errNotFound         = &refusal{http.StatusNotFound, "NOT_FOUND", "There is nothing with this id."}                                                           // INVENTED
	errNoSuchPath       = &refusal{http.StatusNotFound, "NOT_FOUND", "There is nothing at this path."}                                                           // INVENTED
	errMethod           = &refusal{http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "This path does not know this method."}                                    // INVENTED
	errTooLarge         = &refusal{http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE", "The request body is larger than 64 KiB."}                                // INVENTED
	errBodyLost         = &refusal{http.StatusBadRequest, "INVALID_BODY", "The request body ended early."}                                                       // INVENTED
	errNotJSON          = &refusal{http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "The request body must be application/json."}                      // INVENTED
	errUnauthorized     = &refusal{http.StatusUnauthorized, "UNAUTHORIZED", "An access token that is valid is needed."}                                          // INVENTED
	errForbidden        = &refusal{http.StatusForbidden, "FORBIDDEN", "This access token is not an administrator's."}                                            // INVENTED
	errRefreshRefused   = &refusal{http.StatusUnauthorized, "REFRESH_TOKEN_INVALID", "The refresh token is not valid."}                                          // INVENTED
	errNoAuthentication = &refusal{http.StatusUnauthorized, "UNAUTHORIZED", "The Authorization header must be Bearer and a token, or Basic and a raw token."}    // INVENTED
	errBelowUsed        = &refusal{http.StatusBadRequest, "INVALID_FIELD", "count: must not be below usedCount."}                                                // INVENTED
	errVersion          = &refusal{http.StatusPreconditionFailed, "VERSION_CHANGED", "The registration token was changed meanwhile."}                            // INVENTED
	errExpirationDate   = &refusal{http.StatusBadRequest, "INVALID_FIELD", "expirationDate: must be a date like 2026-12-31, from tomorrow to 30 days from now."} // INVENTED
)

// invalidBody refuses an invalid body. INVENTED
func invalidBody(err error) *refusal {
	return &refusal{http.StatusBadRequest, "INVALID_BODY", "The request body is not valid: " + err.Error() + "."}
}

// invalidField refuses one field or parameter. INVENTED
func invalidField(name, must string) *refusal {
	return &refusal{http.StatusBadRequest, "INVALID_FIELD", name + ": " + must + "."}
}

// wrongForm refuses a body that is wrapped where it must be bare, or the other way
// round. INVENTED
func wrongForm(wrapper string, wrapped bool) *refusal {
	if wrapped {
		return &refusal{http.StatusBadRequest, "INVALID_BODY", "The request body must not be wrapped in " + wrapper + "."}
	}
	return &refusal{http.StatusBadRequest, "INVALID_BODY", "The request body must have one member, " + wrapper + "."}
}

// serviceFault is the service's answer at a fault switch.
func serviceFault(status int) *refusal {
	switch status {
	case http.StatusInternalServerError:
		return &refusal{status, "INTERNAL_ERROR", documentedInternalError} // the code is INVENTED
	case http.StatusTooManyRequests:
		return &refusal{status, "TOO_MANY_REQUESTS", "Too many requests. Try again later."} // INVENTED
	default:
		return &refusal{status, "SERVICE_FAULT", "The service cannot do this: " + http.StatusText(status) + "."} // INVENTED
	}
}

// oauthRefusal is an error in the identity provider's shape.
type oauthRefusal struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// Error returns the description.
func (r *oauthRefusal) Error() string { return r.Description }

// Of the identity provider. Status, code and description are those of Keycloak
// 26.7.3, recorded by the stories of make test-keycloak; a client must not depend
// on a description all the same. INVENTED are errForm and the 500.
var (
	errRealm            = &oauthRefusal{http.StatusNotFound, "Realm does not exist", ""}
	errForm             = &oauthRefusal{http.StatusBadRequest, "invalid_request", "The body must be a form with each field once."}
	errClient           = &oauthRefusal{http.StatusUnauthorized, "invalid_client", "Invalid client or Invalid client credentials"}
	errClientSecret     = &oauthRefusal{http.StatusUnauthorized, "unauthorized_client", "Invalid client or Invalid client credentials"}
	errNoServiceAccount = &oauthRefusal{http.StatusUnauthorized, "unauthorized_client", "Public client not allowed to retrieve service account"}
	errNoPasswordGrant  = &oauthRefusal{http.StatusBadRequest, "unauthorized_client", "Client not allowed for direct access grants"}
	errNoRefreshGrant   = &oauthRefusal{http.StatusBadRequest, "unauthorized_client", "Client not allowed for refresh token grants"} // INVENTED
	errGrantType        = &oauthRefusal{http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant_type"}
	errUserCredentials  = &oauthRefusal{http.StatusBadRequest, "invalid_grant", "Invalid user credentials"}
	errSessionUnknown   = &oauthRefusal{http.StatusBadRequest, "invalid_grant", "Invalid refresh token"}
	errSessionGone      = &oauthRefusal{http.StatusBadRequest, "invalid_grant", "Session not active"}
	errSessionEnded     = &oauthRefusal{http.StatusBadRequest, "invalid_grant", "Token is not active"}
	errReused           = &oauthRefusal{http.StatusBadRequest, "invalid_grant", "Maximum allowed refresh token reuse exceeded"}
	errSessionRevoked   = &oauthRefusal{http.StatusBadRequest, "invalid_grant", "Session doesn't have required client"}
)

// oauthFault is the identity provider's answer at a fault switch. INVENTED, but for the
// two codes.
func oauthFault(status int) *oauthRefusal {
	if status < http.StatusInternalServerError {
		return &oauthRefusal{status, "invalid_request", http.StatusText(status)}
	}
	return &oauthRefusal{status, "server_error", http.StatusText(status)}
}
