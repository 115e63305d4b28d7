package peer

import (
	"errors"
	"os/user"
	"sync"
	"time"
)

// Names remembers for a while what users and groups are called: a look at the
// system's database costs more than all else about a request. It is safe for
// concurrent use.
type Names struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[nameKey]nameEntry
}

// nameKey is what the system's database was asked, and about whom.
type nameKey struct{ question, word string }

type nameEntry struct {
	answer string // "" if the system knows none
	err    error  // the system could not say
	until  time.Time
}

const (
	nameTTL  = time.Minute
	maxNames = 1024
)

// NewNames returns an empty cache. now is any clock that only moves on.
func NewNames(now func() time.Time) *Names {
	return &Names{now: now, entries: map[nameKey]nameEntry{}}
}

// UserID returns the id of the user of this name, "" if there is none.
func UserID(name string) (string, error) {
	return ask(user.Lookup, name, func(u *user.User) string { return u.Uid })
}

// GroupID returns the id of the group of this name, "" if there is none.
func GroupID(name string) (string, error) {
	return ask(user.LookupGroup, name, func(g *user.Group) string { return g.Gid })
}

// ask returns what the system's database has of a user or a group, "" if it has none of
// this name.
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

// User returns the name of a user, "" if none is known. A rule by name then does not admit,
// one by number does.
func (n *Names) User(uid string) string {
	name, _ := n.lookUp(nameKey{"user", uid}, func(uid string) (string, error) {
		return ask(user.LookupId, uid, func(u *user.User) string { return u.Username })
	})
	return name
}

// Group returns the name of a group, "" if none is known.
func (n *Names) Group(gid string) string {
	name, _ := n.lookUp(nameKey{"group", gid}, func(gid string) (string, error) {
		return ask(user.LookupGroupId, gid, func(g *user.Group) string { return g.Name })
	})
	return name
}

// UserNamed returns the id of the user of this name, "" if there is none.
func (n *Names) UserNamed(name string) (string, error) {
	return n.lookUp(nameKey{"user named", name}, UserID)
}

// GroupNamed returns the id of the group of this name, "" if there is none.
func (n *Names) GroupNamed(name string) (string, error) {
	return n.lookUp(nameKey{"group named", name}, GroupID)
}

// lookUp asks without the lock held: the system may take its time. A failure
// is remembered too.
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
		clear(n.entries) // a rare event; they are asked for again
	}
	n.entries[k] = e
	return e.answer, e.err
}
