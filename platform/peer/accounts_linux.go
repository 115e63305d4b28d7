package peer

import (
	"bufio"
	"cmp"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Where the system says which users there are, and which further user ids belong
// to one of them (subuid(5)). What a directory service knows is in neither.
const (
	passwdFile = "/etc/passwd"
	subuidFile = "/etc/subuid"
)

// accountsInterval is how long what Accounts has read counts: each new connection asks.
const accountsInterval = time.Second

// Accounts tells to whom a user id belongs. The zero value is ready. It reads the
// system's files, and is safe for concurrent use.
//
// A user id inside a user namespace is seen from here as the one outside to which
// it is mapped: root of a container without root is the user who started it, and
// its other users are of that user's subordinate range.
type Accounts struct {
	// Now is any clock that only moves on. With one, the files are read once a
	// second at most; nil reads them each time.
	Now func() time.Time

	mu             sync.Mutex
	readAt         time.Time
	passwd, subuid string            // other files than the system's, for tests
	byID, byName   map[string]string // the name of a user id, and the reverse
	subordinate    []subordinates
}

// subordinates are user ids that belong to a user.
type subordinates struct {
	owner        string
	first, count uint64
}

// Owner returns the account of a user: itself if the system's database knows the
// user, the owner of the range if the user id is a subordinate one, and else
// itself, not known.
func (a *Accounts) Owner(uid string) (owner string, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refresh()
	if _, ok := a.byID[uid]; ok {
		return uid, true
	}
	id, err := strconv.ParseUint(uid, 10, 32)
	if err != nil {
		return uid, false
	}
	for _, s := range a.subordinate {
		if id >= s.first && id-s.first < s.count {
			return s.owner, true
		}
	}
	return uid, false
}

// refresh reads the files again after a while. One that cannot be read knows nobody.
func (a *Accounts) refresh() {
	if a.Now != nil {
		now := a.Now()
		if a.byID != nil && now.Sub(a.readAt) < accountsInterval {
			return
		}
		a.readAt = now
	}
	a.byID, a.byName, a.subordinate = map[string]string{}, map[string]string{}, nil
	eachLine(cmp.Or(a.passwd, passwdFile), 3, func(f []string) {
		if a.byID[f[2]] == "" {
			a.byID[f[2]] = f[0]
		}
		a.byName[f[0]] = f[2]
	})
	eachLine(cmp.Or(a.subuid, subuidFile), 3, a.addRange)
}

// addRange takes in a line of subuid: a name or a user id, the first, how many.
func (a *Accounts) addRange(f []string) {
	first, err := strconv.ParseUint(f[1], 10, 32)
	count, err2 := strconv.ParseUint(f[2], 10, 33)
	if err != nil || err2 != nil {
		return
	}
	owner, ok := a.byName[f[0]]
	if _, err := strconv.ParseUint(f[0], 10, 32); !ok && err == nil {
		owner = f[0]
	} else if !ok {
		owner = "subuid:" + f[0] // only a directory service knows the number
	}
	a.subordinate = append(a.subordinate, subordinates{owner, first, count})
}

// eachLine calls f with the fields of each line that has so many.
func eachLine(path string, fields int, f func([]string)) {
	file, err := os.Open(path) //nolint:gosec // the system's own files
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }() // it was only read
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if got := strings.Split(strings.TrimSpace(lines.Text()), ":"); len(got) >= fields && got[0] != "" && got[2] != "" && got[0][0] != '#' {
			f(got)
		}
	}
}
