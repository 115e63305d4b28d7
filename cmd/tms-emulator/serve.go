package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"regent/agent/tms/emulator"
	"regent/platform/files"
	"regent/platform/process"
)

// startTimeout limits one answer of another identity provider.
const startTimeout = 30 * time.Second

// drainTimeout limits the running requests at the end.
const drainTimeout = 5 * time.Second

// serve runs the emulator until ctx ends.
func serve(ctx context.Context, s *settings, stdout, stderr io.Writer) (err error) {
	if s.data != "" {
		if s.options.Store, err = emulator.OpenStore(s.data); err != nil {
			return fmt.Errorf("--data: %w", err)
		}
		defer func() { err = errors.Join(err, s.options.Store.Close()) }()
	}
	e, err := s.emulator(stderr)
	if err != nil {
		return err
	}
	config, ca, err := s.tls()
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", s.listen, err)
	}
	defer l.Close() //nolint:errcheck // closed by the server already, but for an error before
	if s.caOut != "" {
		if err := files.Write(s.caOut, ca, 0o644); err != nil {
			return fmt.Errorf("--ca-out: %w", err)
		}
	}
	if err := s.announce(stdout, e.Credentials(), l.Addr()); err != nil {
		return err
	}
	return listen(ctx, tls.NewListener(l, config), handler(e), stderr)
}

// emulator builds the emulator from the command line and its files.
func (s *settings) emulator(stderr io.Writer) (*emulator.Emulator, error) {
	var err error
	cred := &s.options.Credentials
	if cred.Password, err = secretFile("--admin-password-file", s.passwordFile); err != nil {
		return nil, err
	}
	if cred.ClientSecret, err = secretFile("--client-secret-file", s.secretFile); err != nil {
		return nil, err
	}
	if s.verbose {
		s.options.Log = slog.New(logTo(stderr))
	}
	if err := s.identity(); err != nil {
		return nil, err
	}
	pending, err := faults(s.fail, s.drop)
	if err != nil {
		return nil, &usageError{err}
	}
	e, err := emulator.New(s.options)
	if err == nil {
		err = e.SetFaults(pending...)
	}
	if err != nil {
		return nil, &usageError{err}
	}
	return e, nil
}

// identity sets another identity provider, if one is configured.
func (s *settings) identity() (err error) {
	if s.idp.URL == "" {
		return nil
	}
	if s.idp.ClientSecret, err = secretFile("--idp-client-secret-file", s.idpSecret); err != nil {
		return err
	}
	s.idp.Realm, s.idp.Client = s.options.Realm, &http.Client{Timeout: startTimeout}
	if s.options.Identity, err = emulator.NewKeycloak(s.idp); err != nil {
		return &usageError{fmt.Errorf("--idp: %w", err)}
	}
	return nil
}

// secretFile reads a password of one line. Without a file name it returns "".
func secretFile(flag, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	b, err := os.ReadFile(name) //nolint:gosec // the person at the command line names it
	if err != nil {
		return "", fmt.Errorf("%s: %w; write it first, or leave the flag out", flag, err)
	}
	secret := strings.TrimRight(string(b), "\r\n")
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", fmt.Errorf("%s: %s must hold one line, not empty", flag, name)
	}
	return secret, nil
}

// tls creates the listener's configuration, and the authority for clients. It uses the
// authority in the data file if there is one, because clients already trust it. It offers
// only HTTP/1.1, in which a dropped reply is a closed connection.
func (s *settings) tls() (config *tls.Config, ca []byte, err error) {
	now := time.Now() //nolint:forbidigo // the certificate's; the emulator's clock may be off on purpose
	kept, err := s.options.Store.GetOrCreate("authority", func() ([]byte, error) { return newAuthority(now) })
	if err != nil {
		return nil, nil, err
	}
	authority, err := tls.X509KeyPair(kept, kept)
	if err != nil {
		return nil, nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	made, err := newServer(now, s.hosts, &authority)
	if err != nil {
		return nil, nil, err
	}
	server, err := tls.X509KeyPair(made, made)
	config = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{server}, NextProtos: []string{"http/1.1"}}
	return config, certificatePEM(authority.Certificate[0]), err
}

// announce prints the generated secrets, and last the address.
func (s *settings) announce(w io.Writer, cred emulator.Credentials, addr net.Addr) error {
	var b strings.Builder
	if s.idp.URL != "" {
		fmt.Fprintf(&b, "administrators are those of %s\n", s.idp.URL)
	}
	if s.passwordFile == "" && s.idp.URL == "" {
		fmt.Fprintf(&b, "administrator %s, password %s\n", cred.User, cred.Password)
	}
	if s.secretFile == "" && s.idp.URL == "" {
		fmt.Fprintf(&b, "client %s, secret %s\n", cred.ClientID, cred.ClientSecret)
	}
	fmt.Fprintf(&b, "listening on https://%s/\n", addr)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

// logTo returns a log that counts records lost after the end of its reader.
func logTo(w io.Writer) slog.Handler {
	return new(process.LostRecords).Handler(slog.NewTextHandler(w, nil))
}

func handler(e *emulator.Emulator) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", e)
	mux.Handle(emulator.ControlPath, e.Control())
	return mux
}

// listen serves until ctx ends, then lets running requests finish.
func listen(ctx context.Context, l net.Listener, h http.Handler, stderr io.Writer) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(logTo(stderr), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := server.Shutdown(end)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.Join(fmt.Errorf("requests under way took longer than %v", drainTimeout), server.Close())
	}
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve: %w", e))
	}
	return err
}
