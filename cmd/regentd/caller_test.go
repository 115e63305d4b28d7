package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"regent/agent/authz"
	"regent/platform/peer"
)

func TestIsAdministrator(t *testing.T) {
	for _, tt := range []struct {
		name   string
		caller authz.Caller
		own    string
		want   bool
	}{
		{"root", authz.Caller{UID: peer.Superusers()[0]}, "", true},
		{"operator", authz.Caller{UID: "1000", Groups: []string{"users", "regent-operators"}}, "", true},
		{"a user", authz.Caller{UID: "1000", User: "root", Groups: []string{"root", "regent"}, GIDs: []string{"0"}}, "", false},
		{"who runs the daemon", authz.Caller{UID: "1000"}, "1000", true},
		{"another than who runs it", authz.Caller{UID: "1001"}, "1000", false},
		{"the package's user", authz.Caller{UID: "990", User: "regent"}, "", false},
		{"nobody known", authz.Caller{}, "", false},
	} {
		if got := tt.caller.IsAdministrator(peer.Identity{UID: tt.caller.UID, GIDs: tt.caller.GIDs}.Administers(), tt.own); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestOwnUserAdministers(t *testing.T) {
	cs := newCallerResolver(12345678, time.Now)
	if cs.own != "12345678" {
		t.Errorf("own = %q for a user without a name", cs.own)
	}
}

// The whole way, with this process as its own caller.
func TestIdentify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	out, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	in, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cs := newCallerResolver(os.Getuid(), time.Now)
	who, err := cs.identify(in)
	if err != nil {
		t.Skip("the platform does not identify callers:", err)
	}
	c := who.Caller()
	if c.UID != strconv.Itoa(os.Getuid()) || c.PID != os.Getpid() || c.Start == 0 || !c.Admin {
		t.Errorf("Caller = %+v", c.Caller)
	}
	if is, why := c.Evidence.IsExecutable("/nowhere"); is || why == "" {
		t.Errorf("IsExecutable = %v, %q", is, why)
	}
	hold, err := c.Process.Duplicate()
	if err != nil {
		t.Fatal(err)
	}
	again, err := hold.Duplicate()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Recheck(), hold.Alive(), again.Alive(), who.Close(), hold.Close(), again.Alive(), again.Close()); err != nil {
		t.Error(err)
	}
	if err := c.Recheck(); err == nil {
		t.Error("Recheck after Close says nothing")
	}
}
