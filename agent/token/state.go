package token

// State is what is known of an instance's auth token. Its text is wire format.
type State string

// The states of an auth token.
const (
	Unredeemed     State = "unredeemed"      // no count spent
	Uncertain      State = "uncertain"       // a redemption without an answer: a person decides
	Live           State = "live"            // access token held and refreshable
	Stale          State = "stale"           // refreshing fails, access token still good
	Expired        State = "expired"         // refreshing fails, access token past its end
	RefreshLost    State = "refresh_lost"    // rotated away by an answer that never came
	RefreshExpired State = "refresh_expired" // past the refresh token's own life
	Revoked        State = "revoked"         // an administrator withdrew it
)

// States lists every state.
func States() []State {
	return []State{Unredeemed, Uncertain, Live, Stale, Expired, RefreshLost, RefreshExpired, Revoked}
}

// Next is the whole life cycle of an auth token that is held: the state after s when a
// refresh came to found. That is [Live] if a token came, [Stale] or [Expired] if none
// came, and [RefreshLost], [RefreshExpired] or [Revoked] if the auth token has ended. An
// ended one stays ended until a token comes. The ledger alone decides about
// [Unredeemed] and [Uncertain].
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

// Refreshable reports whether a refresh may be tried in s. In the other states
// the refresh token is known to be useless or absent.
func (s State) Refreshable() bool { return s == Live || s == Stale || s == Expired }
