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

// The system's databases of users and of their subordinate user ids (subuid(5)). Neither
// has the users of a directory service.
const (
	passwdFile = "/etc/passwd"
	subuidFile = "/etc/subuid"
)

// accountsInterval is the time between two reads of the files: each new connection asks.
const accountsInterval = time.Second

// Accounts finds the account that a user id belongs to. The zero value is ready. It reads
// the system's files, and is safe for concurrent use.
//
// This process sees a user id of another user namespace as the outside id that it is
// mapped to. So the root of a rootless container is the user who started it. The
// container's other users are in that user's subordinate range.
type Accounts struct {
	// Now is a monotonic clock. With it, Accounts reads the files at most once a second.
	// If it is nil, Accounts reads them at each call.
	Now func() time.Time

	mu             sync.Mutex
	readAt         time.Time
	passwd, subuid string            // instead of the system's files, in tests
	byID, byName   map[string]string // from a user id to its name, and back
	subordinate    []subordinates
}

// subordinates is a range of user ids that belongs to one user.
type subordinates struct {
	owner        string
	first, count uint64
}

// Owner returns the account of a user id. A user of the system's database is its own
// account. An id in a subordinate range belongs to the owner of the range. For any other
// id, Owner returns the id itself and false.
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

// refresh reads the files again after accountsInterval. An unreadable file has no entries.
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

// addRange adds a line of subuid: a user's name or id, the first subordinate id, their count.
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
		owner = "subuid:" + f[0] // a user of a directory service: the number is unknown
	}
	a.subordinate = append(a.subordinate, subordinates{owner, first, count})
}

// eachLine calls f with the fields of each line that has enough of them.
func eachLine(path string, fields int, f func([]string)) {
	file, err := os.Open(path) //nolint:gosec // the system's own files
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }() // read only
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if got := strings.Split(strings.TrimSpace(lines.Text()), ":"); len(got) >= fields && got[0] != "" && got[2] != "" && got[0][0] != '#' {
			f(got)
		}
	}
}
