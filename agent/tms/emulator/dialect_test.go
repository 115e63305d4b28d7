package emulator_test

import (
	"errors"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"regent/agent/tms/emulator"
)

// rows are what must be true before each exchange of testdata/dialects. Each of
// them is there for each dialect.
var rows = map[string]func(*fixture) map[string]string{
	"registration-token-create":            prepare["registration-token-create"],
	"registration-token-create-other-form": prepare["registration-token-create"],
	"registration-token-list":              withRedemption,
	"registration-token-list-empty":        withRedemption,
	"registration-token-list-beyond":       withRedemption,
	"registration-token-show":              withRedemption,
	"registration-token-disable":           withRedemption,
	"registration-token-enable-other-word": withRedemption,
	"registration-token-delete":            withRedemption,
	"redeem":                               prepare["redeem"],
	"redeem-other-form":                    prepare["redeem"],
	"redeem-expired":                       prepare["redeem-expired"],
	"auth-token-list":                      withAuthToken(nil),
	"auth-token-list-empty":                withAuthToken(nil),
	"auth-token-show":                      withAuthToken(nil),
	"auth-token-delete":                    withAuthToken(nil),
	"auth-token-refresh":                   withAuthToken(nil),
}

// TestDialects plays the golden exchanges of each row of the contract's table in
// each dialect. What is refused uses no count.
func TestDialects(t *testing.T) {
	for _, d := range emulator.Dialects() {
		dir := "../dialects/" + string(d) + "/"
		files, err := filepath.Glob(exchanges + "/" + dir + "*.txtar")
		if err != nil || len(files) != len(rows) {
			t.Errorf("%s: %d exchanges, and preparations for %d: %v", d, len(files), len(rows), err)
		}
		for name, ready := range rows {
			t.Run(string(d)+"/"+name, func(t *testing.T) {
				f := newFixture(t, emulator.Knobs{Dialect: d})
				values := map[string]string{"host": host}
				maps.Copy(values, ready(f))
				must(f, f.SetKnobs(emulator.Knobs{Dialect: d, RequestBody: emulator.BodyStrict}))
				before := f.State().Redeemed
				x := load(t, dir+name)
				got := f.send(x.read(t, values))
				x.compare(t, got, values)
				if used := f.State().Redeemed - before; used > 0 && got.status != http.StatusCreated {
					t.Errorf("%d counts were used", used)
				}
			})
		}
	}
}

// TestRequestBodies: what becomes of a body that is bare or wrapped, in each dialect.
func TestRequestBodies(t *testing.T) {
	bare := `{"identifier":"a","fqdn":"ws"}`
	wrapped := `{"authToken":` + bare + `}`
	for _, d := range emulator.Dialects() {
		own, other := wrapped, bare
		if d == emulator.First {
			own, other = bare, wrapped
		}
		for _, tt := range []struct {
			mode        emulator.RequestBody
			body        string
			status      int
			attribution string
		}{
			{emulator.BodyStrict, own, 201, "ws"},
			{emulator.BodyStrict, other, 400, ""},
			{emulator.BodyEither, own, 201, "ws"},
			{emulator.BodyEither, other, 201, "ws"},
			{emulator.BodyLenient, own, 201, "ws"},
			{emulator.BodyLenient, other, 201, ""},
		} {
			f := newFixture(t, emulator.Knobs{Dialect: d, RequestBody: tt.mode})
			r := f.call("POST", "/authTokens", "Basic "+f.issue(1), tt.body)
			r.want(t, tt.status)
			made := f.State().AuthTokens
			if (len(made) == 1) != (tt.status == http.StatusCreated) {
				t.Fatalf("%s %s %s: %d auth tokens", d, tt.mode, tt.body, len(made))
			}
			if len(made) == 0 {
				continue
			}
			shown := f.call("GET", "/authTokens/"+made[0].ID, f.admin(), "").body
			if strings.Contains(shown, `"fqdn":"ws"`) != (tt.attribution != "") {
				t.Errorf("%s %s %s: shows %s", d, tt.mode, tt.body, shown)
			}
			if strings.Contains(r.body, `"identifier"`) != (tt.attribution != "") {
				t.Errorf("%s %s %s: answers %s", d, tt.mode, tt.body, r.body)
			}
		}
	}
}

// TestEmptyMembersRefused: the family refuses an empty member, and a reference that is no object.
func TestEmptyMembersRefused(t *testing.T) {
	f := newFixture(t, emulator.Knobs{RequestBody: emulator.BodyStrict})
	for member, status := range map[string]int{
		`"customer":""`: 400, `"customer":"ACME"`: 400, `"refId1":""`: 400, `"customer":{"id":"7"}`: 201, `"refId1":"a"`: 201,
		`"expirationDate":{"neverExpires":true}`: 400, `"expirationDate":{"neverExpires":false,"endDate":"2026-12-02"}`: 201,
	} {
		body := `{"registrationToken":{"identifier":"r","count":1,"expirationDate":"2026-12-01",` + member + `}}`
		if r := f.call("POST", "/registrationTokens", f.admin(), body); r.status != status {
			t.Errorf("%s: %d %s, want %d", member, r.status, r.body, status)
		}
	}
}

// TestErrorShapes: an error of the service has each shape that is asked for, by turns
// too; one of the identity provider has its own.
func TestErrorShapes(t *testing.T) {
	const code, text = `"NOT_FOUND"`, `"There is nothing with this id."`
	want := map[string]string{
		"errorCode":    `{"errorCode":` + code + `,"errorMessage":` + text + `}`,
		"message":      `{"errorCode":` + code + `,"message":` + text + `}`,
		"code":         `{"code":` + code + `,"message":` + text + `}`,
		"error":        `{"error":{"code":` + code + `,"message":` + text + `}}`,
		"errors":       `{"errors":[{"code":` + code + `,"message":` + text + `}]}`,
		"errors_error": `{"errors":{"error":[{"code":` + code + `,"message":` + text + `}]}}`,
		"oauth":        `{"error":` + code + `,"error_description":` + text + `}`,
	}
	f := newFixture(t, emulator.Knobs{})
	said := func(shape string) string {
		must(f, f.SetKnobs(emulator.Knobs{ErrorShape: shape}))
		return f.call("GET", "/registrationTokens/none", f.admin(), "").body
	}
	for _, shape := range emulator.ErrorShapes() {
		if got := said(shape); got != want[shape] {
			t.Errorf("%s: %s, want %s", shape, got, want[shape])
		}
	}
	var turns []string
	for range emulator.ErrorShapes() {
		turns = append(turns, said(emulator.ErrorRotate))
	}
	slices.Sort(turns)
	if diff := cmp.Diff(turns, slices.Sorted(maps.Values(want))); diff != "" {
		t.Errorf("by turns (-got +want):\n%s", diff)
	}
	if got := f.refresh("x").code(); got != "invalid_grant" {
		t.Errorf("the identity provider says %s", got)
	}
}

// TestPages: the family's page is short, whatever was asked for. The knob makes it
// longer or shorter.
func TestPages(t *testing.T) {
	for _, tt := range []struct {
		knobs emulator.Knobs
		query string
		want  int
	}{
		{emulator.Knobs{}, "", 2},
		{emulator.Knobs{}, "?pageSize=100", 2},
		{emulator.Knobs{}, "?pageSize=1", 1},
		{emulator.Knobs{PageSize: 3}, "", 3},
		{emulator.Knobs{PageSize: 3}, "?pageSize=100&pageStartIndex=4", 1},
		{emulator.Knobs{Dialect: emulator.First}, "", 5},
		{emulator.Knobs{Dialect: emulator.First, PageSize: 2}, "?pageStart=1&pageSize=100", 2},
	} {
		f := newFixture(t, tt.knobs)
		for range 5 {
			f.issue(1)
		}
		got, total := f.list("/registrationTokens" + tt.query)
		if len(got) != tt.want || total != 5 {
			t.Errorf("%+v %s: %d rows of %d, want %d of 5", tt.knobs, tt.query, len(got), total, tt.want)
		}
	}
	f := newFixture(t, emulator.Knobs{})
	f.call("GET", "/authTokens?pageStart=0", f.admin(), "").want(t, http.StatusBadRequest)
}

// TestOneUser: with one user for each registration token, disabling or deleting it
// ends all its sessions for good, and none of another; else it ends none.
func TestOneUser(t *testing.T) {
	for _, one := range []bool{false, true} {
		for _, end := range []string{"disable", "delete"} {
			f := newFixture(t, emulator.Knobs{OneUser: one, Rotation: emulator.RotationOmit})
			token, another := f.issue(2), f.issue(1)
			a := f.redeem(token, "a").grant(t, http.StatusCreated)
			b := f.redeem(token, "b").grant(t, http.StatusCreated)
			c := f.redeem(another, "c").grant(t, http.StatusCreated)
			path := "/registrationTokens/" + f.State().RegistrationTokens[0].ID
			if end == "delete" {
				f.call("DELETE", path, f.admin(), "").want(t, http.StatusNoContent)
			} else {
				f.call("PATCH", path, f.admin(), `{"registrationToken":{"state":"DISABLE"}}`).want(t, http.StatusOK)
				f.call("PATCH", path, f.admin(), `{"registrationToken":{"state":"ENABLE"}}`).want(t, http.StatusOK)
			}
			want := http.StatusOK
			if one {
				want = http.StatusBadRequest
			}
			f.refresh(a.RefreshToken).want(t, want)
			f.refresh(b.RefreshToken).want(t, want)
			f.refresh(c.RefreshToken).want(t, http.StatusOK)
			if got := f.State().AuthTokens[0].Ended; got != one {
				t.Errorf("one user %t, %s: ended is %t", one, end, got)
			}
		}
	}
}

// TestCountDelta: a changed count may be one to add.
func TestCountDelta(t *testing.T) {
	for delta, want := range map[bool]int{false: 5, true: 8} {
		f := newFixture(t, emulator.Knobs{CountDelta: delta})
		f.issue(3)
		path := "/registrationTokens/" + f.State().RegistrationTokens[0].ID
		f.call("PATCH", path, f.admin(), `{"registrationToken":{"count":5}}`).want(t, http.StatusOK)
		if got := f.State().RegistrationTokens[0].Count; got != want {
			t.Errorf("delta %t: count %d, want %d", delta, got, want)
		}
	}
}

// TestDialectKnobs: words that there are not are refused.
func TestDialectKnobs(t *testing.T) {
	for _, k := range []emulator.Knobs{{Dialect: "second"}, {RequestBody: "any"}, {ErrorShape: "xml"}, {PageSize: -1}, {PageSize: 1001}} {
		if _, err := emulator.New(emulator.Options{Knobs: k}); err == nil {
			t.Errorf("%+v was taken", k)
		}
	}
}

// TestOlderDataFile: a data file of an emulator that knew one dialect is read, and
// its auth token is refreshed and listed in each dialect.
func TestOlderDataFile(t *testing.T) {
	for _, d := range emulator.Dialects() {
		path := filepath.Join(t.TempDir(), "data")
		db, err := bolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bolt.Tx) error {
			for bucket, row := range map[string]string{
				"registration-tokens": `{"Registration":{"id":"K","identifier":"fleet","token":"dTpw","count":3,"usedCount":1,"expirationDate":"2026-12-01","status":"ENABLED","refId1":"","refId2":"","customer":"Example GmbH","creationDate":"2026-11-23T08:00:00Z"},"Seq":1,"Version":2}`,
				"auth-tokens":         `{"AuthToken":{"id":"K","identifier":"a","fqdn":"ws","systemUserName":"","macAddress":"","refId1":"","refId2":"","registrationToken":"fleet","creationDate":"2026-11-23T08:00:00Z"},"Seq":2,"Refreshes":0,"Registration":"K","Session":"K"}`,
				"sessions":            `{"Subject":"K","Client":"ems-scl-public-client","AuthToken":"K","Current":"K.C","Previous":"","Uses":0,"Created":"2026-11-23T08:00:00Z","Used":"2026-11-23T08:00:00Z","Rotated":"0001-01-01T00:00:00Z","Revoked":false}`,
			} {
				b, err := tx.CreateBucket([]byte(bucket))
				if err != nil {
					return err
				}
				if err := b.Put([]byte("K"), []byte(row)); err != nil {
					return err
				}
			}
			return nil
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		f := restarted(t, path, emulator.Knobs{Dialect: d})
		f.refresh("K.C").want(t, http.StatusOK)
		for _, list := range []string{"/registrationTokens", "/authTokens"} {
			r := f.call("GET", list, f.admin(), "")
			r.want(t, http.StatusOK)
			if !strings.Contains(r.body, `"fleet"`) || list == "/registrationTokens" && !strings.Contains(r.body, "Example GmbH") {
				t.Errorf("%s: %s is %s", d, list, r.body)
			}
		}
	}
}
