package tms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/hashicorp/go-retryablehttp"

	"regent/agent/token"
)

// Call is one request. It is for the packages below this one. The agent uses Discover,
// Redeem, Refresh.
type Call struct {
	Op     string // for messages: "redeem"
	Method string // a GET may be repeated; nothing else ever is
	Path   string // below the service's base, its parts escaped
	Query  url.Values
	URL    string // in place of Path: the token endpoint

	Scheme string       // of Authorization: "Basic", "Bearer"; "" for no Authorization
	Secret token.Secret // the credentials after it, raw
	hidden token.Secret // the source of Secret, if it was encoded

	Known []token.Secret // other secrets that the answer may repeat; errors and logs never show them
	Masks []Mask         // of secrets that this process no longer has

	IfMatch string // the version that the call is about; "" for any

	JSON any    // the body, without secrets; or
	Form []Pair // the body, a form

	// Read decodes a 2xx answer; nil if the body has no meaning. If it fails, the answer
	// is unreadable. Its errors must not quote the answer.
	Read func(Answer) error

	bought bool // the answer contains a new auth token, so Read also gets an incomplete one
}

// Pair is a field of a form: a value that may be shown, or a secret.
type Pair struct {
	Name   string
	Value  string
	Secret token.Secret
}

func (p Pair) value() string {
	if p.Secret.IsZero() {
		return p.Value
	}
	return reveal(p.Secret)
}

// Do makes the call. Every error is a *[Failure].
func (c *Client) Do(ctx context.Context, call Call) error {
	late := fmt.Errorf("not done within %s: %w", c.o.Timeout, context.DeadlineExceeded)
	ctx, cancel := context.WithTimeoutCause(ctx, c.o.Timeout, late)
	defer cancel()
	hide := call.secrets()
	f := &Failure{Op: call.Op, Host: c.tenant.Host}
	r, err := c.request(ctx, call)
	if err != nil {
		f.Err = hide.cause(err)
		return f
	}
	f.Host = r.URL.Host
	client := c.once
	if call.Method == http.MethodGet {
		client = c.retrying
	}
	answer, err := client.Do(r)
	if err != nil {
		if !notSent(err) {
			f.Reach = Lost
		}
		f.Err = hide.cause(err)
		c.o.Log.DebugContext(ctx, "request failed", "op", f.Op, "host", f.Host, "err", f.Err)
		return f
	}
	defer answer.Body.Close()
	c.o.Log.DebugContext(ctx, "request answered", "op", f.Op, "host", f.Host, "status", answer.StatusCode)
	return c.judge(answer, call, f, hide)
}

// judge turns a response into an answer read, or into evidence.
func (c *Client) judge(answer *http.Response, call Call, f *Failure, hide redactor) error {
	good := answer.StatusCode/100 == 2
	body, err := readBody(answer)
	if good && (err == nil || call.bought || json.Valid(body)) { // JSON that is whole misses nothing
		if readErr := c.read(answer, body, call); call.Read != nil || err == nil {
			err = readErr
		}
	}
	if err != nil {
		f.Reach, f.Err = Lost, hide.cause(err)
		if good {
			f.Status = answer.StatusCode
			if call.bought && len(body) > 0 {
				f.Unread = token.NewSecret(string(body))
			}
		}
		return f
	}
	if good {
		return nil
	}
	f.Reach, f.Status = Answered, answer.StatusCode
	hide.secrets = append(hide.secrets, registrationsIn(body)...)
	code, message, ok := shapeOf(body)
	f.Code, f.Message, f.ServiceShape = hide.text(code), hide.text(message), ok
	f.Shape = errorMembers(body)
	f.Challenge = answer.Header.Get("WWW-Authenticate") != ""
	if ok && f.Status == http.StatusBadRequest {
		sent, _ := json.Marshal(call.JSON)
		f.AboutForm = AboutForm(body, sent)
	}
	f.RetryAfter, f.HasRetryAfter = retryAfter(answer.Header, c.o.Now)
	f.Err = fmt.Errorf("status %d", answer.StatusCode)
	return f
}

func (c *Client) read(answer *http.Response, body []byte, call Call) error {
	if call.Read == nil {
		return nil
	}
	date, shown := serverDate(answer.Header)
	if !shown {
		date = c.o.Now()
	}
	if err := call.Read(Answer{body, date, answer.Header.Get("ETag")}); err != nil {
		return fmt.Errorf("answered %d: %w", answer.StatusCode, err)
	}
	return nil
}

// request builds the request. If it fails, nothing was sent.
func (c *Client) request(ctx context.Context, call Call) (*retryablehttp.Request, error) {
	address := c.tenant.String() + c.o.Forms.Path + call.Path
	if call.URL != "" {
		address = call.URL
	}
	if len(call.Query) > 0 {
		address += "?" + call.Query.Encode()
	}
	body, contentType, err := call.body()
	if err != nil {
		return nil, err
	}
	r, err := retryablehttp.NewRequestWithContext(ctx, call.Method, address, body)
	if err != nil {
		return nil, err
	}
	if call.Method != http.MethodGet {
		r.GetBody = nil // without it Go's transport cannot send the body a second time
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", c.o.UserAgent)
	if call.IfMatch != "" {
		r.Header.Set("If-Match", call.IfMatch)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r, call.authorize(r.Header)
}

func (call Call) authorize(h http.Header) error {
	if call.Scheme == "" {
		return nil
	}
	secret := reveal(call.Secret)
	if !sendable(secret) {
		return errors.New("the token is empty, or contains characters other than visible ASCII")
	}
	h.Set("Authorization", call.Scheme+" "+secret)
	return nil
}

// body returns the bytes, which are nil without a body, and their type.
func (call Call) body() (body any, contentType string, err error) {
	switch {
	case call.JSON != nil:
		b, err := json.Marshal(call.JSON)
		return b, "application/json", err
	case call.Form != nil:
		var b bytes.Buffer
		for i, p := range call.Form {
			if i > 0 {
				b.WriteByte('&')
			}
			b.WriteString(url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.value()))
		}
		return b.Bytes(), "application/x-www-form-urlencoded", nil
	}
	return nil, "application/json", nil // D: the service wants it always, also of a call without a body
}

func (call Call) secrets() redactor {
	m := append([]token.Secret{call.Secret, call.hidden}, call.Known...)
	for _, p := range call.Form {
		m = append(m, p.Secret)
	}
	return redactor{m, call.Masks}
}

// maxToken bounds a token, in bytes: no header takes a longer one.
const maxToken = 128 << 10

// sendable reports whether s is valid in a header without a change.
func sendable(s string) bool {
	return s != "" && len(s) <= maxToken && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// reveal is the one place where this package reads a secret: to send it, or to find it in
// an answer.
func reveal(s token.Secret) string {
	return s.Reveal() //nolint:forbidigo // this package sends secrets to the service
}
