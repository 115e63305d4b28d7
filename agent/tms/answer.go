package tms

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds an answer's body: one megabyte.
const maxBody = 1 << 20

// longestRetryAfter is what a longer Retry-After becomes.
const longestRetryAfter = time.Hour

// Answer is a whole 2xx answer. Its body may hold secrets.
type Answer struct {
	Body []byte
	Date time.Time // the server's own, else ours
	ETag string    // the version of what it shows, or ""
}

// readBody reads an answer to its end.
func readBody(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxBody)
	}
	return body, nil
}

// serverDate returns the Date of an answer, and whether it has one.
func serverDate(h http.Header) (time.Time, bool) {
	t, err := http.ParseTime(h.Get("Date"))
	return t, err == nil
}

// retryAfter reads Retry-After in both its forms: seconds, or a date, which
// counts from the server's own clock if it shows it. The result lies between 0
// and an hour.
func retryAfter(h http.Header, now func() time.Time) (d time.Duration, ok bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0, false
	}
	if strings.Trim(value, "0123456789") == "" {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n > int64(longestRetryAfter/time.Second) {
			return longestRetryAfter, true
		}
		return time.Duration(n) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	from, shown := serverDate(h)
	if !shown {
		from = now()
	}
	return min(max(0, at.Sub(from)), longestRetryAfter), true
}
