package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"regent/agent/tms/emulator"
	"regent/agent/token"
)

// interceptor is a service, with somebody in between, and with what it gave away.
type interceptor struct {
	*emulator.Emulator
	url string

	mu      sync.Mutex
	secrets []string
}

func newInterceptor(t *testing.T, k emulator.Knobs, f func(http.ResponseWriter, *http.Request, *emulator.Emulator)) *interceptor {
	e, err := emulator.New(emulator.Options{Knobs: k})
	if err != nil {
		t.Fatal(err)
	}
	b := &interceptor{Emulator: e}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		f(answer, r, e)
		b.note(answer.Body.Bytes())
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(s.Close)
	b.url = s.URL
	return b
}

var secretMembers = regexp.MustCompile(`"(?:token|access_token|refresh_token|accessToken|refreshToken)":"([^"]{20,})"`)

// note keeps the secrets of an answer, and the halves of a registration token.
func (b *interceptor) note(body []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range secretMembers.FindAllSubmatch(body, -1) {
		b.secrets = append(b.secrets, string(m[1]))
		if plain, err := base64.StdEncoding.DecodeString(string(m[1])); err == nil {
			b.secrets = append(b.secrets, strings.Split(string(plain), ":")...)
		}
	}
}

func (b *interceptor) try(ctx context.Context, t *testing.T, more ...string) (code int, out, said string) {
	t.Helper()
	var o, stderr bytes.Buffer
	config := filepath.Join(t.TempDir(), "contract.yaml")
	args := append([]string{"--tenant", b.url, "--user", "admin", "trial", "--yes", "--config", config}, more...)
	code = run(ctx, typed(&o, &stderr, "", token.NewSecret(b.Credentials().Password)), args)
	written, err := os.ReadFile(config)
	if err != nil {
		t.Error(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, secret := range b.secrets {
		if strings.Contains(o.String()+stderr.String()+string(written), secret) {
			t.Error("a secret is in the output")
		}
	}
	if len(b.secrets) < 3 {
		t.Errorf("%d secrets were looked for", len(b.secrets))
	}
	return code, o.String(), stderr.String()
}

func isRedemption(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/authTokens")
}

// TestTrialAnswersRepeatTheToken: the service repeats the user and the password of the
// registration token in every answer. tmsctl shows none of it.
func TestTrialAnswersRepeatTheToken(t *testing.T) {
	for _, at := range []string{"/registrationTokens", "/token", "/idpConfigurations", "/authTokens"} {
		var e *interceptor
		e = newInterceptor(t, emulator.Knobs{}, func(w http.ResponseWriter, r *http.Request, em *emulator.Emulator) {
			made := r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/registrationTokens")
			if made {
				answer := httptest.NewRecorder()
				em.ServeHTTP(answer, r)
				e.note(answer.Body.Bytes())
				if at != "/registrationTokens" {
					_, _ = w.Write(answer.Body.Bytes())
					return
				}
			}
			i := slices.IndexFunc(e.secrets, func(s string) bool { return token.FormatWarning(token.NewSecret(s)) == "" })
			if i < 0 || !strings.HasSuffix(r.URL.Path, at) || at == "/registrationTokens" && !made {
				em.ServeHTTP(w, r)
				return
			}
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintf(w, `{"errorCode":"E-%[1]s","errorMessage":"user %[1]s has password %[2]s"`, e.secrets[i+1], e.secrets[i+2])
			if made {
				_, _ = fmt.Fprintf(w, `,"token":"%s"`, e.secrets[i])
			}
			_, _ = w.Write([]byte("}"))
		})
		if code, _, said := e.try(t.Context(), t); (code == 0) != (at == "/token" || at == "/idpConfigurations") {
			t.Errorf("%s: exit %d, said\n%s", at, code, said)
		}
	}
}

// TestTrialRefusedYetMade: the service refuses a redemption that it has made. The list shows
// it: it is counted, deleted and not repeated.
func TestTrialRefusedYetMade(t *testing.T) {
	for status, text := range map[int]string{400: "malformed JSON body", 403: "the token has expired", 429: "", 503: "busy"} {
		for _, deletes := range []bool{true, false} {
			e := newInterceptor(t, emulator.Knobs{}, func(w http.ResponseWriter, r *http.Request, e *emulator.Emulator) {
				switch deletion := r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/authTokens/"); {
				case isRedemption(r):
					e.ServeHTTP(httptest.NewRecorder(), r)
				case !deletion || deletes:
					e.ServeHTTP(w, r)
					return
				}
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(status)
				_, _ = fmt.Fprintf(w, `{"errorMessage":%q}`, text)
			})
			code, out, said := e.try(t.Context(), t)
			is := e.State()
			if code != 1 || is.Redeemed != 1 || deletes && len(is.AuthTokens)+len(is.RegistrationTokens) != 0 {
				t.Errorf("%d: exit %d, %d redeemed, left %d auth tokens", status, code, is.Redeemed, len(is.AuthTokens))
			}
			if !deletes && !strings.Contains(said, "tmsctl auth-token delete "+is.AuthTokens[0].ID) ||
				!strings.Contains(said, "Counts used: 1 of at most 3.\n") || !strings.Contains(out, "counts used: 1") {
				t.Errorf("%d: printed\n%s\nsaid\n%s", status, out, said)
			}
		}
	}
}

// TestTrialWaitsOnce for a service that says 429, at each call of the trial.
func TestTrialWaitsOnce(t *testing.T) {
	asked := map[string]bool{}
	e := newInterceptor(t, emulator.Knobs{}, func(w http.ResponseWriter, r *http.Request, e *emulator.Emulator) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if call := r.Method + " " + r.URL.Path; r.Method != http.MethodGet && !bytes.Contains(body, []byte("grant_type=password")) && !asked[call] {
			asked[call] = true
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		e.ServeHTTP(w, r)
	})
	code, _, said := e.try(t.Context(), t)
	if is := e.State(); code != 0 || is.Redeemed != 3 || len(is.AuthTokens)+len(is.RegistrationTokens) != 0 || len(asked) < 6 {
		t.Errorf("exit %d, %d redeemed, %d kinds of calls, said\n%s", code, is.Redeemed, len(asked), said)
	}
}

// TestTrialIsInterrupted at its second redemption: what it made is deleted.
func TestTrialIsInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	n := 0
	e := newInterceptor(t, emulator.Knobs{}, func(w http.ResponseWriter, r *http.Request, e *emulator.Emulator) {
		if isRedemption(r) {
			if n++; n == 2 {
				interrupt()
			}
		}
		e.ServeHTTP(w, r)
	})
	code, _, said := e.try(ctx, t)
	is := e.State()
	if code != 1 || len(is.RegistrationTokens) != 0 || len(is.AuthTokens) != 0 || is.Redeemed != 2 || n != 2 {
		t.Errorf("exit %d, %d registration tokens and %d auth tokens left, %d redeemed, %d asked for\n%s", code, len(is.RegistrationTokens), len(is.AuthTokens), is.Redeemed, n, said)
	}
	// The reply is waited for, so it is known what was used.
	if !strings.Contains(said, "Counts used: 2 of at most 3.\n") || strings.Contains(said, "may be used") || !strings.Contains(said, "interrupted") {
		t.Errorf("said\n%s", said)
	}
}

// TestTrialCleanUpFails: what is left is named, with the command that deletes it.
func TestTrialCleanUpFails(t *testing.T) {
	e := newInterceptor(t, emulator.Knobs{}, func(w http.ResponseWriter, r *http.Request, e *emulator.Emulator) {
		if r.Method == http.MethodDelete {
			http.Error(w, `{"errorCode":"403","errorMessage":"not you"}`, http.StatusForbidden)
			return
		}
		e.ServeHTTP(w, r)
	})
	code, _, said := e.try(t.Context(), t)
	is := e.State()
	if code != 1 || is.Redeemed != 3 {
		t.Errorf("exit %d, %d redeemed", code, is.Redeemed)
	}
	for _, want := range []string{
		"tmsctl registration-token delete " + is.RegistrationTokens[0].ID, "tmsctl auth-token delete " + is.AuthTokens[0].ID,
		"tmsctl auth-token delete " + is.AuthTokens[2].ID, "Counts used: 3",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("want %q, said\n%s", want, said)
		}
	}
}

// TestTrialFormIgnored: a redemption in the other form is accepted and
// ignored. That costs one count, is told, and is not done again.
func TestTrialFormIgnored(t *testing.T) {
	e := newInterceptor(t, emulator.Knobs{Dialect: emulator.First}, func(w http.ResponseWriter, r *http.Request, e *emulator.Emulator) {
		k := e.Knobs()
		k.RequestBody = emulator.BodyEither
		if isRedemption(r) {
			k.RequestBody = emulator.BodyLenient
		}
		if err := e.SetKnobs(k); err != nil {
			t.Error(err)
		}
		e.ServeHTTP(w, r)
	})
	code, out, said := e.try(t.Context(), t)
	is := e.State()
	if code != 1 || is.Redeemed != 1 || len(is.AuthTokens) != 0 || len(is.RegistrationTokens) != 0 {
		t.Errorf("exit %d, %d redeemed, %d auth tokens left", code, is.Redeemed, len(is.AuthTokens))
	}
	if !strings.Contains(said, "no more counts are used") || !strings.Contains(said, "Counts used: 1 of at most 3.") || !strings.Contains(out, "not shown after a wrapped redemption") {
		t.Errorf("printed\n%s\nsaid\n%s", out, said)
	}
	if code, _, said := e.try(t.Context(), t, "--request", "bare"); code != 0 {
		t.Errorf("bare: exit %d, said\n%s", code, said)
	}
}

// TestTrialFindsTheOtherForm: a service that refuses a form costs no count for it.
func TestTrialFindsTheOtherForm(t *testing.T) {
	for _, d := range emulator.Dialects() {
		n := 0
		e := newInterceptor(t, emulator.Knobs{Dialect: d, RequestBody: emulator.BodyStrict}, func(w http.ResponseWriter, r *http.Request, e *emulator.Emulator) {
			if isRedemption(r) {
				n++
			}
			e.ServeHTTP(w, r)
		})
		code, _, said := e.try(t.Context(), t)
		want := 3
		if d == emulator.First {
			want = 4 // the first one is refused
		}
		if is := e.State(); code != 0 || is.Redeemed != 3 || n != want {
			t.Errorf("%s: exit %d, %d redeemed by %d requests, said\n%s", d, code, is.Redeemed, n, said)
		}
	}
}
