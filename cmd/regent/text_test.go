package main

import (
	"testing"
	"time"

	"regent/platform/terminal"
)

func TestFormatDuration(t *testing.T) {
	tests := []struct {
		d    time.Duration
		want string
	}{
		{-time.Hour, "0 s"},
		{1999 * time.Millisecond, "1 s"},
		{59 * time.Second, "59 s"},
		{time.Minute, "1 min"},
		{4*time.Minute + 10*time.Second, "4 min 10 s"},
		{12*time.Minute + 10*time.Second, "12 min"},
		{time.Hour, "1 h"},
		{3*time.Hour + 20*time.Minute, "3 h 20 min"},
		{12*time.Hour + 20*time.Minute, "12 h"},
		{47 * time.Hour, "47 h"},
		{72 * time.Hour, "3 days"},
	}
	for _, tt := range tests {
		if got := terminal.Duration(tt.d); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.d, got, tt.want)
		}
	}
}

func TestFormatUntilAndAgo(t *testing.T) {
	tests := []struct {
		at          time.Duration
		until, agoo string
	}{
		{-time.Minute, "now", "1 min ago"},
		{0, "now", "just now"},
		{time.Minute, "in 1 min", "just now"},
	}
	for _, tt := range tests {
		if got := formatUntil(noon, noon.Add(tt.at)); got != tt.until {
			t.Errorf("until %s: got %q, want %q", tt.at, got, tt.until)
		}
		if got := formatAgo(noon, noon.Add(tt.at)); got != tt.agoo {
			t.Errorf("ago %s: got %q, want %q", tt.at, got, tt.agoo)
		}
	}
}

func TestPrintable(t *testing.T) {
	if got, want := printable("a\tb\r\n\x1b]0;é\u202e"), "a b  ?]0;é?"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
