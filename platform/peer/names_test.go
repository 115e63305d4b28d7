package peer

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestNames(t *testing.T) {
	var now time.Time
	var asked []string
	n := NewNames(func() time.Time { return now })
	// The system knows uid 1 and gid 1 alone.
	name := func(question, id string) string {
		answer, err := n.lookUp(nameKey{question, id}, func(id string) (string, error) {
			asked = append(asked, question+id)
			if id != "1" {
				return "partial", errors.New("unknown")
			}
			return question, nil
		})
		if (err == nil) != (id == "1") {
			t.Errorf("%s %s: error %v", question, id, err)
		}
		return answer
	}
	for range 3 {
		if u, g, none := name("user", "1"), name("group", "1"), name("user", "2"); u != "user" || g != "group" || none != "" {
			t.Errorf("names = %q, %q, %q", u, g, none)
		}
		now = now.Add(nameTTL/2 - 1)
	}
	if want := []string{"user1", "group1", "user2"}; !slices.Equal(asked, want) {
		t.Errorf("the system was asked %q, want %q", asked, want)
	}
	now = now.Add(nameTTL)
	name("user", "1")
	if len(asked) != 4 {
		t.Error("a name is kept beyond its time")
	}
	for id := range 3 * maxNames {
		name("user", strconv.Itoa(id))
	}
	if len(n.entries) > maxNames {
		t.Errorf("%d names are kept, want at most %d", len(n.entries), maxNames)
	}
}
