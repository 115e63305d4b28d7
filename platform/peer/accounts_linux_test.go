package peer

import (
	"os"
	"os/user"
	"path/filepath"
	"testing"
	"time"
)

func TestOwner(t *testing.T) {
	dir := t.TempDir()
	a := Accounts{passwd: filepath.Join(dir, "passwd"), subuid: filepath.Join(dir, "subuid")}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(uid, owner string, known bool) {
		t.Helper()
		if o, k := a.Owner(uid); o != owner || k != known {
			t.Errorf("%s is of %s, known %t; want %s, %t", uid, o, k, owner, known)
		}
	}
	check("1000", "1000", false) // there is no file yet
	write(a.passwd, "root:x:0:0:root:/root:/bin/sh\n\n# none:x:7:7::/:\nbroken\nalice:x:1000:1000::/home/alice:/bin/sh\nshadow:x:100001:1::/:/bin/sh\n+::::::\n")
	write(a.subuid, "alice:100000:65536\nalice:300000:1\n1001:200000:65536\nbob@example.com:400000:65536\nbroken:x:y\nalice:1\nbig:4294967295:4294967296\n")
	for _, c := range []struct {
		uid, owner string
		known      bool
	}{
		{"0", "0", true},
		{"1000", "1000", true},
		{"7", "7", false},
		{"100000", "1000", true},
		{"165535", "1000", true},
		{"165536", "165536", false},
		{"300000", "1000", true},
		{"300001", "300001", false},
		{"100001", "100001", true}, // a user of its own, whoever's range it is in
		{"200000", "1001", true},
		{"400001", "subuid:bob@example.com", true},
		{"4294967295", "subuid:big", true},
		{"S-1-5-18", "S-1-5-18", false},
		{"", "", false},
	} {
		check(c.uid, c.owner, c.known)
	}
	write(a.subuid, "root:100000:10\n") // it is read again once it has changed
	check("100000", "0", true)
	check("165535", "165535", false)
	if err := os.Remove(a.subuid); err != nil {
		t.Fatal(err)
	}
	check("100000", "100000", false)
	at := time.Unix(1000, 0) // with a clock, once a second
	a.Now = func() time.Time { return at }
	check("1000", "1000", true)
	write(a.passwd, "bob:x:1002:1002::/:/bin/sh\n")
	check("1002", "1002", false)
	at = at.Add(accountsInterval)
	check("1002", "1002", true)
}

func TestNamesOfTheSystem(t *testing.T) {
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	n := NewNames(time.Now)
	if got := n.User(u.Uid); got != u.Username {
		t.Errorf("user %s is %q, want %q", u.Uid, got, u.Username)
	}
	if got, err := n.UserNamed(u.Username); err != nil || got != u.Uid {
		t.Errorf("user %s has the id %q, %v, want %q", u.Username, got, err, u.Uid)
	}
	for _, got := range []string{n.User("no-id"), n.Group("no-id")} {
		if got != "" {
			t.Errorf("a user or group of no such id is %q, want none", got)
		}
	}
}
