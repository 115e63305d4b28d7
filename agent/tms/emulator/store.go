package emulator

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// memory is the service's state, and the only place where it changes: each
// method is one transaction. It knows nothing of HTTP but the refusals, and it
// gives out copies. With a Store, a change is durable before its method returns.
type memory struct {
	mu     sync.Mutex
	file   *Store // nil: nothing outlives the program
	broken error  // a change could not be kept: memory is ahead, and nothing more is done
	counters
	registrations map[string]*registrationRow // by id
	byToken       map[string]*registrationRow
	authTokens    map[string]*authTokenRow // by id
	authTokenList []*authTokenRow          // the same, by seq: a long list is read page by page
	sessions      map[string]*session      // by id
}

// counters are of all that ever was.
type counters struct {
	Seq       int // orders lists by creation
	Redeemed  int // auth tokens ever created, which is counts ever used
	Refreshed int
}

type registrationRow struct {
	registration `json:"Registration"`

	Seq      int
	Version  int               // one more with each update
	redeemed map[string]string // identifier of a redemption -> id of its latest auth token
}

type authTokenRow struct {
	authToken `json:"AuthToken"`

	Seq          int
	Refreshes    int
	Registration string // id
	Session      string // id
}

func newMemory() *memory {
	return &memory{
		registrations: map[string]*registrationRow{}, byToken: map[string]*registrationRow{},
		authTokens: map[string]*authTokenRow{}, sessions: map[string]*session{},
	}
}

func (m *memory) addRegistration(r registration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Seq++
	row := &registrationRow{registration: r, Seq: m.Seq, Version: 1, redeemed: map[string]string{}}
	m.registrations[r.ID] = row
	m.byToken[r.Token] = row
	return m.persist(row.saved(), m.counted())
}

// registration returns the one of that id, and its version.
func (m *memory) registration(id string) (registration, int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.registrations[id]
	if !ok {
		return registration{}, 0, errNotFound
	}
	return row.registration, row.Version, nil
}

func (m *memory) registrationsInOrder() []*registrationRow {
	bySeq := func(a, b *registrationRow) int { return cmp.Compare(a.Seq, b.Seq) }
	return slices.SortedFunc(maps.Values(m.registrations), bySeq)
}

// updateRegistration applies a change that may refuse. A version other than 0
// must be the one that there is. With oneUser, disabling ends the sessions of its
// auth tokens.
func (m *memory) updateRegistration(id string, version int, oneUser bool, apply func(*registration) error) (registration, int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.registrations[id]
	switch {
	case !ok:
		return registration{}, 0, errNotFound
	case version != 0 && version != row.Version:
		return registration{}, 0, errVersion
	}
	changed := row.registration
	if err := apply(&changed); err != nil {
		return registration{}, 0, err
	}
	row.registration = changed
	row.Version++
	changes := []change{row.saved()}
	if oneUser && row.Status == disabled {
		changes = append(changes, m.endSessions(id)...)
	}
	return changed, row.Version, m.persist(changes...)
}

// deleteRegistration deletes a registration token, so that it cannot be redeemed any
// more. Auth tokens stay; with oneUser, their sessions end.
func (m *memory) deleteRegistration(id string, oneUser bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.registrations[id]
	if !ok {
		return errNotFound
	}
	delete(m.registrations, id)
	delete(m.byToken, row.Token)
	changes := []change{deletion(bucketRegistrations, id)}
	if oneUser {
		changes = append(changes, m.endSessions(id)...)
	}
	return m.persist(changes...)
}

// endSessions ends the sessions of all auth tokens of a registration token. m.mu
// is held.
func (m *memory) endSessions(registration string) (changes []change) {
	for _, row := range m.authTokenList {
		if row.Registration == registration {
			s := m.sessions[row.Session]
			s.Ended = true
			changes = append(changes, s.saved())
		}
	}
	return changes
}

// redeemable returns why a redemption would be refused now.
func (m *memory) redeemable(token string, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, err := m.usable(token, now)
	if err == nil && row.UsedCount >= row.Count {
		err = errExhausted
	}
	return err
}

// usable returns the registration token that may be redeemed, also without a count left.
func (m *memory) usable(token string, now time.Time) (*registrationRow, error) {
	row, ok := m.byToken[token]
	switch {
	case !ok:
		return nil, errUnknownRegistration
	case row.Status != enabled:
		return nil, errDisabledRegistration
	case now.UTC().Format(time.DateOnly) > string(row.ExpirationDate): // such dates sort as text does
		return nil, errExpiredRegistration
	}
	return row, nil
}

// redeem uses one count of a registration token for one auth token of this id,
// or refuses and uses none. With DuplicatesSame it may give one that exists.
func (m *memory) redeem(token, id string, d device, k Knobs, now time.Time) (grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, err := m.usable(token, now)
	if err != nil {
		return grant{}, err
	}
	if old, ok := m.authTokens[row.redeemed[d.Identifier]]; ok {
		switch k.Duplicates {
		case DuplicatesRefuse:
			return grant{}, errDuplicate
		case DuplicatesSame:
			return m.granted(m.sessions[old.Session], k, now), nil
		case DuplicatesCount:
		}
	}
	if row.UsedCount >= row.Count {
		return grant{}, errExhausted
	}
	row.UsedCount++
	m.Redeemed++
	a := m.addAuthToken(row, id, d, now)
	s := m.sessions[a.Session]
	return m.granted(s, k, now), m.persist(row.saved(), a.saved(), s.saved(), m.counted())
}

// addAuthToken makes an auth token and its session.
func (m *memory) addAuthToken(row *registrationRow, id string, d device, now time.Time) *authTokenRow {
	a := authToken{
		ID: id, device: d,
		RegistrationToken: row.Identifier, CreationDate: now.Truncate(time.Second), registrationID: row.ID,
	}
	s := newSession(a.ID, publicClient, now)
	s.AuthToken = a.ID
	m.sessions[s.id] = s
	m.Seq++
	made := &authTokenRow{authToken: a, Seq: m.Seq, Registration: row.ID, Session: s.id}
	m.authTokens[a.ID] = made
	m.authTokenList = append(m.authTokenList, made)
	row.redeemed[d.Identifier] = a.ID
	return made
}

func (m *memory) authToken(id string) (authToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.authTokens[id]
	if !ok {
		return authToken{}, errNotFound
	}
	return row.authToken, nil
}

// deleteAuthToken ends its refreshing. The count it cost stays used.
func (m *memory) deleteAuthToken(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.authTokens[id]
	if !ok {
		return errNotFound
	}
	delete(m.authTokens, id)
	delete(m.sessions, row.Session)
	if i, ok := slices.BinarySearchFunc(m.authTokenList, row.Seq, func(r *authTokenRow, seq int) int { return cmp.Compare(r.Seq, seq) }); ok {
		m.authTokenList = slices.Delete(m.authTokenList, i, i+1)
	}
	return m.persist(deletion(bucketAuthTokens, id), deletion(bucketSessions, row.Session))
}
