package emulator_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"regent/agent/tms/emulator"
)

// exchanges are played in the first dialect: the clients began with it.
const exchanges = "../testdata/exchanges"

var placeholder = regexp.MustCompile(`\{\{([a-z_]+)\}\}`)

// prepare makes true, for each exchange, what its comment says must be, and
// returns what the request's placeholders stand for.
var prepare = map[string]func(*fixture) map[string]string{
	"discover": func(*fixture) map[string]string { return nil },
	"token-password": func(f *fixture) map[string]string {
		return map[string]string{"password": f.Credentials().Password}
	},
	"token-client-credentials": func(f *fixture) map[string]string {
		return map[string]string{"client_secret": f.Credentials().ClientSecret}
	},
	"token-password-refused": func(*fixture) map[string]string {
		return map[string]string{"password": "another"}
	},
	"registration-token-create": func(f *fixture) map[string]string {
		return map[string]string{"admin_token": bearer(f)}
	},
	"registration-token-list":   withRedemption,
	"registration-token-show":   withRedemption,
	"registration-token-delete": withRedemption,
	"registration-token-update": withRedemption,

	"registration-token-update-conflict": withRedemption,

	"redeem":                     withRegistration(nil),
	"redeem-exhausted":           withRegistration(func(f *fixture, token string) { drain(f, token, 3) }),
	"redeem-expired":             withRegistration(func(f *fixture, _ string) { f.advance(9 * 24 * time.Hour) }),
	"internal-error-500":         withRegistration(func(f *fixture, _ string) { must(f, f.FailNext(emulator.ClassRedeem, 1, 500)) }),
	"throttled-429":              withRegistration(func(f *fixture, _ string) { must(f, f.FailNext(emulator.ClassRedeem, 1, 429)) }),
	"refresh-oidc":               withAuthToken(nil),
	"refresh-oidc-invalid-grant": withAuthToken(func(f *fixture, g grant) { f.DeleteAuthToken(g.ID) }),
	"refresh-oidc-reused":        withAuthToken(func(f *fixture, g grant) { f.refresh(g.RefreshToken).want(f.t, http.StatusOK) }),
	"refresh-tms":                withAuthToken(nil),
	"auth-token-list":            withAuthToken(nil),
	"auth-token-delete":          withAuthToken(nil),
}

func must(f *fixture, err error) {
	if err != nil {
		f.t.Fatal(err)
	}
}

func bearer(f *fixture) string { return strings.TrimPrefix(f.admin(), "Bearer ") }

// register makes the registration token of the exchanges, through the golden
// request that does so.
func register(f *fixture) (id, token string) {
	x := load(f.t, "registration-token-create")
	r := f.send(x.read(f.t, map[string]string{"host": host, "admin_token": bearer(f)}))
	r.want(f.t, http.StatusCreated)
	var got struct {
		RegistrationToken struct{ ID, Token string }
	}
	must(f, json.Unmarshal([]byte(r.body), &got))
	return got.RegistrationToken.ID, got.RegistrationToken.Token
}

func drain(f *fixture, token string, n int) {
	for i := range n {
		f.redeem(token, fmt.Sprint(i)).want(f.t, http.StatusCreated)
	}
}

func withRegistration(then func(*fixture, string)) func(*fixture) map[string]string {
	return func(f *fixture) map[string]string {
		_, token := register(f)
		if then != nil {
			then(f, token)
		}
		return map[string]string{"registration_token": token}
	}
}

func withRedemption(f *fixture) map[string]string {
	id, token := register(f)
	drain(f, token, 1)
	return map[string]string{"admin_token": bearer(f), "id": id, "registration_token": token}
}

func withAuthToken(then func(*fixture, grant)) func(*fixture) map[string]string {
	return func(f *fixture) map[string]string {
		_, token := register(f)
		r := f.send(load(f.t, "redeem").read(f.t, map[string]string{"host": host, "registration_token": token}))
		g := r.grant(f.t, http.StatusCreated)
		if then != nil {
			then(f, g)
		}
		return map[string]string{"admin_token": bearer(f), "id": g.ID, "old_refresh_token": g.RefreshToken}
	}
}

// TestGolden sends the request of each golden exchange, and holds the answer
// against the golden one.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob(exchanges + "/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no exchanges in %s: %v", exchanges, err)
	}
	if len(files) != len(prepare) {
		t.Errorf("%d exchanges, and preparations for %d", len(files), len(prepare))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			ready, ok := prepare[name]
			if !ok {
				t.Fatal("nothing says what must be true before this call")
			}
			f := newFixture(t, emulator.Knobs{Dialect: emulator.First})
			values := map[string]string{"host": host}
			maps.Copy(values, ready(f))
			x := load(t, name)
			x.compare(t, f.send(x.read(t, values)), values)
		})
	}
}

// variants are the exchanges of the forms that the emulator can be set to.
var variants = map[string]emulator.Forms{
	"redeem-bare":              {Reply: "bare"},
	"redeem-request-bare":      {},
	"redeem-camel":             {AccessToken: "accessToken"},
	"redeem-token":             {AccessToken: "token"},
	"redeem-basic-encoded":     {Authorization: "basic_encoded"},
	"redeem-bearer":            {Authorization: "bearer"},
	"refresh-tms-bare":         {Reply: "bare", Refresh: "tms"},
	"refresh-tms-registration": {Refresh: "tms_registration"},
}

// TestVariants is TestGolden for them.
func TestVariants(t *testing.T) {
	for name, forms := range variants {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, emulator.Knobs{})
			_, token := register(f)
			values := map[string]string{"host": host, "registration_token": token, "registration_token_encoded": base64.StdEncoding.EncodeToString([]byte(token))}
			if strings.HasPrefix(name, "refresh") {
				g := f.send(load(t, "redeem").read(t, values)).grant(t, http.StatusCreated)
				values["id"], values["old_refresh_token"] = g.ID, g.RefreshToken
			}
			must(f, f.SetKnobs(emulator.Knobs{Forms: forms}))
			x := load(t, "../variants/"+name)
			x.compare(t, f.send(x.read(t, values)), values)
		})
	}
}

// TestRefreshModeIsExclusive: who is set to one way has no other.
func TestRefreshModeIsExclusive(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	_, token := register(f)
	g := f.send(load(t, "redeem").read(t, map[string]string{"host": host, "registration_token": token})).grant(t, http.StatusCreated)
	oidc, byToken, byRegistration := "refresh-oidc", "refresh-tms", "../variants/refresh-tms-registration"
	for way, want := range map[string]map[string]int{
		"oidc":             {oidc: 200, byToken: 405, byRegistration: 405},
		"tms":              {oidc: 400, byToken: 200, byRegistration: 401},
		"tms_registration": {oidc: 400, byToken: 401, byRegistration: 200},
		"any":              {oidc: 200, byToken: 200, byRegistration: 200},
		"none":             {oidc: 400, byToken: 401, byRegistration: 401},
	} {
		for name, status := range want {
			must(f, f.SetKnobs(emulator.Knobs{Rotation: emulator.RotationOmit, Forms: emulator.Forms{Refresh: way}}))
			r := f.send(load(t, name).read(t, map[string]string{
				"host": host, "id": g.ID, "old_refresh_token": g.RefreshToken, "registration_token": token,
			}))
			if r.status != status {
				t.Errorf("set to %s, %s: got %d, want %d", way, name, r.status, status)
			}
		}
	}
	if err := f.SetKnobs(emulator.Knobs{Forms: emulator.Forms{Refresh: "saml"}}); err == nil {
		t.Error("a form that there is not was taken")
	}
}

// exchange is one golden file.
type exchange struct{ request, response string }

func load(t tester, name string) exchange {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join(exchanges, name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Files) != 2 || a.Files[0].Name != "request" || a.Files[1].Name != "response" || len(a.Comment) == 0 {
		t.Fatalf("%s: want a comment, a request and a response", name)
	}
	return exchange{string(a.Files[0].Data), string(a.Files[1].Data)}
}

// fill puts in the values that are known.
func fill(text string, values map[string]string) string {
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		if v, ok := values[p[2:len(p)-2]]; ok {
			return v
		}
		return p
	})
}

// framed adds the Content-Length that the files leave out.
func framed(text string) string {
	head, body, _ := strings.Cut(text, "\n\n")
	body = strings.TrimSuffix(body, "\n")
	return fmt.Sprintf("%s\nContent-Length: %d\n\n%s", head, len(body), body)
}

func (x exchange) read(t tester, values map[string]string) *http.Request {
	t.Helper()
	text := fill(x.request, values)
	if left := placeholder.FindString(text); left != "" {
		t.Fatalf("nothing is known of %s", left)
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(framed(text))))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (x exchange) compare(t *testing.T, got reply, values map[string]string) {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(framed(fill(x.response, values)))), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	want, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	got.want(t, r.StatusCode)
	r.Header.Del("Content-Length")
	for name := range r.Header {
		if got.header.Get(name) != r.Header.Get(name) {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), r.Header.Get(name))
		}
	}
	gotBody := parse(t, got.body)
	if diff := cmp.Diff(gotBody, adopt(gotBody, parse(t, string(want)))); diff != "" {
		t.Errorf("body (-got +want):\n%s", diff)
	}
}

// parse reads JSON; no body is nil.
func parse(t tester, body string) (v any) {
	t.Helper()
	if body == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return v
}

// adopt puts what was got where want has a placeholder, if it is text that is
// not empty.
func adopt(got, want any) any {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for k := range w {
			w[k] = adopt(g[k], w[k])
		}
	case []any:
		g, _ := got.([]any)
		for i := range min(len(g), len(w)) {
			w[i] = adopt(g[i], w[i])
		}
	case string:
		if g, ok := got.(string); ok && g != "" && placeholder.FindString(w) == w && w != "" {
			return g
		}
	}
	return want
}
