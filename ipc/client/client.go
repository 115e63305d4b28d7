// Package client is the Go client of the local interface.
//
// It checks the listener before it sends anything. In a user namespace that hides the
// listener's user, it checks the owners and modes of the socket and of the folders above.
// It turns problems back into faults, so a caller sees the same kinds as inside the agent.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"regent/agent/fault"
	"regent/ipc/api"
	"regent/platform/localsock"
)

// A throttled read call is retried, since another program of the user may have caused it.
const (
	maxRetries   = 2               // times
	maxRetryWait = 5 * time.Second // before each; the call fails if the agent names more
)

// maxReply is the largest answer in bytes. A ledger grows for years.
const maxReply = 64 << 20

// Options select the agent. The zero value is the installed one.
type Options struct {
	Socket string // "" is [localsock.DefaultPath]
	// Dial replaces the connection to Socket and the check of its listener. It is for
	// tests.
	Dial func(context.Context) (net.Conn, error)
}

// Client calls the agent. It keeps a connection open between calls, so that the agent
// knows it as the same process. It is safe for concurrent use.
//
// It retries a throttled read call (a GET) up to twice, after the time that the agent
// names.
//
// An error is a [*fault.Fault] of the agent, wraps [ErrNotReachable], or wraps the
// context's error.
type Client struct{ http *http.Client }

// New returns a client. It does not connect yet.
func New(o Options) *Client {
	dial := o.Dial
	if dial == nil {
		socket := o.Socket
		if socket == "" {
			socket = localsock.DefaultPath
		}
		trust := TrustFor(socket)
		dial = func(ctx context.Context) (net.Conn, error) { return DialChecked(ctx, socket, trust) }
	}
	return &Client{&http.Client{
		Transport: &http.Transport{ // without a proxy
			DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
			DisableCompression: true,
			IdleConnTimeout:    time.Minute, // less than the agent's, so that no request meets a closing connection
			MaxIdleConns:       2,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("the agent never redirects") },
	}}
}

// Close closes idle connections. The leases of this process stay until it exits.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Token leases an instance to this process and returns its access token.
func (c *Client) Token(ctx context.Context, q api.TokenRequest) (api.Token, error) {
	return call[api.Token](ctx, c, "token", http.MethodPost, api.PathToken, q)
}

// Release ends the lease of an instance ("1") early.
func (c *Client) Release(ctx context.Context, application, instance string) error {
	return c.do(ctx, "release", http.MethodDelete, expandPath(api.PathLease, application, instance), nil)
}

// Invalidate reports that Cloud LM refused the token of an instance ("1") that this process
// holds. It waits for another one, which Token then returns. seen is the refused
// generation; 0 if unknown. More than one call a minute is throttled.
func (c *Client) Invalidate(ctx context.Context, application, instance string, seen uint64) error {
	return c.do(ctx, "invalidate", http.MethodPost, expandPath(api.PathInvalidate, application, instance), api.InvalidateRequest{Generation: seen})
}

// Explain returns the rule of an application that decides about a process. For
// administrators only.
func (c *Client) Explain(ctx context.Context, pid int, application string) (api.Explanation, error) {
	q := url.Values{"pid": {strconv.Itoa(pid)}, "application": {application}}
	return call[api.Explanation](ctx, c, "explain", http.MethodGet, api.PathExplain+"?"+q.Encode(), nil)
}

// Status returns a snapshot of the agent.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	return call[api.Status](ctx, c, "status", http.MethodGet, api.PathStatus, nil)
}

// Register gives the agent a registration token. Without an error the token is sealed, or
// no instance needs it. The answer has the state of the redemptions. For administrators
// only.
func (c *Client) Register(ctx context.Context, q api.RegistrationRequest) (api.Registration, error) {
	return call[api.Registration](ctx, c, "register", http.MethodPost, api.PathRegistration, q)
}

// Redeem redeems an instance ("1") again, for one count. For administrators only.
func (c *Client) Redeem(ctx context.Context, application, instance string) error {
	return c.do(ctx, "redeem", http.MethodPost, expandPath(api.PathRedeem, application, instance), nil)
}

// Ledger returns every redemption, oldest first. For administrators only.
func (c *Client) Ledger(ctx context.Context) (api.Ledger, error) {
	return call[api.Ledger](ctx, c, "ledger", http.MethodGet, api.PathLedger, nil)
}

// VerifiedLedger is Ledger, after the agent has checked that nobody changed the file. For
// administrators only.
func (c *Client) VerifiedLedger(ctx context.Context) (api.Ledger, error) {
	return call[api.Ledger](ctx, c, "verify", http.MethodGet, api.PathLedger+"?verify=true", nil)
}

// Resolve records whether the service lists an uncertain or unconfirmed redemption, so that
// it used a count. For administrators only.
func (c *Client) Resolve(ctx context.Context, redemption string, consumed bool) error {
	return c.do(ctx, "resolve", http.MethodPost, api.PathResolve, api.Resolution{ID: redemption, Consumed: &consumed})
}

// Forget deletes the auth token of an instance ("1") from this device. It does not notify
// the service. For administrators only.
func (c *Client) Forget(ctx context.Context, application, instance string) error {
	return c.do(ctx, "forget", http.MethodDelete, expandPath(api.PathInstance, application, instance), nil)
}

// Reload makes the agent read its configuration again. For administrators only.
func (c *Client) Reload(ctx context.Context) error {
	return c.do(ctx, "reload", http.MethodPost, api.PathReload, nil)
}

// Policy returns the active configuration and its sources. For administrators only.
func (c *Client) Policy(ctx context.Context) (api.Policy, error) {
	return call[api.Policy](ctx, c, "policy", http.MethodGet, api.PathPolicy, nil)
}

// do makes a request with an empty answer.
func (c *Client) do(ctx context.Context, op, method, path string, body any) error {
	_, err := call[struct{}](ctx, c, op, method, path, body)
	return err
}

func expandPath(path, application, instance string) string {
	return strings.NewReplacer("{application}", url.PathEscape(application), "{instance}", url.PathEscape(instance)).Replace(path)
}

// call makes one request and reads its answer. body nil sends none.
func call[T any](ctx context.Context, c *Client, op, method, path string, body any) (T, error) {
	var answer T
	resp, err := c.requestWithRetry(ctx, op, method, path, body)
	if err != nil {
		return answer, err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end, or unusable
	if resp.StatusCode == http.StatusNoContent {
		return answer, nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(&answer); err != nil {
		return *new(T), newNotReachableError(ctx, err)
	}
	return answer, nil
}

// requestWithRetry makes one request. It retries a throttled GET after the agent's retry
// time, if that is not too long. An answer with a problem is an error. The caller closes
// the body of any other answer.
func (c *Client) requestWithRetry(ctx context.Context, op, method, path string, body any) (*http.Response, error) {
	var throttled error
	for left := maxRetries; ; left-- {
		resp, err := c.request(ctx, op, method, path, body)
		if err != nil && throttled != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, throttled // more useful than the deadline
		}
		if err != nil || resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusNoContent {
			return resp, err
		}
		problem := faultOf(op, resp)
		_ = resp.Body.Close() // read to its end, or unusable
		if method != http.MethodGet || resp.StatusCode != http.StatusTooManyRequests || left == 0 || !waitToRetry(ctx, problem.Retry) {
			return nil, problem
		}
		throttled = problem
	}
}

// waitToRetry waits for the agent's retry time, and reports whether to retry the call.
func waitToRetry(ctx context.Context, wait time.Duration) bool {
	if wait <= 0 || wait > maxRetryWait {
		return false
	}
	select {
	case <-time.After(wait):
		return true
	case <-ctx.Done():
		return false
	}
}

// request makes one request. The caller closes the answer's body.
func (c *Client) request(ctx context.Context, op, method, path string, body any) (*http.Response, error) {
	var payload io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fault.New(op, fault.Internal, err)
		}
		payload = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://regent"+path, payload)
	if err != nil {
		return nil, fault.New(op, fault.InvalidRequest, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", api.ContentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, newNotReachableError(ctx, err)
	}
	return resp, nil
}

// faultOf turns an error of the agent back into its fault.
func faultOf(op string, resp *http.Response) *fault.Fault {
	var p api.Problem
	if resp.Header.Get("Content-Type") != api.ProblemType ||
		json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(&p) != nil || p.Code == "" {
		return fault.Errorf(op, fault.Internal, "the listener is not regentd: it answers HTTP status %d in another form", resp.StatusCode)
	}
	f := &fault.Fault{Op: op, Kind: fault.Kind(p.Code), Instance: p.Instance, Detail: p.Detail}
	if p.RetryAfter > 0 {
		f.Retry = time.Duration(min(p.RetryAfter, int64(24*time.Hour/time.Second))) * time.Second
	}
	return f
}

// Contract makes the agent ask each tenant for its undocumented forms. It costs no count,
// and may take 1 m. For administrators only.
func (c *Client) Contract(ctx context.Context) (api.Contract, error) {
	return call[api.Contract](ctx, c, "contract", http.MethodGet, api.PathContract, nil)
}

// Diagnose returns facts that only the agent sees. It checks the tenants' services, so it
// may take 20 s.
func (c *Client) Diagnose(ctx context.Context) (api.Diagnosis, error) {
	return call[api.Diagnosis](ctx, c, "diagnose", http.MethodGet, api.PathDiagnosis, nil)
}

// Metrics returns the state of the agent in Prometheus' text format. For administrators
// only.
func (c *Client) Metrics(ctx context.Context) (string, error) {
	const op = "metrics"
	resp, err := c.requestWithRetry(ctx, op, http.MethodGet, api.PathMetrics, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end, or unusable
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return "", newNotReachableError(ctx, err)
	}
	return string(text), nil
}

// Store returns the state of the store. For administrators only.
func (c *Client) Store(ctx context.Context) (api.Store, error) {
	return call[api.Store](ctx, c, "store", http.MethodGet, api.PathStore, nil)
}

// RunStoreOperation returns the effect and cost of a verb on the store. With really the
// agent does it. For a verb that changes the store, the agent restarts, and LastOperation
// of [Client.Store] has the result. For administrators only.
func (c *Client) RunStoreOperation(ctx context.Context, verb string, really bool) (api.Store, error) {
	path := strings.ReplaceAll(api.PathStoreVerb, "{verb}", url.PathEscape(verb))
	return call[api.Store](ctx, c, verb, http.MethodPost, path, api.StoreRequest{Confirmed: really})
}

// Unregister deletes every token and the data key from this device. It does not notify the
// service. The answer lists the auth tokens that the Contact Administrator can delete. For
// administrators only.
func (c *Client) Unregister(ctx context.Context) (api.Store, error) {
	return call[api.Store](ctx, c, "unregister", http.MethodDelete, api.PathRegistration, nil)
}
