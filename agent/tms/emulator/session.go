package emulator

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"
)

// adminSession is how long an administrator's refresh token may lie unused.
const adminSession = 30 * time.Minute

// session is a family of refresh tokens: each one descends from the one before. A refresh
// token is the session's id, a dot, and a random text. So a replaced one still names its
// family, without a list.
type session struct {
	id        string
	Subject   string // subject of the access tokens
	Client    string // the only one that may refresh
	AuthToken string // id; "" for an administrator's

	Current  string
	Previous string // the last that was used; "" before the first rotation
	Uses     int    // of Previous
	Created  time.Time
	Used     time.Time // last
	Rotated  time.Time // last
	Revoked  bool
	Ended    bool // with its registration token; see Knobs.OneUser
}

// grant is the result of a redemption or a refresh.
type grant struct {
	subject   string
	authToken authToken     // zero for an administrator's session
	refresh   string        // the refresh token to use from now on
	left      time.Duration // how long it is good unused; 0 is without end
	access    time.Duration // how long the access token is good
}

func newSession(subject, client string, now time.Time) *session {
	s := &session{id: rand.Text(), Subject: subject, Client: client, Created: now, Used: now}
	s.Current = s.next()
	return s
}

func (s *session) next() string { return s.id + "." + rand.Text() }

// refresh decides on one use of a refresh token of this family.
func (s *session) refresh(token string, k Knobs, now time.Time) error {
	if s.Ended {
		return errSessionGone
	}
	if s.Revoked {
		return errSessionRevoked
	}
	if left, ends := s.left(k, now); ends && left <= 0 {
		return errSessionEnded
	}
	switch {
	case k.Rotation == RotationOff:
		// All of a family that does not rotate are good, and each use gives one
		// more, as Keycloak does it.
		s.Current = s.next()
	case k.Rotation == RotationOmit:
	case token == s.Current:
		s.Previous, s.Current, s.Rotated, s.Uses = s.Current, s.next(), now, 1
	case token == s.Previous && s.Uses <= k.MaxReuse:
		// The answer to the first use may be lost. The successor that it held is
		// good no more.
		s.Current, s.Rotated, s.Uses = s.next(), now, s.Uses+1
	case token == s.Previous && now.Before(s.Rotated.Add(k.ReuseGrace)):
		// The same, with the same successor.
	default:
		s.Revoked = true
		return errReused
	}
	s.Used = now
	return nil
}

// left returns how long the session can still lie unused, if there is an end.
func (s *session) left(k Knobs, now time.Time) (left time.Duration, ends bool) {
	idle, whole := k.RefreshLifetime, k.SessionLifetime
	if s.AuthToken == "" {
		idle, whole = adminSession, 0
	}
	if idle > 0 {
		left, ends = s.Used.Add(idle).Sub(now), true
	}
	if rest := s.Created.Add(whole).Sub(now); whole > 0 && (!ends || rest < left) {
		left, ends = rest, true
	}
	return left, ends
}

// login opens an administrator's session and returns its refresh token. Sessions
// that nobody can use any more are dropped, so that a service that runs for long
// does not keep one for each login there ever was.
func (m *memory) login(subject, client string, k Knobs, now time.Time) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	changes := m.prune(k, now)
	s := newSession(subject, client, now)
	m.sessions[s.id] = s
	return s.Current, m.persist(append(changes, s.saved())...)
}

// prune drops administrators' sessions that have ended. m.mu is held.
func (m *memory) prune(k Knobs, now time.Time) (changes []change) {
	for id, s := range m.sessions {
		left, ends := s.left(k, now)
		if s.AuthToken == "" && (s.Revoked || ends && left <= 0) {
			delete(m.sessions, id)
			changes = append(changes, deletion(bucketSessions, id))
		}
	}
	return changes
}

// refresh uses a refresh token. With an id, it must be this auth token's.
func (m *memory) refresh(token, client, id string, k Knobs, now time.Time) (grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sid, rest, _ := strings.Cut(token, ".")
	s, ok := m.sessions[sid]
	if !ok && len(sid) == len(rand.Text()) && len(rest) == len(sid) {
		return grant{}, errSessionGone // it has the form of ours
	}
	if !ok || s.Client != client || (id != "" && s.AuthToken != id) {
		return grant{}, errSessionUnknown
	}
	return m.use(s, token, k, now)
}

// refreshBy refreshes an auth token for who holds the registration token that
// it was redeemed with. Its expiry and its counts do not matter here: else no
// auth token could be refreshed for more than 30 days.
func (m *memory) refreshBy(registration, id string, k Knobs, now time.Time) (grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.byToken[registration]
	if !ok {
		return grant{}, errUnknownRegistration
	}
	row, ok := m.authTokens[id]
	if !ok || row.Registration != r.ID {
		return grant{}, errNotFound
	}
	s := m.sessions[row.Session]
	return m.use(s, s.Current, k, now)
}

// use refreshes a session, and stores the result: a refusal may have revoked it. m.mu is
// held.
func (m *memory) use(s *session, token string, k Knobs, now time.Time) (grant, error) {
	if err := s.refresh(token, k, now); err != nil {
		return grant{}, errors.Join(err, m.persist(s.saved()))
	}
	changes := []change{s.saved()}
	if row, ok := m.authTokens[s.AuthToken]; ok {
		row.Refreshes++
		m.Refreshed++
		changes = append(changes, row.saved(), m.counted())
	}
	return m.granted(s, k, now), m.persist(changes...)
}

func (m *memory) granted(s *session, k Knobs, now time.Time) grant {
	g := grant{subject: s.Subject, refresh: s.Current, access: k.AccessLifetime}
	if s.AuthToken != "" && k.SessionLifetime > 0 {
		g.access = min(g.access, s.Created.Add(k.SessionLifetime).Sub(now)) // as Keycloak does it
	}
	if left, ends := s.left(k, now); ends {
		g.left = left
	}
	if row, ok := m.authTokens[s.AuthToken]; ok {
		g.authToken = row.authToken
	}
	return g
}
