package token

// State is the state of an instance's auth token. Its text is wire format.
type State string

// The states of an auth token.
const (
	Unredeemed     State = "unredeemed"      // no count used
	Uncertain      State = "uncertain"       // a redemption without an answer: a person decides
	Live           State = "live"            // it has an access token and can be refreshed
	Stale          State = "stale"           // the refresh fails, the access token is still valid
	Expired        State = "expired"         // the refresh fails, the access token has expired
	RefreshLost    State = "refresh_lost"    // the answer with the new refresh token was lost
	RefreshExpired State = "refresh_expired" // the refresh token has expired
	Revoked        State = "revoked"         // the service withdrew it
)

// Removed is the state of an instance that the configuration no longer has. Only the
// events of a watch have it.
const Removed State = "removed" // only in events of a watch: the configuration no longer has the instance

// States lists every state of a configured instance.
func States() []State {
	return []State{Unredeemed, Uncertain, Live, Stale, Expired, RefreshLost, RefreshExpired, Revoked}
}

// Next returns the state after s if a refresh found the state found. found is [Live] if a
// token came, [Stale] or [Expired] if none came, and [RefreshLost], [RefreshExpired] or
// [Revoked] if the auth token has ended. An ended one stays ended until a token comes. Only
// the ledger decides about [Unredeemed] and [Uncertain].
func (s State) Next(found State) State {
	switch {
	case found == Live:
		return Live
	case !s.Refreshable(), found == Unredeemed, found == Uncertain:
		return s
	case s == Expired && found == Stale:
		return Expired
	}
	return found
}

// Refreshable reports whether a refresh may be tried in s. In the other states there is no
// refresh token, or it is known to be invalid.
func (s State) Refreshable() bool { return s == Live || s == Stale || s == Expired }
