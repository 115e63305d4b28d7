package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"regent/agent/tms/admin"
)

// parseDay reads "30d", so many days from now in the direction of sign, or "2026-12-01".
// Days count in UTC, as the service's do.
func parseDay(s string, now time.Time, sign int) (time.Time, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		return now.UTC().AddDate(0, 0, sign*n), err == nil && n > 0 && n < 10_000
	}
	day, err := time.Parse(time.DateOnly, s)
	return day, err == nil
}

// expiry reads "30d" or "2026-12-01": the last day of a registration token.
func expiry(s string, now time.Time) (time.Time, error) {
	if day, ok := parseDay(s, now, 1); ok {
		return day, nil
	}
	first, last := admin.ExpiryBounds(now)
	return time.Time{}, usagef("--expires %q: write 1d to 30d, or a date from %s to %s",
		s, first.Format(time.DateOnly), last.Format(time.DateOnly))
}

// pastTime reads "7d" or "2026-12-01": a time that is past.
func pastTime(s string, now time.Time) (time.Time, error) {
	if day, ok := parseDay(s, now, -1); ok {
		return day, nil
	}
	return time.Time{}, usagef("--since %q: write 7d, or a date as 2026-11-01", s)
}

// expiryText says when a last day is, seen from now.
func expiryText(day, now time.Time) string {
	if day.IsZero() {
		return "unknown"
	}
	today := now.UTC().Truncate(24 * time.Hour)
	date := day.Format(time.DateOnly)
	switch days := int(day.Sub(today) / (24 * time.Hour)); {
	case days == 0:
		return date + " (today)"
	case days == 1:
		return date + " (tomorrow)"
	case days == -1:
		return date + " (yesterday)"
	case days > 0:
		return fmt.Sprintf("%s (in %d days)", date, days)
	default:
		return fmt.Sprintf("%s (%d days ago)", date, -days)
	}
}
