package tms

import (
	"context"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// A read is tried so often in all, and waits at most so long between two tries.
// Whoever asks for longer waits gets them from the callers, who have the whole
// picture; this only bridges a hiccup.
const (
	readTries   = 3
	readWaitMin = 250 * time.Millisecond
	readWaitMax = 2 * time.Second
)

// newHTTPClients returns two clients: repeating is for reads, which have no effect and
// may be repeated; once is for all else: it never repeats, and each request goes
// on a connection of its own, so that none can meet one that the service has
// just closed.
func newHTTPClients(t *http.Transport, now func() time.Time, observe func(*http.Response)) (repeating, once *retryablehttp.Client) {
	hook := func(_ retryablehttp.Logger, answer *http.Response) { observe(answer) }
	repeating = &retryablehttp.Client{
		HTTPClient:      &http.Client{Transport: attemptTransport{t}},
		RetryMax:        readTries - 1,
		RetryWaitMin:    readWaitMin,
		RetryWaitMax:    readWaitMax,
		CheckRetry:      readPolicy(now),
		Backoff:         readWait(now),
		ErrorHandler:    retryablehttp.PassthroughErrorHandler,
		ResponseLogHook: hook,
	}
	single := t.Clone()
	single.DisableKeepAlives = true
	once = &retryablehttp.Client{
		HTTPClient:      &http.Client{Transport: attemptTransport{single}},
		CheckRetry:      neverRetry,
		Backoff:         retryablehttp.DefaultBackoff,
		ErrorHandler:    retryablehttp.PassthroughErrorHandler,
		ResponseLogHook: hook,
	}
	return repeating, once
}

// neverRetry is the policy for everything that may have an effect.
func neverRetry(context.Context, *http.Response, error) (bool, error) { return false, nil }

// readPolicy repeats a read that was not sent, or was answered that the service
// is busy for no longer than we are ready to wait.
func readPolicy(now func() time.Time) retryablehttp.CheckRetry {
	return func(ctx context.Context, answer *http.Response, err error) (bool, error) {
		if err != nil {
			return ctx.Err() == nil && notSent(err), nil
		}
		return ctx.Err() == nil && busyForNow(answer, now), nil
	}
}

func busyForNow(answer *http.Response, now func() time.Time) bool {
	switch answer.StatusCode {
	case http.StatusTooManyRequests: // only if it says when: else the whole tenant pauses
		wait, told := retryAfter(answer.Header, now)
		return told && wait <= readWaitMax
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		wait, _ := retryAfter(answer.Header, now)
		return wait <= readWaitMax
	}
	return false
}

// readWait waits as long as the service asked, else doubling.
func readWait(now func() time.Time) retryablehttp.Backoff {
	return func(low, high time.Duration, try int, answer *http.Response) time.Duration {
		if answer != nil {
			if wait, ok := retryAfter(answer.Header, now); ok {
				return max(low, min(wait, high))
			}
		}
		return min(low<<try, high)
	}
}
