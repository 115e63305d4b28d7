package peer

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

var errNoUnit = errors.New("the process is in no unit of the system's service manager")

// unitTypes are the units that can have processes.
var unitTypes = [...]string{".service", ".scope", ".socket", ".mount", ".swap"}

// unitsOf returns the unit in the path of a cgroup, and its slices.
func unitsOf(path string) ([]string, error) {
	unit, cgroup, err := unitOf(path)
	if err != nil {
		return nil, err
	}
	return append([]string{unit}, slicesOf(cgroup)...), nil
}

// slicesOf returns the slices above a unit's cgroup, the innermost first.
func slicesOf(cgroup string) []string {
	var names []string
	for dir := path.Dir(cgroup); dir != "/"; dir = path.Dir(dir) {
		names = append(names, unescaped(path.Base(dir)))
	}
	return names
}

// unescaped removes what is put before names that the kernel could mistake for its
// own.
func unescaped(name string) string { return strings.TrimPrefix(name, "_") }

// membership is the cgroup of a process in the service manager's tree.
type membership struct {
	path  string
	named bool // in the hierarchy name=systemd, not in the unified one
}

// membershipOf reads /proc/PID/cgroup. Each line is
// "number:controllers:path". The service manager keeps its tree in the
// hierarchy called name=systemd where there is one (version 1 and hybrid), else
// in the unified one, number 0 without controllers.
func membershipOf(b []byte) (membership, error) {
	unified, named, hasNamed := "", "", false
	for line := range strings.Lines(string(b)) {
		number, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, path, ok2 := strings.Cut(rest, ":")
		if !ok || !ok2 {
			return membership{}, fmt.Errorf("/proc/PID/cgroup: line %.40q is not number:controllers:path", line)
		}
		switch {
		case controllers == "name=systemd":
			named, hasNamed = path, true
		case number == "0" && controllers == "":
			unified = path
		}
	}
	if hasNamed && named != "/" {
		return membership{named, true}, nil
	}
	return membership{unified, false}, nil
}

// unitOf returns the first component of path that is no slice, as the unit's
// name, and the path up to it, which is the unit's own cgroup. What is below
// it was made by the unit itself: a user's own service manager, for one, runs in
// user@1000.service and may call a directory below that what it likes.
func unitOf(path string) (unit, cgroup string, err error) {
	if !strings.HasPrefix(path, "/") {
		return "", "", errNoUnit
	}
	parts := strings.Split(path[1:], "/")
	if slices.Contains(parts, "..") {
		return "", "", fmt.Errorf("cgroup %.80q is outside of this process's cgroup namespace", path)
	}
	for i, part := range parts {
		if strings.HasSuffix(part, ".slice") {
			continue
		}
		unit := unescaped(part)
		for _, t := range unitTypes {
			if len(unit) > len(t) && strings.HasSuffix(unit, t) {
				return unit, "/" + strings.Join(parts[:i+1], "/"), nil
			}
		}
		return "", "", errNoUnit
	}
	return "", "", errNoUnit
}
