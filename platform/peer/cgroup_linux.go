package peer

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

var errNoUnit = errors.New("the process is in no unit of the system's service manager")

// unitTypes are the types of units that can have processes.
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

// unescaped removes the prefix of names that the kernel could confuse with its own.
func unescaped(name string) string { return strings.TrimPrefix(name, "_") }

// membership is the cgroup of a process in the service manager's tree.
type membership struct {
	path  string
	named bool // in the hierarchy name=systemd; otherwise in the unified one
}

// membershipOf reads /proc/PID/cgroup. Each line is "number:controllers:path". With cgroup
// version 1 or hybrid, the service manager's tree is the hierarchy name=systemd. Otherwise
// it is the unified one, number 0 without controllers.
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

// unitOf returns the first component of path that is not a slice: the unit's name. cgroup
// is the path up to it. The unit itself made the directories below. For example, a user's
// own service manager runs in user@1000.service, and the user chooses the names below it.
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
