package tms

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	const (
		at     = "Mon, 23 Nov 2026 08:01:00 GMT"
		server = "Mon, 23 Nov 2026 08:00:30 GMT"
	)
	tests := []struct {
		name, value, date string
		want              time.Duration
		ok                bool
	}{
		{"absent", "", "", 0, false},
		{"seconds", "60", "", time.Minute, true},
		{"at once", "0", "", 0, true},
		{"padded", " 60 ", "", time.Minute, true},
		{"an hour and more", "3601", "", time.Hour, true},
		{"past all bounds", "99999999999999999999999", "", time.Hour, true},
		{"negative", "-1", "", 0, false},
		{"a fraction", "1.5", "", 0, false},
		{"words", "soon", "", 0, false},
		{"a date by our clock", at, "", time.Minute, true},
		{"a date by the server's clock", at, server, 30 * time.Second, true},
		{"a date by our clock, theirs unreadable", at, "today", time.Minute, true},
		{"a date gone by", server, at, 0, true},
		{"a date far off", "Mon, 23 Nov 9999 08:01:00 GMT", server, time.Hour, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{"Retry-After": {tt.value}, "Date": {tt.date}}
			got, ok := retryAfter(h, func() time.Time { return date })
			if got != tt.want || ok != tt.ok {
				t.Errorf("got %s, %t, want %s, %t", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestReadWait(t *testing.T) {
	wait := readWait(func() time.Time { return date })
	busy := func(after string) *http.Response { return &http.Response{Header: http.Header{"Retry-After": {after}}} }
	tests := []struct {
		name   string
		try    int
		answer *http.Response
		want   time.Duration
	}{
		{"first", 0, nil, readWaitMin},
		{"second", 1, nil, 2 * readWaitMin},
		{"many", 20, nil, readWaitMax},
		{"as asked", 0, busy("1"), time.Second},
		{"never at once", 0, busy("0"), readWaitMin},
		{"not asked", 0, busy(""), readWaitMin},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := wait(readWaitMin, readWaitMax, tt.try, tt.answer); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
