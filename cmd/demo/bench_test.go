package main

import (
	"strings"
	"testing"
	"time"
)

func TestLengthOf(t *testing.T) {
	for _, tt := range []struct {
		name, reply string
		want        int // 1 is the end of the header and five bytes
		err         string
	}{
		{"nothing yet", "", 0, ""},
		{"half a header", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", 0, ""},
		{"whole", "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 5\r\n\r\nhel", 1, ""},
		{"refused", "HTTP/1.1 403 Forbidden\r\n\r\n", 0, "403 Forbidden"},
		{"no length", "HTTP/1.1 200 OK\r\n\r\n", 0, "without a length"},
	} {
		want := tt.want
		if tt.want > 0 {
			want = strings.Index(tt.reply, "\r\n\r\n") + 4 + 5
		}
		got, err := lengthOf([]byte(tt.reply))
		if got != want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %d, %v; want %d, %q", tt.name, got, err, want, tt.err)
		}
	}
}

func TestQuantile(t *testing.T) {
	s := sample{took: 2 * time.Second}
	for i := range 100 {
		s.add(sample{each: []time.Duration{time.Duration(100 - i)}})
	}
	if got := s.quantile(.5); got != 51 {
		t.Errorf("the median of 1 to 100 = %d", got)
	}
	if got := s.quantile(.99); got != 100 {
		t.Errorf("p99 of 1 to 100 = %d", got)
	}
	if got := s.rate(); got != 50 {
		t.Errorf("100 requests in 2 s are %v a second", got)
	}
	if got := (sample{}).quantile(.5); got != 0 {
		t.Errorf("the median of nothing = %v", got)
	}
}

func TestTable(t *testing.T) {
	var out strings.Builder
	b := table{out: &out}
	b.fact("a fact\t%d", 7)
	b.goal(goal{"small", 2, atMost, 2, " ms"}, "why")
	b.goal(goal{"large", .7, atLeast, .8, ""}, "")
	b.goal(goal{"too much", 3, atMost, 2, ""}, "")
	if err := b.print(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a fact  7", "≤ 2 ms  pass", "≥ 0.8   MISSED", "≤ 2     MISSED", "3 goals, 2 missed"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
}
