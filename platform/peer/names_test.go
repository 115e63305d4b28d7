package peer

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"
)

// clockedNames is a cache over a system that knows uid 1 and gid 1 alone.
func clockedNames() (n *Names, now *time.Time, asked *[]string) {
	now, asked = new(time.Time), new([]string)
	n = NewNames(func() time.Time { return *now })
	answer := func(what string) func(string) (string, error) {
		return func(id string) (string, error) {
			*asked = append(*asked, what+id)
			if id != "1" {
				return "partial", errors.New("unknown")
			}
			return what, nil
		}
	}
	n.query[userByID], n.query[groupByID] = answer("user"), answer("group")
	return n, now, asked
}

func TestNames(t *testing.T) {
	n, now, asked := clockedNames()
	for range 3 {
		if u, g, none := n.User("1"), n.Group("1"), n.User("2"); u != "user" || g != "group" || none != "" {
			t.Errorf("names = %q, %q, %q", u, g, none)
		}
		*now = now.Add(nameTTL/2 - 1)
	}
	if want := []string{"user1", "group1", "user2"}; !slices.Equal(*asked, want) {
		t.Errorf("the system was asked %q, want %q", *asked, want)
	}
	*now = now.Add(nameTTL)
	n.User("1")
	if len(*asked) != 4 {
		t.Error("a name is kept beyond its time")
	}
	for id := range 3 * maxNames {
		n.User(strconv.Itoa(id))
	}
	if len(n.entries) > maxNames {
		t.Errorf("%d names are kept, want at most %d", len(n.entries), maxNames)
	}
}
