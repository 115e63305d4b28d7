package tms

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"regent/agent/address"
	"regent/agent/token"
)

const defaultTimeout = 30 * time.Second

// Options configure a Client.
type Options struct {
	Tenant    string        // "https://host" or "https://host:8443"; http on a loopback address only
	Proxy     string        // "" or "system": by Environment; "none"; or as [address.ParseProxy] takes it
	ExtraCA   []byte        // as [ReadBundle] takes them, trusted beside the system's; nil for none
	Timeout   time.Duration // of one call, the repetitions of a read included; 0 for 30 s
	UserAgent string        // "" for "regent"
	Forms     Forms         // the forms that the contract leaves open; the zero value accepts all

	// Environment is the process's, in which "system" looks; the zero value has no
	// proxy.
	Environment address.Environment

	// ProxyCredentials are "user:password" for the proxy; the zero secret is none.
	ProxyCredentials token.Secret

	Now     func() time.Time           // civil time; required
	Observe func(serverDate time.Time) // called for each answer that has a Date; nil for nobody; must be safe for concurrent use
	Log     *slog.Logger               // nil for none

	// Dial makes connections in place of the system; nil for the system. A test
	// in virtual time has no sockets.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// withDefaults returns o with its defaults, or an error about a contradiction.
func (o Options) withDefaults() (Options, error) {
	if o.Now == nil {
		return o, errors.New("tms: no clock given")
	}
	if o.Timeout < 0 {
		return o, fmt.Errorf("tms: timeout must be above 0: %s", o.Timeout)
	}
	o.Timeout, o.UserAgent = cmp.Or(o.Timeout, defaultTimeout), cmp.Or(o.UserAgent, "regent")
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Observe == nil {
		o.Observe = func(time.Time) {}
	}
	var err error
	o.Forms, err = o.Forms.withDefaults()
	return o, err
}

// tenantURL reads the tenant's address. A bare host means https.
func tenantURL(tenant string) (*url.URL, error) {
	if tenant == "" {
		return nil, errors.New("tms: no tenant given; it is the address of the service, as https://host")
	}
	if !strings.Contains(tenant, "://") {
		tenant = "https://" + tenant
	}
	u, err := url.Parse(tenant)
	if err != nil { // its text quotes the whole address, which may hold a password
		return nil, errors.New("tms: the tenant is not a URL; write https://host")
	}
	if err := plainURL(u); err != nil {
		return nil, fmt.Errorf("tms: tenant %s: %w", u.Redacted(), err)
	}
	if strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("tms: tenant %s: omit the path %s", u, u.Path)
	}
	if u.Scheme == "http" && !loopback(u) {
		return nil, fmt.Errorf("tms: tenant %s: must be https; http is for a loopback address only", u)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// endpointURL checks a token endpoint. It is https, or http on a loopback
// address only if the tenant is on one too.
func endpointURL(endpoint string, tenant *url.URL) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, errors.New("the token endpoint is no URL")
	}
	if err := plainURL(u); err != nil {
		return nil, fmt.Errorf("the token endpoint: %w", err)
	}
	if u.Scheme == "http" && (!loopback(u) || !loopback(tenant)) {
		return nil, fmt.Errorf("the token endpoint on %s must be https", u.Host)
	}
	return u, nil
}

// plainURL accepts only scheme, host and path.
func plainURL(u *url.URL) error {
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("must begin with https://, not %q", u.Scheme)
	case u.Hostname() == "":
		return errors.New("names no host")
	case u.User != nil:
		return errors.New("must not contain a user or password")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return errors.New("must not contain ? or #")
	}
	return nil
}

func loopback(u *url.URL) bool { return address.IsLoopback(u.Hostname()) }

// proxyFor returns a transport's function for its proxy; nil for none. The credentials are
// only for the chosen proxy. A proxy with credentials in its address keeps those.
func proxyFor(o Options) (func(*http.Request) (*url.URL, error), error) {
	choose := func(r *http.Request) (*url.URL, error) {
		u, _, err := o.Environment.ProxyFor(r.URL)
		return u, err
	}
	switch o.Proxy {
	case "", "system":
	case "none":
		return nil, nil
	default:
		u, err := address.ParseProxy(o.Proxy)
		if err != nil { // the value may hold a password: never quoted
			return nil, fmt.Errorf("tms: the proxy %w", err)
		}
		choose = http.ProxyURL(u)
	}
	if o.ProxyCredentials.IsZero() {
		return choose, nil
	}
	user, password, found := strings.Cut(o.ProxyCredentials.Reveal(), ":") //nolint:forbidigo // to the proxy
	if !found || user == "" {
		return nil, errors.New("tms: the credentials for the proxy must have the form user:password")
	}
	return func(r *http.Request) (*url.URL, error) {
		u, err := choose(r)
		if err != nil || u == nil || u.User != nil {
			return u, err
		}
		with := *u
		with.User = url.UserPassword(user, password)
		return &with, nil
	}, nil
}

// certPool returns the system's certificate authorities and the extra ones, or
// nil, which means the system's alone.
func certPool(extra []byte, now time.Time) (*x509.CertPool, error) {
	if extra == nil {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("tms: read the system's certificate authorities: %w", err)
	}
	b, err := ReadBundle(extra, now)
	if err != nil {
		return nil, fmt.Errorf("tms: the extra CA file %w", err)
	}
	for _, c := range b.Certificates {
		pool.AddCert(c)
	}
	return pool, nil
}
