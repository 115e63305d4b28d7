package server

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"regent/agent"
	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/token"
	"regent/ipc/api"
)

// FuzzBodies: every call's body is read whole or refused, means the same when it
// is written again, and no refusal shows a value of it.
func FuzzBodies(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, into := range []any{new(api.RegistrationRequest), new(api.InvalidateRequest), new(api.Resolution), new(api.StoreRequest)} {
			err := decodeFault(b, into)
			if err != nil {
				shows := strings.Contains(err.Error(), "canary") && !strings.Contains(err.Error(), "unknown field") // a name is no value
				if fault.KindOf(err) != fault.InvalidRequest || shows {
					t.Errorf("%T: %v", into, err)
				}
				continue
			}
			written, err := json.Marshal(into)
			if err != nil {
				t.Fatal(err)
			}
			again := reflect.New(reflect.TypeOf(into).Elem()).Interface()
			if err := decodeStrict(written, again); err != nil || !reflect.DeepEqual(again, into) {
				t.Errorf("%+v became %+v, %v", into, again, err)
			}
		}
	})
}

// FuzzRegistration: what comes to the agent as a registration has a token, a
// source that fits into one line of the log, and bounds; no refusal shows the
// token.
func FuzzRegistration(f *testing.F) {
	by := agent.Caller{Caller: authz.Caller{UID: "0", User: "root"}}
	f.Fuzz(func(t *testing.T, secret, application, source string, wait int64) {
		r, err := registration(api.RegistrationRequest{RegistrationToken: secret, Application: application, Source: source, Wait: wait}, by)
		if err != nil {
			if fault.KindOf(err) != fault.InvalidRequest || strings.Contains(err.Error(), "canary") && !strings.Contains(application+source, "canary") {
				t.Errorf("refused with %v", err)
			}
			return
		}
		if r.Token.IsZero() || r.Wait < 0 || r.Wait > maxWait || strings.ContainsAny(r.Source, "\r\n\x1b") || len(r.Source) > maxSource+100 {
			t.Errorf("accepted %+v", r)
		}
		if application != "" && token.CheckApplication(application) != nil {
			t.Errorf("accepted the application %q", application)
		}
	})
}
