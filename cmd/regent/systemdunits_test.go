package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/doctor"
	"regent/agent/status"
	"regent/ipc/client"
	"regent/platform/localsock"
)

func TestDiagnoseUnits(t *testing.T) {
	daemon := func(active, result string, exit int) doctor.Unit {
		return doctor.Unit{Name: doctor.DaemonUnit, Active: active, Result: result, Exit: exit}
	}
	sealed := doctor.Unit{Name: doctor.KeyUnit, Active: "inactive", Result: "success", Exit: 0}
	tests := []struct {
		name  string
		units []doctor.Unit
		want  string // in the summary; "" is no reason
		store string
	}{
		{"not installed", nil, "", ""},
		{"runs", []doctor.Unit{daemon("active", "success", 0), sealed}, "", ""},
		{"starts", []doctor.Unit{daemon("activating", "success", 0), sealed}, "", ""},
		{"stopped by a person", []doctor.Unit{daemon("inactive", "success", 0), sealed}, "systemctl start regentd", "unknown"},
		{"credential does not open", []doctor.Unit{daemon("activating", "exit-code", 243), sealed}, "locked: systemd cannot unseal", "locked"},
		{"credential does not open, given up", []doctor.Unit{daemon("failed", "exit-code", 243)}, "243/CREDENTIALS", "locked"},
		{"key was not made", []doctor.Unit{daemon("inactive", "success", 0), {Name: doctor.KeyUnit, Active: "failed", Result: "exit-code", Exit: 1}}, "journalctl -u regentd-key.service", "locked"},
		{"masked", []doctor.Unit{daemon("masked", "success", 0), sealed}, "sudo systemctl unmask regentd.service && sudo systemctl enable --now regentd.service", "unknown"},
		{"its socket is masked", []doctor.Unit{daemon("inactive", "success", 0), sealed, {Name: socketUnit, Active: "masked", Result: "success", Exit: 0}}, "systemctl unmask regentd.socket", "unknown"},
		{"another machine-id", []doctor.Unit{{Name: doctor.DaemonUnit, Active: "failed", Result: "exit-code", Exit: 243, OtherMachine: true}}, "the machine-id of this device was changed", "locked"},
		{"configuration", []doctor.Unit{daemon("failed", "exit-code", 2), sealed}, "regentd check-config", "unknown"},
		{"watchdog", []doctor.Unit{daemon("activating", "watchdog", 2), sealed}, "watchdog", "unknown"},
		{"crashed", []doctor.Unit{daemon("failed", "signal", 6), sealed}, "signal, exit status 6", "unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, found := diagnoseUnits(tt.units)
			if found != (tt.want != "") || !strings.Contains(got.Summary, tt.want) || got.Store.State != tt.store {
				t.Errorf("got %q, store %q, %t, want %q in it, store %q", got.Summary, got.Store.State, found, tt.want, tt.store)
			}
			if found && got.Health != status.NotServing {
				t.Errorf("health %s", got.Health)
			}
		})
	}
}

func TestParseUnits(t *testing.T) {
	text := "ExecMainStatus=243\nId=regentd.service\nLoadState=loaded\nActiveState=activating\nResult=exit-code\n\n" +
		"ExecMainStatus=\nId=other.service\nLoadState=not-found\nActiveState=inactive\nResult=success\n\n" +
		"Id=regentd.socket\nLoadState=masked\nActiveState=inactive\nResult=success\n\n" +
		"Id=running.service\nLoadState=masked\nActiveState=active\nResult=success\n\n" +
		"ExecMainStatus=x\nId=regentd-key.service\nLoadState=loaded\nActiveState=failed\nResult=exit-code\nStray\n"
	want := []doctor.Unit{{Name: doctor.DaemonUnit, Active: "activating", Result: "exit-code", Exit: 243}, {Name: socketUnit, Active: "masked", Result: "success", Exit: 0}, {Name: "running.service", Active: "active", Result: "success", Exit: 0}, {Name: doctor.KeyUnit, Active: "failed", Result: "exit-code", Exit: 0}}
	if diff := cmp.Diff(parseUnits([]byte(text)), want); diff != "" {
		t.Errorf("units (-got +want):\n%s", diff)
	}
	if got := parseUnits(nil); got != nil {
		t.Errorf("no text: got %v", got)
	}
}

// statusOf asks a daemon at the installed socket, and its service manager.
func statusOf(t *testing.T, daemon agent, inquire unitQuery) (status.Status, error) {
	c := cli{runtimeEnv{dial: func(string) agent { return daemon }, queryUnits: inquire}, localsock.DefaultPath}
	return c.statusOrUnits(t.Context())
}

// A daemon that cannot start leaves its clients waiting at the socket: the
// answer comes after 2 s and not after the patience of a call.
func TestStatusInquiresWhereNoAnswerComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cannot := func(context.Context) ([]doctor.Unit, error) {
			return []doctor.Unit{{Name: doctor.DaemonUnit, Active: "activating", Result: "exit-code", Exit: 243}}, nil
		}
		begun := time.Now()
		st, err := statusOf(t, &fakeDaemon{silent: true}, cannot)
		if err != nil || st.Store.State != "locked" || time.Since(begun) != slowAfter {
			t.Errorf("got %+v, %v after %s", st.Store, err, time.Since(begun))
		}
	})
}

// One that is only slow, or of which nothing is known, is waited for.
func TestStatusWaitsForASlowDaemon(t *testing.T) {
	for name, inquire := range map[string]unitQuery{
		"runs": func(context.Context) ([]doctor.Unit, error) {
			return []doctor.Unit{{Name: doctor.DaemonUnit, Active: "active", Result: "success", Exit: 0}}, nil
		},
		"unknown": func(context.Context) ([]doctor.Unit, error) { return nil, errors.New("no systemd") },
		"no one":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				_, err := statusOf(t, &fakeDaemon{silent: true}, inquire)
				if !errors.Is(err, client.ErrNotReachable) || time.Since(begun) != callTimeout {
					t.Errorf("got %v after %s, want %s", err, time.Since(begun), callTimeout)
				}
			})
		})
	}
}

// One that is being started when it is late, and then does not come up.
func TestStatusInquiresAgainAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		fails := func(context.Context) ([]doctor.Unit, error) {
			if asked++; asked == 1 {
				return []doctor.Unit{{Name: doctor.DaemonUnit, Active: "activating", Result: "success", Exit: 0}}, nil
			}
			return []doctor.Unit{{Name: doctor.DaemonUnit, Active: "failed", Result: "exit-code", Exit: exitUsage}}, nil
		}
		st, err := statusOf(t, &fakeDaemon{silent: true}, fails)
		if err != nil || !strings.Contains(st.Summary, "check-config") || asked != 2 {
			t.Errorf("got %q, %v after %d inquiries, want the configuration's after 2", st.Summary, err, asked)
		}
	})
}

func TestStatusOfARunningDaemonAsksNobodyElse(t *testing.T) {
	inquire := func(context.Context) ([]doctor.Unit, error) {
		t.Error("the service manager was asked")
		return nil, nil
	}
	st, err := statusOf(t, &fakeDaemon{status: status.Status{Health: status.Serving}}, inquire)
	if err != nil || st.Health != status.Serving {
		t.Errorf("got %v, %v", st.Health, err)
	}
}
