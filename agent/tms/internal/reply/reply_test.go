package reply

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	tests := []struct{ name, body, want, err string }{
		{"bare", `{"id":"bare"}`, "bare", ""},
		{"wrapped", `{"w":{"id":"inner"},"id":"outer"}`, "inner", ""},
		{"the wrapper is no object", `{"w":[{"id":"inner"}],"id":"outer"}`, "outer", ""},
		{"the wrapper is null", `{"w":null,"id":"outer"}`, "outer", ""},
		{"another case", `{"W":{"id":"inner"},"ID":"outer"}`, "", ""},
		{"no object", `["SECRET"]`, "", "no JSON object"},
		{"half of one", `{"id":"SECRET`, "", "no JSON object"},
		{"one and a half", `{"id":"a"}{`, "", "no JSON object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := Parse([]byte(tt.body), "w")
			if got := o.Text("id"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			wantError(t, err, tt.err)
		})
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "SECRET")) {
		t.Errorf("got error %v, want %q and nothing quoted", err, want)
	}
}

func TestMembers(t *testing.T) {
	o, err := Parse([]byte(`{"text":"a","empty":"","number":17,"big":12345678901234567890,"list":[1],"null":null,"string":"17","SECRET":"x","word":"SECRET"}`), "")
	if err != nil {
		t.Fatal(err)
	}
	texts := []struct {
		names []string
		want  string
	}{
		{[]string{"text"}, "a"},
		{[]string{"missing", "null", "number", "list", "empty", "text", "string"}, "a"},
		{[]string{"number"}, ""},
	}
	for _, tt := range texts {
		if got := o.Text(tt.names...); got != tt.want {
			t.Errorf("Text(%q): got %q, want %q", tt.names, got, tt.want)
		}
	}
	ids := map[string]string{"text": "a", "number": "17", "big": "12345678901234567890", "list": "", "null": "", "missing": ""}
	for name, want := range ids {
		if got := o.ID(name); got != want {
			t.Errorf("ID(%s): got %q, want %q", name, got, want)
		}
	}
	ints := []struct {
		name string
		want int
		ok   bool
		err  string
	}{
		{"number", 17, true, ""},
		{"string", 17, true, ""},
		{"null", 0, false, ""},
		{"missing", 0, false, ""},
		{"big", 0, false, "out of bounds"},
		{"list", 0, false, "list is no number"},
		{"word", 0, false, "word is no number"},
		{"empty", 0, false, "empty is no number"},
	}
	for _, tt := range ints {
		got, ok, err := o.Int(tt.name)
		if got != tt.want || ok != tt.ok {
			t.Errorf("Int(%s): got %d, %t, want %d, %t", tt.name, got, ok, tt.want, tt.ok)
		}
		wantError(t, err, tt.err)
	}
}

func TestSpan(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration
	}{
		{"300", 5 * time.Minute},
		{"0.5", 500 * time.Millisecond},
		{"-1", -time.Second},
		{"315359999", longest - time.Second},
		{"315360001", longest},
		{"9223372037", longest}, // overflows nanoseconds
		{"-1e30", -longest},
		{"1e999", longest},
		{"-1e999", -longest},
	}
	for _, tt := range tests {
		got, ok, err := Object{"n": []byte(tt.in)}.Seconds("n")
		if got != tt.want || !ok || err != nil {
			t.Errorf("%s: got %s, %t, %v, want %s", tt.in, got, ok, err, tt.want)
		}
	}
}

func TestParseList(t *testing.T) {
	tests := []struct {
		name, body string
		n, total   int
		err        string
	}{
		{"named", `{"list":[{"id":1},{"id":2}],"total":9}`, 2, 9, ""},
		{"bare", `[{"id":1}]`, 1, -1, ""},
		{"no total", `{"list":[]}`, 0, -1, ""},
		{"no list", `{"total":9}`, 0, 0, "no list in the answer"},
		{"null", `{"list":null,"total":0}`, 0, 0, ""},
		{"text", `"SECRET"`, 0, 0, "list is no JSON array"},
		{"nothing", ``, 0, 0, "list is no JSON array"},
		{"an item of text", `[{},"SECRET"]`, 0, 0, "list[1]: no JSON object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, total, err := ParseList([]byte(tt.body), "list", "total")
			wantError(t, err, tt.err)
			if err == nil && (len(list) != tt.n || total != tt.total) {
				t.Errorf("got %d of %d, want %d of %d", len(list), total, tt.n, tt.total)
			}
		})
	}
}

// FuzzParseList covers what the administrator's client reads.
func FuzzParseList(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		list, total, err := ParseList(body, "list", "total")
		if err != nil {
			return
		}
		for _, o := range list {
			if o == nil {
				t.Errorf("a nil object of %d", total)
			}
			if _, _, err := o.Int("count"); err != nil && strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error %v quotes", err)
			}
		}
	})
}
