// Package stories tests the real programs as processes, and tests the tree as a whole.
//
// Most tests build regentd, regent, tmsctl and tms-emulator, start them, and use them
// as a person would. Tests of the tree read its files: import rules, package comments,
// documents, changelog fragments.
package stories

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "regent/"

// A room is a part of the tree with a rule of its own: of our packages those
// under may can be imported, of all others those that are not under deny.
// Rules are not inherited: the longest part that a package is under rules.
type importRule struct {
	path  string
	allow []string
	deny  []string
}

// What a package that decides may not touch, and what the agent may not.
var (
	ioPackages     = []string{"net", "os", "syscall", "golang.org/x/sys"}
	systemPackages = []string{"net/http", "os/exec", "os/user", "os/signal", "syscall", "golang.org/x/sys"}
)

// importRules says who may import whom. Package cmd imports everything; ipc imports
// agent (its client also how to reach and know the daemon); agent and platform import
// only themselves. Below that, what is pure stays pure.
var importRules = []importRule{
	{"cmd", []string{"cmd", "agent", "ipc", "platform"}, nil},
	{"configs", []string{"agent/doctor", "agent/policy", "agent/status", "agent/tms/contract", "agent/token", "ipc/api", "platform/layout"}, []string{"net"}},
	{"packaging/manualtest", []string{"cmd/completion"}, []string{"net"}},
	{"packaging/msi", []string{"platform/layout", "agent/policy"}, []string{"net"}},
	{"packaging/system/probe", nil, nil},

	{"agent", []string{"agent"}, systemPackages},
	{"agent/address", nil, append(systemPackages, "os", "time")},
	{"agent/audit", []string{"agent/authz", "agent/fault", "agent/token"}, systemPackages},
	{"agent/authz", []string{"agent/token"}, append(ioPackages, "time")},
	{"agent/doctor", []string{"agent/fault", "agent/status", "agent/token"}, ioPackages},
	{"agent/fault", nil, ioPackages},
	{"agent/lease", []string{"agent/token"}, systemPackages},
	{"agent/policy", []string{"agent/address", "agent/authz", "agent/suggest", "agent/token", "agent/tms/contract"}, ioPackages},
	{"agent/status", []string{"agent/fault", "agent/token", "agent/tms/contract"}, ioPackages},
	{"agent/store", []string{"agent/fault"}, systemPackages},
	{"agent/store/admin", []string{"agent"}, systemPackages},
	{"agent/store/storetest", []string{"agent/store"}, systemPackages},
	{"agent/suggest", nil, append(ioPackages, "time")},
	{"agent/timing", []string{"agent/fault", "agent/token", "agent/timing"}, ioPackages},
	{"agent/token", nil, ioPackages},

	{"agent/tms", []string{"agent/address", "agent/timing", "agent/fault", "agent/token", "agent/tms/contract", "agent/tms/exchangetest"}, []string{"os", "syscall", "golang.org/x/sys"}},
	{"agent/tms/admin", []string{"agent/fault", "agent/token", "agent/tms", "agent/tms/admin"}, []string{"os", "syscall", "golang.org/x/sys"}},
	{"agent/tms/admin/usage", []string{"agent/tms", "agent/tms/admin"}, ioPackages},
	{"agent/tms/contract", nil, ioPackages},
	{"agent/tms/emulator", nil, []string{"os", "syscall", "golang.org/x/sys"}},
	{"agent/tms/exchangetest", nil, nil},

	{"ipc", []string{"ipc", "agent"}, nil},
	{"ipc/api", []string{"agent/doctor", "agent/fault", "agent/status"}, ioPackages},
	{"ipc/server", []string{"ipc/api", "agent"}, []string{"os/exec", "os/user", "os/signal", "syscall", "golang.org/x/sys"}},
	{"ipc/client", []string{"ipc/api", "agent", "platform/localsock", "platform/peer"}, nil},

	{"platform", []string{"platform"}, []string{"net/http"}},
}

// restrictedImports says which packages have their users named, and why.
var restrictedImports = []struct {
	pkg   string
	users []string
	why   string
}{
	{"github.com/99designs/keyring", []string{"platform/keyring"}, "its init opens D-Bus"},
	{"github.com/hashicorp/go-retryablehttp", []string{"agent/tms"}, "its default would repeat a redemption"},
	{"github.com/go-jose/go-jose", []string{"agent/tms/emulator"}, "the agent verifies no signature"},
	{"github.com/coreos/go-systemd", []string{"cmd/regentd"}, "the daemon is the unit"},
	{"github.com/spf13/cobra", []string{"cmd", "packaging/manualtest"}, "it is for programs that people type"},
	{"github.com/kardianos/service", []string{"platform/service"}, "it is one of several ways to be a service"},
	{"regent/agent/tms/emulator", []string{"cmd/tms-emulator"}, "it shares nothing with its clients but the wire"},
	{"regent/agent/tms/admin", []string{"cmd/tmsctl"}, "the device has no administrator's password"},
}

// testOnlyImports is what only tests may import, and packages for tests: those are
// named …test, here as in the standard library.
var testOnlyImports = []string{"testing", "github.com/google/go-cmp", "github.com/rogpeppe/go-internal", "pgregory.net/rapid"}

func TestImportRules(t *testing.T) {
	entered := map[string]bool{}
	for _, goos := range []string{"linux", "windows", "darwin"} {
		packages := listPackages(t, goos)
		if len(packages) == 0 {
			t.Fatal("go list found no packages")
		}
		for _, p := range packages {
			for _, v := range importViolations(p.path, p.imports) {
				t.Errorf("%s: %s", goos, v)
			}
			if r := ruleFor(p.path); r != nil {
				entered[r.path] = true
			}
		}
	}
	for _, r := range importRules {
		if !entered[r.path] {
			t.Errorf("no package is under %q any more: mend the table", r.path)
		}
	}
}

// TestImportViolations plants what TestImportRules is there to find.
func TestImportViolations(t *testing.T) {
	tests := []struct {
		name, pkg string
		imports   []string
		want      []string
	}{
		{"all is well", "agent/redeem", []string{"os", "regent/agent/tokenstore", "log/slog"}, nil},
		{"a client knows the daemon", "ipc/client", []string{"regent/platform/peer", "net/http"}, nil},
		{"a test package may use another", "agent/tms/exchangetest", []string{"net/http/httptest", "testing"}, nil},
		{"outside every room", "internal/utils", nil, []string{"internal/utils: in no room"}},
		{"no room by a shared beginning", "agentry", nil, []string{"agentry: in no room"}},
		{"agent knows the socket", "agent/refresh", []string{"regent/ipc/api"}, []string{"agent/refresh may not import ipc/api"}},
		{"agent knows the platform", "agent", []string{"regent/platform/peer"}, []string{"agent may not import platform/peer"}},
		{"agent calls out", "agent/audit", []string{"net/http"}, []string{"agent/audit may not import net/http"}},
		{"agent starts a process", "agent/redeem", []string{"os/exec"}, []string{"agent/redeem may not import os/exec"}},
		{"agent calls the system", "agent/store", []string{"golang.org/x/sys/unix"}, []string{"agent/store may not import golang.org/x/sys/unix"}},
		{"platform knows the agent", "platform/peer", []string{"regent/agent/authz"}, []string{"platform/peer may not import agent/authz"}},
		{"deciding reads a file", "agent/policy", []string{"os"}, []string{"agent/policy may not import os"}},
		{"deciding reads the clock", "agent/authz", []string{"time"}, []string{"agent/authz may not import time"}},
		{"the emulator shares a type", "agent/tms/emulator", []string{"regent/agent/tms"}, []string{"agent/tms/emulator may not import agent/tms"}},
		{"the wire opens sockets", "ipc/api", []string{"net"}, []string{"ipc/api may not import net"}},
		{"the server knows the platform", "ipc/server", []string{"regent/platform/peer"}, []string{"ipc/server may not import platform/peer"}},
		{"ipc knows the programs", "ipc/client", []string{"regent/cmd/regent"}, []string{"ipc/client may not import cmd/regent"}},
		{
			"the keyring leaves its room", "cmd/regentd",
			[]string{"github.com/99designs/keyring"},
			[]string{"cmd/regentd may not import github.com/99designs/keyring: its init opens D-Bus"},
		},
		{
			"the daemon carries the emulator", "cmd/regentd",
			[]string{"regent/agent/tms/emulator"},
			[]string{"cmd/regentd may not import regent/agent/tms/emulator: it shares nothing with its clients but the wire"},
		},
		{
			"a program carries a fake", "cmd/regentd",
			[]string{"regent/agent/store/storetest"},
			[]string{"cmd/regentd may not import regent/agent/store/storetest: it is for tests"},
		},
		{
			"a program carries a test library", "platform/peer",
			[]string{"github.com/google/go-cmp/cmp"},
			[]string{"platform/peer may not import github.com/google/go-cmp/cmp: it is for tests"},
		},
		{
			"each is told of", "agent/policy",
			[]string{"net/url", "regent/agent/tokenstore"},
			[]string{"agent/policy may not import net/url", "agent/policy may not import agent/tokenstore"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(importViolations(tt.pkg, tt.imports), tt.want); diff != "" {
				t.Errorf("check (-got +want):\n%s", diff)
			}
		})
	}
}

// importViolations returns what is wrong with what pkg, one of ours, imports.
func importViolations(pkg string, imports []string) (wrong []string) {
	r := ruleFor(pkg)
	if r == nil {
		return []string{pkg + ": in no room"}
	}
	for _, imp := range imports {
		ours, isOurs := strings.CutPrefix(imp, module)
		switch {
		case isOurs && !isBelow(ours, r.allow...), !isOurs && isBelow(imp, r.deny...):
			wrong = append(wrong, fmt.Sprintf("%s may not import %s", pkg, ours))
			continue
		case !isTestPackage(pkg) && (isTestPackage(ours) || isBelow(imp, testOnlyImports...)):
			wrong = append(wrong, fmt.Sprintf("%s may not import %s: it is for tests", pkg, imp))
		}
		for _, p := range restrictedImports {
			if isBelow(imp, p.pkg) && !isBelow(pkg, p.users...) && !isBelow(module+pkg, p.pkg) {
				wrong = append(wrong, fmt.Sprintf("%s may not import %s: %s", pkg, imp, p.why))
			}
		}
	}
	return wrong
}

// ruleFor returns the room that pkg is in, or nil.
func ruleFor(pkg string) *importRule {
	var best *importRule
	for i, r := range importRules {
		if isBelow(pkg, r.path) && (best == nil || len(r.path) > len(best.path)) {
			best = &importRules[i]
		}
	}
	return best
}

// isTestPackage reports whether a package is named as one for tests.
func isTestPackage(pkg string) bool { return strings.HasSuffix(path.Base(pkg), "test") }

// isBelow reports whether pkg is one of parts or lies below one.
func isBelow(pkg string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool {
		return pkg == part || strings.HasPrefix(pkg, part+"/")
	})
}

// packageImports is a package of ours, and what its files import, but for tests.
type packageImports struct {
	path    string
	imports []string
}

// listPackages returns the packages of the module as they are built for a system.
func listPackages(t *testing.T, goos string) []packageImports {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	c.Dir = "../.."
	c.Env = append(c.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	out, err := c.Output()
	if err != nil {
		t.Fatalf("go list for %s: %v", goos, err)
	}
	var all []packageImports
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, packageImports{strings.TrimPrefix(p.ImportPath, module), p.Imports})
	}
}
