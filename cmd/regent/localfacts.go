package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"regent/agent/address"
	"regent/agent/doctor"
	"regent/platform/device"
	"regent/platform/layout"
	"regent/platform/process"
)

// localFacts reads facts of the device without the daemon.
type localFacts struct {
	// name returns the name of the device: fully qualified, if the device knows its domain.
	name func() string
	// socketMode returns why users cannot access the socket; "" if they can.
	socketMode func(socket string) string
	// otherDaemons lists daemons that share a path with the daemon that answers.
	otherDaemons func(doctor.Daemon) []doctor.Process
	// config checks a configuration file; "" is the installed one. It returns nil if it
	// cannot check.
	config func(ctx context.Context, file string) *doctor.Config
	// proxies returns the proxies of this user's programs.
	proxies func(doctor.Daemon) []doctor.Proxy
	// windows reads facts of Windows, with or without a daemon that answers. It is nil on
	// other systems.
	windows func(ctx context.Context, socket string, d *doctor.Daemon) *doctor.Windows
	// elevated reports whether this process has an administrator's rights. It is nil where
	// the uid shows that.
	elevated func() bool
}

func newLocalFacts() localFacts {
	return addSystemFacts(localFacts{name: deviceName, socketMode: checkSocketMode, otherDaemons: findOtherDaemons, config: checkConfig, proxies: userProxies})
}

func deviceName() string {
	names, err := device.ReadNames()
	if err != nil {
		return "unknown device (its name cannot be read)"
	}
	return names.FQDN
}

// checkSocketMode checks the modes of the socket and its directory. It returns "" if it
// cannot read them.
func checkSocketMode(socket string) string {
	if info, err := os.Lstat(socket); err == nil && info.Mode().Type() == fs.ModeSocket && info.Mode().Perm()&0o006 != 0o006 {
		return fmt.Sprintf("%s has mode %04o, but should have 0666", socket, info.Mode().Perm())
	}
	dir := filepath.Dir(socket)
	if info, err := os.Stat(dir); err == nil && info.IsDir() && dir == filepath.Dir(layout.DefaultPaths().Socket) && info.Mode().Perm()&0o005 != 0o005 {
		return fmt.Sprintf("%s has mode %04o, but should have 0755", dir, info.Mode().Perm())
	}
	return ""
}

// findOtherDaemons finds other processes of regentd. It leaves out those with their own
// configuration, state and socket.
func findOtherDaemons(d doctor.Daemon) []doctor.Process {
	found, err := process.FindByName("regentd")
	if err != nil {
		return nil
	}
	var out []doctor.Process
	for _, p := range found {
		if p.PID == d.PID || !slices.Contains(p.Args, "run") {
			continue
		}
		if what := sharedPath(p, d); what != "" {
			out = append(out, doctor.Process{PID: p.PID, Shares: what})
		}
	}
	return out
}

// sharedPath returns a path that the command line of a process shares with the daemon;
// "" is none.
func sharedPath(p process.Process, d doctor.Daemon) string {
	usual := layout.DefaultPaths()
	for _, f := range []struct{ flag, usual, daemons string }{
		{"--config", usual.Config, d.Config}, {"--state-dir", usual.StateDir, d.StateDir}, {"--socket", usual.Socket, d.Socket},
	} {
		own := cmp.Or(flagValue(p.Args, f.flag), f.usual)
		if !filepath.IsAbs(own) && p.Dir != "" {
			own = filepath.Join(p.Dir, own)
		}
		if own == f.daemons {
			return f.daemons
		}
	}
	return ""
}

// flagValue returns the value of a flag on a command line; "" without it.
func flagValue(args []string, flag string) string {
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, flag+"="); ok {
			return value
		}
		if arg == flag && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// checkConfig runs regentd check-config. It finds regentd beside this program or at the
// place of the packages. It returns nil if it cannot check.
func checkConfig(ctx context.Context, file string) *doctor.Config {
	program := daemonProgram()
	if program == "" {
		return nil
	}
	args := []string{"check-config"}
	if file != "" {
		args = append(args, "--config", file)
	}
	said, err := exec.CommandContext(ctx, program, args...).CombinedOutput() //nolint:gosec // our own program
	failed, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return &doctor.Config{}
	case !ok || failed.ExitCode() != exitUsage:
		return nil // a failure without a result
	}
	c := &doctor.Config{}
	for line := range strings.SplitSeq(strings.TrimSpace(string(said)), "\n") {
		c.Fatal = append(c.Fatal, printable(strings.TrimPrefix(line, "regentd: ")))
	}
	if strings.Contains(string(said), fs.ErrPermission.Error()) {
		return nil // this user may not read it, the daemon may
	}
	return c
}

// daemonProgram returns the path of regentd; "" if it is not found.
func daemonProgram() string {
	for _, dir := range daemonDirs() {
		if path, err := exec.LookPath(filepath.Join(dir, "regentd")); err == nil {
			return path
		}
	}
	return ""
}

// daemonDirs returns the directories of regentd, the likeliest first: the directory of
// this program, which is already trusted, and those of the packages.
func daemonDirs() []string {
	dirs := packageDirs()
	if own, err := os.Executable(); err == nil {
		dirs = slices.Insert(dirs, 0, filepath.Dir(own))
	}
	return dirs
}

// userProxies returns the proxies of this user's programs to each host that the daemon
// checked.
func userProxies(d doctor.Daemon) (all []doctor.Proxy) {
	e := address.FromEnvironment(os.Getenv)
	for _, w := range d.ServiceChecks {
		proxy, from, err := e.ProxyFor(&url.URL{Scheme: "https", Host: w.Host})
		p := doctor.Proxy{Host: w.Host, Where: "the environment of this user (" + from + ")"}
		switch {
		case err != nil:
			p.Flaw = errors.Unwrap(err).Error() // For puts the variable's name before it
		case proxy == nil:
			continue
		default:
			p.Proxy = proxy.Host
		}
		all = append(all, p)
	}
	return append(all, systemProxies(d)...)
}
