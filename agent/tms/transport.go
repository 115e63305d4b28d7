package tms

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// maxHeader bounds an answer's header, as maxBody bounds its body.
const maxHeader = 64 << 10

// newTransport returns the transport of both clients, see clients.
//
// HTTP/1.1 alone: Go's HTTP/2 repeats requests by itself. Compression is off: answers are
// small, and bounds then count the bytes on the wire.
func newTransport(o Options) (*http.Transport, error) {
	proxy, err := proxyFor(o)
	if err != nil {
		return nil, err
	}
	pool, err := certPool(o.ExtraCA, o.Now())
	if err != nil {
		return nil, err
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	// A call's own context ends it sooner. This ends a dial that the transport
	// goes on with although nobody waits for it any more.
	abandoned := 2 * o.Timeout
	dial := (&net.Dialer{Timeout: abandoned}).DialContext
	if o.Dial != nil {
		dial = o.Dial
	}
	return &http.Transport{
		Proxy:                  proxy,
		OnProxyConnectResponse: proxyRefusal,
		DialContext:            dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, GetClientCertificate: noCertificate},
		TLSHandshakeTimeout:    abandoned,
		Protocols:              &protocols,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConnsPerHost:    1,
	}, nil
}

// proxyRefusal names the proxy where Go's own error would hold only the words
// of its status line.
func proxyRefusal(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyAnswer{proxy.Host, answer.StatusCode}
}

// attemptError is the failure of one try, and whether there was a connection. Without
// one, nothing of the request left this machine.
type attemptError struct {
	connected              bool
	handshaking            bool // the TLS handshake failed, or did not end
	clientCertificateAsked bool // the server asked for a client certificate
	err                    error
}

func (e *attemptError) Error() string { return connectionText(e.err) }
func (e *attemptError) Unwrap() error { return e.err }

// notSent reports whether err is proof that nothing was sent. No proof means
// that something may have been.
func notSent(err error) bool {
	try, ok := errors.AsType[*attemptError](err)
	return ok && !try.connected
}

// attemptTransport is a RoundTripper that reports how far each failed try got. It hides
// the target of a redirect from http.Client, so that a redirect, even a malformed one, is
// an answer like any other.
type attemptTransport struct{ *http.Transport }

var _ http.RoundTripper = attemptTransport{}

// RoundTrip implements [http.RoundTripper].
func (w attemptTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	var connected, shaking, asked atomic.Bool
	ctx := httptrace.WithClientTrace(context.WithValue(r.Context(), askedKey{}, &asked), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
		// A request that is given up returns before the handshake has ended.
		TLSHandshakeStart: func() { shaking.Store(true) },
		TLSHandshakeDone:  func(_ tls.ConnectionState, err error) { shaking.Store(err != nil) },
	})
	answer, err := w.Transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		err = &attemptError{connected.Load(), shaking.Load(), asked.Load(), err}
		if t, ok := handshakeErrorOf(err, r.URL.Hostname()); ok {
			err = t
		}
		return nil, err
	}
	answer.Header.Del("Location")
	return answer, nil
}

// askedKey is the key of a request's context to an *atomic.Bool, which is set
// when the server asks for a client certificate.
type askedKey struct{}

// noCertificate notes that the server asked for a client certificate, and has
// none to show. It is [tls.Config.GetClientCertificate].
func noCertificate(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if asked, ok := info.Context().Value(askedKey{}).(*atomic.Bool); ok {
		asked.Store(true)
	}
	return &tls.Certificate{}, nil
}

// A read is tried so often in all, and waits at most so long between two tries. This only
// bridges a short disturbance. The callers decide about longer waits.
const (
	readTries   = 3
	readWaitMin = 250 * time.Millisecond
	readWaitMax = 2 * time.Second
)

// newHTTPClients returns two clients. repeating is for reads, which have no effect. once
// is for everything else, and never repeats. Each of its requests has a connection of its
// own, so that none meets a connection that the service has just closed.
func newHTTPClients(t *http.Transport, now func() time.Time, observe func(*http.Response)) (repeating, once *retryablehttp.Client) {
	client := func(t *http.Transport, again retryablehttp.CheckRetry) *retryablehttp.Client {
		return &retryablehttp.Client{
			HTTPClient:      &http.Client{Transport: attemptTransport{t}},
			RetryMax:        readTries - 1,
			RetryWaitMin:    readWaitMin,
			RetryWaitMax:    readWaitMax,
			CheckRetry:      again,
			Backoff:         readWait(now),
			ErrorHandler:    retryablehttp.PassthroughErrorHandler,
			ResponseLogHook: func(_ retryablehttp.Logger, answer *http.Response) { observe(answer) },
		}
	}
	never := func(context.Context, *http.Response, error) (bool, error) { return false, nil }
	single := t.Clone()
	single.DisableKeepAlives = true
	return client(t, readPolicy(now)), client(single, never)
}

// readPolicy repeats a read that was not sent, or was answered that the service
// is busy for no longer than we are ready to wait.
func readPolicy(now func() time.Time) retryablehttp.CheckRetry {
	return func(ctx context.Context, answer *http.Response, err error) (bool, error) {
		again := err != nil && notSent(err) || err == nil && busyForNow(answer, now)
		return again && ctx.Err() == nil, nil
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
