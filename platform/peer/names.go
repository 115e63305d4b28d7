package peer

import (
	"errors"
	"os/user"
	"sync"
	"time"
)

// Names caches the names of users and groups: a query of the system's database costs more
// than the rest of a request. It is safe for concurrent use.
type Names struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[nameKey]nameEntry
}

// nameKey is a question to the system's database, and its argument.
type nameKey struct{ question, word string }

type nameEntry struct {
	answer string // "" if there is no such name or id
	err    error  // the query failed
	until  time.Time
}

const (
	nameTTL  = time.Minute
	maxNames = 1024
)

// NewNames returns an empty cache. now is a monotonic clock.
func NewNames(now func() time.Time) *Names {
	return &Names{now: now, entries: map[nameKey]nameEntry{}}
}

// UserID returns the id of the user with this name, "" if there is none.
func UserID(name string) (string, error) {
	return ask(user.Lookup, name, func(u *user.User) string { return u.Uid })
}

// GroupID returns the id of the group with this name, "" if there is none.
func GroupID(name string) (string, error) {
	return ask(user.LookupGroup, name, func(g *user.Group) string { return g.Gid })
}

// ask queries the system's database for a user or a group. It returns "" if there is none.
func ask[T any](find func(string) (*T, error), word string, answer func(*T) string) (string, error) {
	found, err := find(word)
	_, noUser := errors.AsType[user.UnknownUserError](err)
	_, noGroup := errors.AsType[user.UnknownGroupError](err)
	switch {
	case noUser, noGroup:
		return "", nil
	case err != nil:
		return "", err
	}
	return answer(found), nil
}

// User returns the name of a user, "" if it is unknown. Then a rule by name does not match,
// but a rule by number does.
func (n *Names) User(uid string) string {
	name, _ := n.lookUp(nameKey{"user", uid}, func(uid string) (string, error) {
		return ask(user.LookupId, uid, func(u *user.User) string { return u.Username })
	})
	return name
}

// Group returns the name of a group, "" if it is unknown.
func (n *Names) Group(gid string) string {
	name, _ := n.lookUp(nameKey{"group", gid}, func(gid string) (string, error) {
		return ask(user.LookupGroupId, gid, func(g *user.Group) string { return g.Name })
	})
	return name
}

// UserNamed returns the id of the user with this name, "" if there is none.
func (n *Names) UserNamed(name string) (string, error) {
	return n.lookUp(nameKey{"user named", name}, UserID)
}

// GroupNamed returns the id of the group with this name, "" if there is none.
func (n *Names) GroupNamed(name string) (string, error) {
	return n.lookUp(nameKey{"group named", name}, GroupID)
}

// lookUp queries without the lock: the system may be slow. It stores failures too.
func (n *Names) lookUp(k nameKey, ask func(word string) (string, error)) (string, error) {
	now := n.now()
	n.mu.Lock()
	e, ok := n.entries[k]
	n.mu.Unlock()
	if ok && now.Before(e.until) {
		return e.answer, e.err
	}
	e = nameEntry{until: now.Add(nameTTL)}
	if e.answer, e.err = ask(k.word); e.err != nil {
		e.answer = ""
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.entries) >= maxNames {
		clear(n.entries) // rare; the next calls query again
	}
	n.entries[k] = e
	return e.answer, e.err
}
