package main

import (
	"context"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"regent/agent/tms"
	"regent/agent/tms/emulator"
	"regent/agent/token"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"tmsctl": main}) }

// TestScripts runs the stories: the real program against an emulator of its own
// for each, over TLS. $WORK/ca.pem, $WORK/password and $WORK/client-secret are
// there; $TMSCTL_TENANT is set.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: startService,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"issue":  issue,
			"redeem": redeem,
			"fail":   fail,
			"mode":   mode,
			"pipe":   pipe,
		},
	})
}

type serviceKey struct{}

// service is the emulator of one story.
type service struct {
	*emulator.Emulator
	url string
	ca  []byte
}

func startService(env *testscript.Env) error {
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		return err
	}
	s := httptest.NewUnstartedServer(e)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	env.Defer(s.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	env.Values[serviceKey{}] = service{e, s.URL, ca}
	env.Setenv("TMSCTL_TENANT", s.URL)
	cred := e.Credentials()
	for name, content := range map[string]string{
		"ca.pem": string(ca), "password": cred.Password + "\n", "client-secret": cred.ClientSecret,
	} {
		if err := os.WriteFile(env.WorkDir+"/"+name, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// issue NAME COUNT AGO: a registration token that was made so many days ago.
func issue(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(serviceKey{}).(service)
	days := number(ts, args[2])
	ts.Check(s.SetKnobs(emulator.Knobs{ClockOffset: -time.Duration(days) * 24 * time.Hour}))
	registration, err := s.IssueRegistrationToken(args[0], number(ts, args[1]))
	ts.Check(err)
	ts.Check(s.SetKnobs(emulator.Knobs{}))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(registration), 0o600))
}

// redeem FILE HOST: a device redeems the registration token in the file.
func redeem(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(serviceKey{}).(service)
	c, err := tms.New(tms.Options{Tenant: s.url, ExtraCA: s.ca, Proxy: "none", Now: time.Now})
	ts.Check(err)
	defer c.Close()
	registration := token.NewSecret(ts.ReadFile(args[0]))
	_, err = c.Redeem(context.Background(), registration, tms.Request{
		Identifier: "regent-" + args[1], FQDN: args[1], UserName: "regent", MAC: "02:00:5e:10:00:01", RefID1: "cad/1", RefID2: "here",
	})
	ts.Check(err)
}

// fail CLASS STATUS: the next request of this class fails; status 0 drops it
// after it was done.
func fail(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(serviceKey{}).(service)
	status := number(ts, args[1])
	ts.Check(s.AddFault(emulator.Fault{Class: emulator.Class(args[0]), Count: 1, Status: status, AfterCommit: status == 0}))
}

// mode FILE PERM: the file has this mode.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}
