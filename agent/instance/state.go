package instance

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

// Event is something that happened to an instance's auth token.
type Event string

// The events that change a state.
const (
	TokenReceived       Event = "token_received"
	AnswerLost          Event = "answer_lost"
	RefreshFailed       Event = "refresh_failed"
	AccessTokenExpired  Event = "access_token_expired"
	RefreshTokenLost    Event = "refresh_token_lost"
	RefreshTokenExpired Event = "refresh_token_expired"
	AuthTokenRevoked    Event = "auth_token_revoked" //nolint:gosec // a word, no credential
	Resolved            Event = "resolved"           // a person decided an uncertain redemption
)

// Events lists every event.
func Events() []Event {
	return []Event{
		TokenReceived, AnswerLost, RefreshFailed, AccessTokenExpired,
		RefreshTokenLost, RefreshTokenExpired, AuthTokenRevoked, Resolved,
	}
}

// Next is the whole life cycle: the state that follows s when e happens, and
// whether e may happen in s at all.
func (s State) Next(e Event) (State, bool) {
	t, ok := transitions[transition{s, e}]
	return t, ok
}

// Refreshable reports whether a refresh may be tried in s. In the other states
// the refresh token is known to be useless or absent.
func (s State) Refreshable() bool { return s == Live || s == Stale || s == Expired }

// Redeemable reports whether a redemption may be tried in s without a person
// who asks for it.
func (s State) Redeemable() bool { return s == Unredeemed }

type transition struct {
	from State
	on   Event
}

var transitions = map[transition]State{
	{Unredeemed, TokenReceived}:     Live,
	{Unredeemed, AnswerLost}:        Uncertain,
	{Uncertain, TokenReceived}:      Live, // the documented 500, tried once more
	{Uncertain, AnswerLost}:         Uncertain,
	{Uncertain, Resolved}:           Unredeemed,
	{Live, TokenReceived}:           Live,
	{Live, RefreshFailed}:           Stale,
	{Live, AccessTokenExpired}:      Expired,
	{Stale, TokenReceived}:          Live,
	{Stale, RefreshFailed}:          Stale,
	{Stale, AccessTokenExpired}:     Expired,
	{Expired, TokenReceived}:        Live,
	{Expired, RefreshFailed}:        Expired,
	{Expired, AccessTokenExpired}:   Expired,
	{Live, RefreshTokenLost}:        RefreshLost,
	{Stale, RefreshTokenLost}:       RefreshLost,
	{Expired, RefreshTokenLost}:     RefreshLost,
	{Live, RefreshTokenExpired}:     RefreshExpired,
	{Stale, RefreshTokenExpired}:    RefreshExpired,
	{Expired, RefreshTokenExpired}:  RefreshExpired,
	{Live, AuthTokenRevoked}:        Revoked,
	{Stale, AuthTokenRevoked}:       Revoked,
	{Expired, AuthTokenRevoked}:     Revoked,
	{RefreshLost, TokenReceived}:    Live, // redeemed again, by a person or by policy
	{RefreshExpired, TokenReceived}: Live,
	{Revoked, TokenReceived}:        Live,
	{RefreshLost, AnswerLost}:       Uncertain, // redeemed again, and that answer was lost
	{RefreshExpired, AnswerLost}:    Uncertain,
	{Revoked, AnswerLost}:           Uncertain,
}
