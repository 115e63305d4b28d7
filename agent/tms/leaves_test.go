package tms

import (
	"slices"
	"strings"
	"testing"
)

// TestLeaves: every value is found, at any depth, with the name of its member.
func TestLeaves(t *testing.T) {
	got := Leaves([]byte(`{"a":"x","b":{"c":[1.50,{"d":null}],"e":{}},"a":true,"f":["y",["z"]]}`))
	want := []Leaf{{"a", "x"}, {"c", "1.50"}, {"d", "null"}, {"a", "true"}, {"f", "y"}, {"f", "z"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, none := range []string{"", "x", `{"a":`, `{"a":"x"} y`} {
		if got := Leaves([]byte(none)); got != nil {
			t.Errorf("%s: got %v", none, got)
		}
	}
	deep := strings.Repeat(`{"a":[`, 4000) + `"x"` + strings.Repeat(`]}`, 4000)
	if got := Leaves([]byte(deep)); !slices.Equal(got, []Leaf{{"a", "x"}}) {
		t.Errorf("deep: got %d leaves", len(got))
	}
}
