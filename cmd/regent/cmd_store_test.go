package main

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/ipc/api"
)

func TestStoreStatus(t *testing.T) {
	daemon := &fakeDaemon{store: api.Store{
		State: "unreadable", Protection: "file", Detail: "a file", Reason: "1 of the sealed records cannot be read", Binding: "off", Records: 6,
		Damaged: []api.StoreDamage{{Record: "a", Path: "/var/lib/regent/records/r-a.rec", Why: "it was altered"}}, Ledger: "ok",
		LastOperation: &api.StoreOperation{Verb: "rekey", Done: true},
	}}
	got := cliRun{daemon: daemon}.run(t, "store", "status")
	want := `State    unreadable
Key      file
         a file
Why      1 of the sealed records cannot be read
Records  6 can be read, 1 cannot
         /var/lib/regent/records/r-a.rec: it was altered
Ledger   ok
Binding  off: this device has too few facts to notice a copy, for example in a container
Last     rekey, done: true
`
	if diff := cmp.Diff(got, result{0, want, ""}); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
	if got := (cliRun{daemon: daemon}).run(t, "store", "verify"); got.Code != 1 || !strings.Contains(got.Err, "store_unreadable") {
		t.Errorf("verify of a damaged store: got %+v", got)
	}
	if got := (cliRun{daemon: daemon}).run(t, "store", "status", "--json"); !strings.Contains(got.Out, `"state": "unreadable"`) {
		t.Errorf("JSON: got %+v", got)
	}
}

func TestStoreChangeNamesTheCost(t *testing.T) {
	plan := api.Store{State: "unreadable", Verb: "recover", Counts: 2, Effect: "sets 2 damaged records aside.", ID: "deed-1"}
	daemon := &fakeDaemon{store: plan}
	got := cliRun{daemon: daemon}.run(t, "store", "recover")
	want := "This sets 2 damaged records aside.\nIt costs at most 2 counts.\nNothing was changed. To do it, add --yes.\n"
	if diff := cmp.Diff(got, result{0, want, ""}); diff != "" || !slices.Equal(daemon.requests, []any{"recover false"}) {
		t.Errorf("asked %v, -got +want:\n%s", daemon.requests, diff)
	}
	for _, tt := range []struct {
		name string
		last api.StoreOperation
		code int
		says string
	}{
		{"done", api.StoreOperation{ID: "deed-1", Done: true, SetAside: []string{"/x.corrupt-1"}}, 0, "Renamed to /x.corrupt-1\nDone.\n"},
		{"failed", api.StoreOperation{ID: "deed-1", Failure: "the disk is full"}, 1, "the disk is full"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				older := api.Store{LastOperation: &api.StoreOperation{ID: "deed-0", Done: true}}
				daemon := &fakeDaemon{store: plan, stores: []api.Store{{}, older, {LastOperation: &tt.last}}}
				got := cliRun{daemon: daemon}.run(t, "store", "recover", "--yes")
				if got.Code != tt.code || !strings.Contains(got.Out+got.Err, tt.says) {
					t.Errorf("got %+v, want code %d and %q", got, tt.code, tt.says)
				}
			})
		})
	}
	refused := &fakeDaemon{err: fault.Errorf("rekey", fault.InvalidRequest, "the store is damaged")}
	if got := (cliRun{daemon: refused}).run(t, "store", "rekey", "--yes"); got.Code != 2 || got.Out != "" {
		t.Errorf("refused: got %+v", got)
	}
}

func TestFailedDrill(t *testing.T) {
	step := api.StoreStep{Name: "the data key is lost", State: "missing", Message: "put it back", Counts: 3, Passed: true}
	good := &fakeDaemon{store: api.Store{State: "ok", Effect: "Rehearsed.", Steps: []api.StoreStep{step}}}
	if got := (cliRun{daemon: good}).run(t, "store", "drill"); got.Code != 0 || !strings.Contains(got.Out, "If the data key is lost: missing, costs up to 3 counts (as expected)") {
		t.Errorf("got %+v", got)
	}
	step.State, step.Passed = "ok", false
	bad := &fakeDaemon{store: api.Store{State: "ok", Steps: []api.StoreStep{step}}}
	if got := (cliRun{daemon: bad}).run(t, "store", "drill"); got.Code != 1 || !strings.Contains(got.Out, "NOT AS EXPECTED") {
		t.Errorf("got %+v", got)
	}
}

func TestUnregister(t *testing.T) {
	daemon := &fakeDaemon{store: api.Store{Wiped: []api.WipedToken{{Instance: "cad/1", Tenant: "demo-host.com", Identifier: "regent-1", AuthTokenID: "7"}}}}
	if got := (cliRun{daemon: daemon}).run(t, "unregister"); got.Code != 2 || len(daemon.requests) != 0 {
		t.Errorf("without --yes: got %+v, asked %v", got, daemon.requests)
	}
	got := cliRun{daemon: daemon}.run(t, "unregister", "--yes")
	want := `Deleted from this device. The Contact Administrator can delete at the service:
INSTANCE  TENANT         IDENTIFIER  AUTH TOKEN
cad/1     demo-host.com  regent-1    7
`
	if diff := cmp.Diff(got, result{0, want, ""}); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
	synctest.Test(t, func(t *testing.T) {
		daemon := &fakeDaemon{store: api.Store{ID: "deed-1"}, stores: []api.Store{{}, {LastOperation: &api.StoreOperation{ID: "deed-1", Failure: "the disk takes no writes"}}}}
		if got := (cliRun{daemon: daemon}).run(t, "unregister", "--yes"); got.Code != 1 || !strings.Contains(got.Err, "the disk takes no writes") {
			t.Errorf("what is sealed stays: got %+v", got)
		}
	})
	daemon.store.Wiped = append(daemon.store.Wiped, api.WipedToken{Instance: "cad/2", Tenant: "demo-host.com", Identifier: "regent-2", Uncertain: true})
	want += `These redemptions may have used a count. The Contact Administrator finds the
identifiers with tmsctl auth-token list, and can delete their auth tokens:
INSTANCE  TENANT         IDENTIFIER
cad/2     demo-host.com  regent-2
`
	if got := (cliRun{daemon: daemon}).run(t, "unregister", "--yes"); got.Out != want {
		t.Errorf("uncertain: got %+v, want %q", got, want)
	}
	daemon.store.Wiped = nil
	if got := (cliRun{daemon: daemon}).run(t, "unregister", "--yes"); !strings.Contains(got.Out, "cannot list them") {
		t.Errorf("of an unreadable store: got %+v", got)
	}
	daemon.store.State = "ok"
	if got := (cliRun{daemon: daemon}).run(t, "unregister", "--yes"); !strings.Contains(got.Out, "There was no auth token.") {
		t.Errorf("of an empty store: got %+v", got)
	}
}
