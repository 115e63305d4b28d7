// Package emulator is an offline Token Management Service with its identity provider,
// as one http.Handler.
//
// It counts exactly and has switches for faults. It is for tests, demonstrations and
// vendors who have no tenant at hand.
//
// The emulator follows the known facts about the service. Where none is known, the
// emulator decides. Its own texts stand in errors.go, marked as invented. It imports
// nothing of this module, so that it does not know the clients. The golden exchanges in
// agent/tms/testdata test both sides. It protects nothing: its secrets are plain strings
// in memory, made for it alone.
package emulator

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options configure an Emulator. Every zero value is useful.
type Options struct {
	Knobs       Knobs
	Credentials Credentials

	Realm     string           // of the identity provider; "" is "ems"
	TokenPath string           // where the identity provider is: "/auth/", which "" means, or "/"
	Now       func() time.Time // the service's clock, before Knobs.ClockOffset; nil is the system's
	Log       *slog.Logger     // a line for each request at Info, without secrets; nil is none

	// Store keeps everything over a restart; nil keeps it in memory. New reads its
	// content. The caller closes it after the last request.
	Store *Store
	// Identity is an identity provider in place of the emulator's own; nil is that one.
	// It then ignores Realm, TokenPath and the knobs of tokens.
	Identity *Keycloak
}

// Credentials are the Contact Administrator's login.
type Credentials struct {
	User     string // "" is "admin"
	Password string // "" is a random one

	ClientID     string // for client_credentials; "" is "ems-admin-client"
	ClientSecret string // "" is a random one
}

// Emulator is one tenant. It is an http.Handler; all its methods are safe for
// concurrent use, and it may be turned while requests are under way.
type Emulator struct {
	realm  string
	path   string
	cred   Credentials
	now    func() time.Time // without the offset
	log    *slog.Logger
	signer *signer
	idp    *Keycloak // nil: the emulator is its own identity provider
	store  *memory
	mux    *http.ServeMux

	controlMu sync.Mutex // held while Control changes the knobs

	mu     sync.Mutex // over what follows
	knobs  Knobs      // complete: defaults filled in
	faults []Fault    // pending, in the order in which they were asked for
	errors int        // errors of the service so far, for ErrorRotate

	requests        map[Class]int // that arrived
	failed, dropped int
}

// New returns an emulator without any tokens. It refuses knobs and paths that
// contradict themselves.
func New(o Options) (*Emulator, error) {
	knobs, err := o.Knobs.complete()
	if err != nil {
		return nil, err
	}
	if o.TokenPath == "" {
		o.TokenPath = "/auth/"
	}
	if o.TokenPath != "/auth/" && o.TokenPath != "/" {
		return nil, fmt.Errorf("token path %q: must be /auth/ or /", o.TokenPath)
	}
	if strings.ContainsAny(o.Realm, "/{} ") {
		return nil, fmt.Errorf("realm %q: must be one plain segment of a path", o.Realm)
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the emulator's clock seam
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Identity != nil && knobs.tokenKnobs() != (Knobs{}).tokenKnobs() {
		return nil, errKeycloakKnobs
	}
	e := &Emulator{
		realm: cmp.Or(o.Realm, "ems"), path: o.TokenPath, cred: o.Credentials.complete(),
		now: o.Now, log: o.Log, idp: o.Identity, store: newMemory(), knobs: knobs, requests: map[Class]int{},
	}
	if err := e.attachStore(o.Store, o.Credentials); err != nil {
		return nil, err
	}
	e.mux = e.routes()
	return e, nil
}

// attachStore loads the content of an earlier run: all rows, the signing key, and the
// credentials that were not given. Without a Store all is new.
func (e *Emulator) attachStore(s *Store, given Credentials) (err error) {
	if e.signer, err = newSigner(s); err != nil {
		return err
	}
	if e.store.file = s; s != nil {
		err = e.store.load()
	}
	if given.Password == "" && err == nil {
		e.cred.Password, err = s.getOrPut("password", e.cred.Password)
	}
	if given.ClientSecret == "" && err == nil {
		e.cred.ClientSecret, err = s.getOrPut("client secret", e.cred.ClientSecret)
	}
	return err
}

func (c Credentials) complete() Credentials {
	return Credentials{
		User:         cmp.Or(c.User, "admin"),
		Password:     cmp.Or(c.Password, rand.Text()),
		ClientID:     cmp.Or(c.ClientID, "ems-admin-client"),
		ClientSecret: cmp.Or(c.ClientSecret, rand.Text()),
	}
}

// Credentials returns the Contact Administrator's login, generated values included.
func (e *Emulator) Credentials() Credentials { return e.cred }

// IssueRegistrationToken makes a registration token that lives as long as one
// can, as the Contact Administrator would through REST, and returns the token.
func (e *Emulator) IssueRegistrationToken(identifier string, count int) (string, error) {
	now := e.Time()
	r, err := newRegistration(registrationRequest{
		Identifier: identifier, Count: count,
		ExpirationDate: expiry(now.AddDate(0, 0, maxRegistrationDays).Format(time.DateOnly)),
	}, now)
	if err != nil {
		return "", fmt.Errorf("issue registration token %q: %w", identifier, err)
	}
	if err := e.store.addRegistration(r); err != nil {
		return "", err
	}
	return r.Token, nil
}

// DeleteAuthToken deletes an auth token, as the Contact Administrator does to prevent
// further use. It reports whether there was an auth token with this id.
func (e *Emulator) DeleteAuthToken(id string) bool {
	return e.store.deleteAuthToken(id) == nil
}

// Time is the service's own idea of the present: its clock and its offset.
func (e *Emulator) Time() time.Time {
	return e.now().Add(e.Knobs().ClockOffset).UTC().Round(0)
}

// ServeHTTP implements [http.Handler].
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { e.mux.ServeHTTP(w, r) }

// serve handles every request. The state changes before the reply, so a client without a
// reply may have caused a change.
func (e *Emulator) serve(w http.ResponseWriter, r *http.Request, rt route) {
	c, ep := e.open(w, r, rt)
	// 1. Count it, and take the fault that is meant for it.
	fault, faulty := e.nextFault(ep.class)
	// 2. Commit, unless the fault comes before.
	var a answer
	if !faulty || fault.AfterCommit {
		a = ep.handle(c)
	}
	if faulty {
		a = fault.answer(rt.oidc)
	}
	// 3. Only the reply is late. If a client does not wait for it, the change stays, as
	// with the real service.
	if !pause(r.Context(), c.knobs.Latency) {
		return
	}
	dropped := faulty && fault.Status == 0
	e.log.InfoContext(r.Context(), "request",
		"method", r.Method, "path", r.URL.Path, "class", ep.class, "status", a.status, "fault", faulty)
	if dropped {
		panic(http.ErrAbortHandler) // net/http closes the connection and logs nothing
	}
	a.body = e.shaped(c.knobs, a.body)
	a.write(w, e.Time())
}

// pause waits, and reports whether there is still somebody to answer.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
