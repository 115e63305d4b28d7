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
	if gone := p.Alive(); gone != nil { // then /proc may have shown another process
		err = gone
	}
	self, selfErr := readConfinementFacts("/proc/self/")
	if err = cmp.Or(err, selfErr); err != nil {
		return Confinement{Difference: fmt.Sprintf("in a place that cannot be determined (%v)", err)}
	}
	first, err := readConfinementFacts("/proc/1/")
	if err != nil { // hidden: compare with this process, and require all capabilities
		first = self
		first.capabilities = ^uint64(0)
	}
	return Confinement{Difference: facts.difference(self, first), MissingCapabilities: facts.missingCapabilities(self, first)}
}

// confinementFacts are the facts that difference compares. A hidden fact is "".
type confinementFacts struct {
	userNS, pidNS string // links
	uidMap        string
	pidDepth      int // number of PID namespaces in which it is visible
	container     string
	capabilities  uint64
}

func readConfinementFacts(dir string) (g confinementFacts, err error) {
	var content [3][]byte
	for i, name := range [...]string{"status", "uid_map", "cgroup"} {
		if content[i], err = os.ReadFile(dir + name); err != nil { //nolint:gosec // a path of /proc
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
	// The kernel shows some cgroups of an exiting thread as "/".
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

// difference describes the first difference between g and this process. first is the
// system's PID 1. Links to namespaces are exact. If the kernel hides them, the uid map and
// the depth replace them: only the system's root can make another user namespace with the
// uid map of the first one.
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

// rootCapabilities are the capabilities that root needs to control a system.
var rootCapabilities = [...]struct {
	bit  int
	name string
}{{unix.CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"}, {unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}}

// missingCapabilities names the root capabilities that PID 1 has and g lacks. Capabilities
// in another user namespace do not count: its creator has all of them there.
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

// containers matches a cgroup path component that a container manager made: an id, or a
// name that no service has.
var containers = regexp.MustCompile(`[0-9a-f]{64}|^(docker|libpod|crio|cri-containerd|nerdctl|lxc\.payload|machine|kubepods)[-._]` +
	`|^(docker|lxc|kubepods|libpod_parent|machine|garden|ecs|k8s\.io|moby|buildkit)$`)

// isContainer reports whether a cgroup path component belongs to a container. A service
// such as docker-prune.service does not. Only systemd-nspawn has a service per container.
func isContainer(name string) bool {
	if strings.HasSuffix(name, ".service") || strings.HasSuffix(name, ".socket") {
		return strings.HasPrefix(name, "systemd-nspawn@")
	}
	return containers.MatchString(name)
}

// containerIn returns the cgroup of the innermost container in /proc/PID/cgroup, of any
// hierarchy. It returns "" if there is none.
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
