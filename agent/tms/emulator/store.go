package emulator

import (
	"cmp"
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"time"
)

// memory is the service's state, and the only place where it changes: each
// method is one transaction. It knows nothing of HTTP but the refusals, and it
// gives out copies. Nothing of it outlives the program; a store that does can
// stand in its place.
type memory struct {
	mu            sync.Mutex
	seq           int // orders lists by creation
	redeemed      int // auth tokens ever created, which is counts ever used
	refreshed     int
	registrations map[string]*registrationRow // by id
	byToken       map[string]*registrationRow
	authTokens    map[string]*authTokenRow // by id
	sessions      map[string]*session      // by id
}

type registrationRow struct {
	registration
	seq      int
	redeemed map[string]string // identifier of a redemption -> id of its latest auth token
}

type authTokenRow struct {
	authToken
	seq          int
	refreshes    int
	registration string // id
	session      string // id
}

func newMemory() *memory {
	return &memory{
		registrations: map[string]*registrationRow{}, byToken: map[string]*registrationRow{},
		authTokens: map[string]*authTokenRow{}, sessions: map[string]*session{},
	}
}

func (m *memory) addRegistration(r registration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	row := &registrationRow{registration: r, seq: m.seq, redeemed: map[string]string{}}
	m.registrations[r.ID] = row
	m.byToken[r.Token] = row
}

func (m *memory) registration(id string) (registration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.registrations[id]
	if !ok {
		return registration{}, errNotFound
	}
	return row.registration, nil
}

func (m *memory) listRegistrations(match func(registration) bool) []registration {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []registration
	for _, row := range m.registrationsInOrder() {
		if match(row.registration) {
			list = append(list, row.registration)
		}
	}
	return list
}

func (m *memory) registrationsInOrder() []*registrationRow {
	bySeq := func(a, b *registrationRow) int { return cmp.Compare(a.seq, b.seq) }
	return slices.SortedFunc(maps.Values(m.registrations), bySeq)
}

// updateRegistration applies a change that may refuse.
func (m *memory) updateRegistration(id string, change func(*registration) error) (registration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.registrations[id]
	if !ok {
		return registration{}, errNotFound
	}
	changed := row.registration
	if err := change(&changed); err != nil {
		return registration{}, err
	}
	row.registration = changed
	return changed, nil
}

// deleteRegistration ends what can still be redeemed. Auth tokens stay.
func (m *memory) deleteRegistration(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.registrations[id]
	if !ok {
		return errNotFound
	}
	delete(m.registrations, id)
	delete(m.byToken, row.Token)
	return nil
}

// redeem uses one count of a registration token for one auth token, or refuses
// and uses none. With DuplicatesSame it may give an auth token that exists.
func (m *memory) redeem(token string, d device, k Knobs, now time.Time) (grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.byToken[token]
	if !ok {
		return grant{}, errUnknownRegistration
	}
	if err := row.usable(now); err != nil {
		return grant{}, err
	}
	if old, ok := m.authTokens[row.redeemed[d.Identifier]]; ok {
		switch k.Duplicates {
		case DuplicatesRefuse:
			return grant{}, errDuplicate
		case DuplicatesSame:
			return m.granted(m.sessions[old.session], k, now), nil
		case DuplicatesCount:
		}
	}
	if row.UsedCount >= row.Count {
		return grant{}, errExhausted
	}
	row.UsedCount++
	m.redeemed++
	return m.granted(m.addAuthToken(row, d, now), k, now), nil
}

// addAuthToken makes an auth token and returns its session.
func (m *memory) addAuthToken(row *registrationRow, d device, now time.Time) *session {
	a := authToken{
		ID: rand.Text(), device: d,
		RegistrationToken: row.Identifier, CreationDate: now.Truncate(time.Second),
	}
	s := newSession(a.ID, publicClient, now)
	s.authToken = a.ID
	m.sessions[s.id] = s
	m.seq++
	m.authTokens[a.ID] = &authTokenRow{authToken: a, seq: m.seq, registration: row.ID, session: s.id}
	row.redeemed[d.Identifier] = a.ID
	return s
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

func (m *memory) listAuthTokens(match func(authToken) bool) []authToken {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []authToken
	for _, row := range m.authTokensInOrder() {
		if match(row.authToken) {
			list = append(list, row.authToken)
		}
	}
	return list
}

func (m *memory) authTokensInOrder() []*authTokenRow {
	bySeq := func(a, b *authTokenRow) int { return cmp.Compare(a.seq, b.seq) }
	return slices.SortedFunc(maps.Values(m.authTokens), bySeq)
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
	delete(m.sessions, row.session)
	return nil
}
