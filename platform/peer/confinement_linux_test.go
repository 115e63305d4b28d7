package peer

import (
	"strings"
	"testing"
)

func TestContainerIn(t *testing.T) {
	id := strings.Repeat("0a", 32)
	for _, tt := range []struct{ in, want string }{
		{"0::/user.slice/user-1000.slice/session-3.scope\n", ""},
		{"0::/system.slice/cron.service\n", ""},
		{"0::/system.slice/docker.service\n", ""},
		{"0::/init.scope\n", ""},
		{"0::/system.slice/docker-prune.service\n", ""},
		{"0::/system.slice/docker-compose@web.service\n", ""},
		{"0::/../../docker/" + id + "\n", "/../../docker/" + id},
		{"0::/\n", ""},
		{"0::/system.slice/docker-" + id + ".scope\n", "/system.slice/docker-" + id + ".scope"},
		{"4:memory:/docker/" + id + "\n0::/\n", "/docker/" + id},
		{"0::/docker/short\n", "/docker"},
		{"0::/machine.slice/libpod-" + id + ".scope/container\n", "/machine.slice/libpod-" + id + ".scope"},
		{"0::/machine.slice/machine-deb.scope/payload/system.slice/x.service\n", "/machine.slice/machine-deb.scope"},
		{"0::/machine.slice/systemd-nspawn@deb.service/payload\n", "/machine.slice/systemd-nspawn@deb.service"},
		{"0::/lxc.payload.web/system.slice\n", "/lxc.payload.web"},
		{"0::/kubepods.slice/kubepods-besteffort.slice/cri-containerd-" + id + ".scope\n", "/kubepods.slice/kubepods-besteffort.slice/cri-containerd-" + id + ".scope"},
		{"0::/system.slice/cad.service/libpod-payload-" + id + "\n", "/system.slice/cad.service/libpod-payload-" + id},
	} {
		if got := containerIn(tt.in); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestParseStatus(t *testing.T) {
	for _, tt := range []struct {
		in, err string
		want    confinementFacts
	}{
		{"State:\tS (sleeping)\nNSpid:\t7\t1\nCapEff:\t0000000000200002\n", "", confinementFacts{pidDepth: 2, capabilities: 1<<1 | 1<<21}},
		{"State:\tZ (zombie)\nNSpid:\t7\nCapEff:\t0000000000200002\n", "first thread has ended", confinementFacts{}},
		{"State:\tS (sleeping)\nCapEff:\t0\n", "no line NSpid", confinementFacts{}},
		{"NSpid:\t7\nCapEff:\tall\n", "CapEff", confinementFacts{}},
	} {
		var got confinementFacts
		err := got.parse([]byte(tt.in))
		switch {
		case tt.err == "" && (err != nil || got != tt.want):
			t.Errorf("%q: got %+v, %v, want %+v", tt.in, got, err, tt.want)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%q: got error %v, want %q", tt.in, err, tt.err)
		}
	}
}

func TestConfinementDifference(t *testing.T) {
	host := confinementFacts{userNS: "user:[1]", pidNS: "pid:[1]", uidMap: "0 0 4294967295", pidDepth: 1, capabilities: 1<<1 | 1<<21}
	with := func(change func(*confinementFacts)) confinementFacts { g := host; change(&g); return g }
	for _, tt := range []struct {
		name         string
		g            confinementFacts
		apart, lacks string
	}{
		{"the system's own", host, "", ""},
		{"unshare -U with the whole map", with(func(g *confinementFacts) { g.userNS = "user:[2]" }), "user namespace", "CAP_DAC_OVERRIDE, CAP_SYS_ADMIN"},
		{"a user namespace that is not shown", with(func(g *confinementFacts) { g.userNS, g.uidMap = "", "0 1000 1" }), "user namespace", "CAP_DAC_OVERRIDE, CAP_SYS_ADMIN"},
		{"namespaces that are not shown", with(func(g *confinementFacts) { g.userNS, g.pidNS = "", "" }), "", ""},
		{"unshare -p", with(func(g *confinementFacts) { g.pidNS, g.pidDepth = "", 2 }), "PID namespace", ""},
		{"a container's cgroup", with(func(g *confinementFacts) { g.container = "/docker/x" }), "cgroup of a container, /docker/x", ""},
		{"without capabilities", with(func(g *confinementFacts) { g.capabilities = 0 }), "", "CAP_DAC_OVERRIDE, CAP_SYS_ADMIN"},
	} {
		if got := tt.g.difference(host, host); !strings.Contains(got, tt.apart) || (got == "") != (tt.apart == "") {
			t.Errorf("%s: apart %q, want %q", tt.name, got, tt.apart)
		}
		if got := tt.g.missingCapabilities(host, host); got != tt.lacks {
			t.Errorf("%s: lacks %q, want %q", tt.name, got, tt.lacks)
		}
	}
	inside := with(func(g *confinementFacts) { g.container = "/docker/x" })
	if got := inside.difference(inside, inside); got != "" {
		t.Errorf("where the daemon is in the same container: %q", got)
	}
	if got := inside.difference(inside, host); got != "" {
		t.Errorf("where the daemon is in the same container and PID 1 is not: %q", got)
	}
	if got := host.missingCapabilities(host, confinementFacts{}); got != "" {
		t.Errorf("where PID 1 has none: %q", got)
	}
}
