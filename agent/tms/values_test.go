package tms

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestValues: what stands before, between and after the values is no part of them, and
// nothing is taken out of a value that is cut.
func TestValues(t *testing.T) {
	tests := []struct{ body, want string }{
		{`{"a":1}`, `[{"a":1}]`},
		{` {"a":1} junk`, `[{"a":1}]`},
		{`{"a":1}{"b":2}`, `[{"a":1} {"b":2}]`},
		{"{\"a\":1}\n[2]\n", `[{"a":1} [2]]`},
		{")]}',\n{\"a\":1}", `[{"a":1}]`},
		{`callback({"a":1});`, `[{"a":1}]`},
		{`{"a":{"id":7},"b":`, `[]`},
		{`[{"id":7},{"id":8}`, `[]`},
		{`<html>`, `[]`},
		{``, `[]`},
	}
	for _, tt := range tests {
		var got []string
		for _, v := range Values([]byte(tt.body)) {
			got = append(got, string(v))
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%s: got %s, want %s", tt.body, got, tt.want)
		}
	}
}

// TestMember: the same name in another spelling is found, and the exact one first.
func TestMember(t *testing.T) {
	for _, name := range []string{"access_token", "Access_Token", "ACCESS-TOKEN", "accesstoken", "AccessToken", "access token", "access.token"} {
		if got := (Object{name: json.RawMessage(`"a"`), "access": nil}).Text("access_token"); got != "a" {
			t.Errorf("%s: got %q", name, got)
		}
	}
	o := Object{"ACCESS_TOKEN": json.RawMessage(`"x"`), "access_token": json.RawMessage(`"a"`), "accessToken": json.RawMessage(`"b"`)}
	if o.Text("access_token") != "a" || o.Text("accessToken") != "b" || o.Text("accesstoken") != "x" {
		t.Errorf("got %q, %q, %q", o.Text("access_token"), o.Text("accessToken"), o.Text("accesstoken"))
	}
	for _, name := range []string{"token", "access_tokens", "my_access_token", ""} {
		if got := (Object{name: json.RawMessage(`"a"`)}).Text("access_token"); got != "" {
			t.Errorf("%q: got %q", name, got)
		}
	}
}

// TestChildren: they are parts of the document, without the space around them.
func TestChildren(t *testing.T) {
	for _, body := range []string{`{ "a" : 1 , "b" :  [ 2 , 3 ] , "c":"x" , "d" : null }`, `"{\"a\":1,\"b\":[2 , 3],\"c\":\"x\",\"d\":null}"`} {
		var all []json.RawMessage
		for _, child := range children([]byte(body)) {
			all = append(all, child)
		}
		if got := fmt.Sprintf("%s", all); got != `[1 [ 2 , 3 ] "x" null]` && got != `[1 [2 , 3] "x" null]` {
			t.Errorf("%s: got %s", body, got)
		}
	}
}

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
