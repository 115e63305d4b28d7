package peer

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func (p *Peer) confinement() Confinement {
	facts, err := readConfinementFacts(procPath(p.PID, ""))
	if gone := p.Alive(); gone != nil { // then it was perhaps another one's
		err = gone
	}
	self, selfErr := readConfinementFacts("/proc/self/")
	if err = cmp.Or(err, selfErr); err != nil {
		return Confinement{Difference: fmt.Sprintf("in a place that cannot be determined (%v)", err)}
	}
	first, err := readConfinementFacts("/proc/1/")
	if err != nil { // hidden: what this process is in has to do, and root needs all
		first = self
		first.capabilities = ^uint64(0)
	}
	return Confinement{Difference: facts.difference(self, first), MissingCapabilities: facts.missingCapabilities(self, first)}
}

// confinementFacts are what a process stands on. What the kernel shows to few is "".
type confinementFacts struct {
	userNS, pidNS string // links
	uidMap        string
	pidDepth      int // of PID namespaces that it is seen in
	container     string
	capabilities  uint64
}

func readConfinementFacts(dir string) (g confinementFacts, err error) {
	var content [3][]byte
	for i, name := range [...]string{"status", "uid_map", "cgroup"} {
		if content[i], err = os.ReadFile(dir + name); err != nil { //nolint:gosec // of /proc
			return confinementFacts{}, err
		}
	}
	if err := g.parse(content[0]); err != nil {
		return confinementFacts{}, err
	}
	g.uidMap, g.container = strings.Join(strings.Fields(string(content[1])), " "), containerIn(string(content[2]))
	for name, to := range map[string]*string{"ns/user": &g.userNS, "ns/pid": &g.pidNS} {
		if *to, err = os.Readlink(dir + name); err != nil && !errors.Is(err, fs.ErrPermission) {
			return confinementFacts{}, err
		}
	}
	return g, nil
}

// parse reads /proc/PID/status.
func (g *confinementFacts) parse(b []byte) (err error) {
	status := statusFields(b)
	// Of an exiting thread the kernel shows some cgroups as "/".
	if state := status["State"]; len(state) > 0 && (state[0] == "Z" || state[0] == "X") {
		return errors.New("its first thread has ended")
	}
	if g.pidDepth = len(status["NSpid"]); g.pidDepth == 0 {
		return errors.New("/proc/PID/status: no line NSpid")
	}
	if g.capabilities, err = strconv.ParseUint(strings.Join(status["CapEff"], ""), 16, 64); err != nil {
		return fmt.Errorf("/proc/PID/status: CapEff: %w", err)
	}
	return nil
}

// difference says how g is apart from this process, whose system first is PID 1 of.
// Links to namespaces show them exactly. Where the kernel does not show them, the
// map of uids and the depth do: only root of the system can make another user
// namespace with the map of the first one.
func (g confinementFacts) difference(self, first confinementFacts) string {
	switch {
	case g.inOtherUserNamespace(self):
		return "in another user namespace than regentd"
	case g.pidNS != "" && g.pidNS != self.pidNS, g.pidDepth != self.pidDepth:
		return "in another PID namespace than regentd"
	case g.container != "" && g.container != first.container && g.container != self.container:
		return fmt.Sprintf("in the cgroup of a container, %.120s", g.container)
	}
	return ""
}

// inOtherUserNamespace reports whether g is in another user namespace than this process.
func (g confinementFacts) inOtherUserNamespace(self confinementFacts) bool {
	return g.userNS != "" && g.userNS != self.userNS || g.uidMap != self.uidMap
}

// rootCapabilities are the capabilities without which root does not rule a system.
var rootCapabilities = [...]struct {
	bit  int
	name string
}{{unix.CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"}, {unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}}

// missingCapabilities names the ruling capabilities that PID 1 has and g has not. Those of another
// user namespace are none here: whoever makes one has all of them in it.
func (g confinementFacts) missingCapabilities(self, first confinementFacts) string {
	has := g.capabilities
	if g.inOtherUserNamespace(self) {
		has = 0
	}
	var names []string
	for _, c := range rootCapabilities {
		if first.capabilities&(1<<c.bit) != 0 && has&(1<<c.bit) == 0 {
			names = append(names, c.name)
		}
	}
	return strings.Join(names, ", ")
}

// containers match a component of a cgroup's path that a container's manager made:
// its id, or a name that no service has.
var containers = regexp.MustCompile(`[0-9a-f]{64}|^(docker|libpod|crio|cri-containerd|nerdctl|lxc\.payload|machine|kubepods)[-._]` +
	`|^(docker|lxc|kubepods|libpod_parent|machine|garden|ecs|k8s\.io|moby|buildkit)$`)

// isContainer reports whether a component of a cgroup's path is a container's. A
// service is none, as docker-prune.service; only systemd-nspawn has one for each.
func isContainer(name string) bool {
	if strings.HasSuffix(name, ".service") || strings.HasSuffix(name, ".socket") {
		return strings.HasPrefix(name, "systemd-nspawn@")
	}
	return containers.MatchString(name)
}

// containerIn returns the cgroup of the innermost container in /proc/PID/cgroup,
// of any hierarchy; "" if there is none.
func containerIn(cgroup string) string {
	for line := range strings.Lines(cgroup) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) < 3 {
			continue
		}
		for dir := parts[2]; dir != "/" && dir != "." && dir != ""; dir = path.Dir(dir) {
			if isContainer(path.Base(dir)) {
				return dir
			}
		}
	}
	return ""
}
