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
	"regent/platform/layout"
	"regent/platform/process"
)

// localFacts is what doctor finds out by itself, without the daemon.
type localFacts struct {
	// socketMode names what keeps users out of the socket; "" is nothing.
	socketMode func(socket string) string
	// findOtherDaemons lists daemons beside the one that answers, which share something
	// with it that they should not.
	otherDaemons func(doctor.Daemon) []doctor.Process
	// config looks at the configuration, "" is the installed one; nil if that cannot be done.
	config func(ctx context.Context, file string) *doctor.Config
	// proxies are what this user's programs go by.
	proxies func(doctor.Daemon) []doctor.Proxy
	// windows looks at what only such a system has, with or without a daemon that
	// answers; nil on any other.
	windows func(ctx context.Context, socket string, d *doctor.Daemon) *doctor.Windows
	// elevated reports whether this process may do what an administrator is told;
	// nil where the number of its user says that.
	elevated func() bool
}

func newLocalFacts() localFacts {
	return addSystemFacts(localFacts{socketMode: checkSocketMode, otherDaemons: findOtherDaemons, config: checkConfig, proxies: userProxies})
}

// checkSocketMode looks at the modes of the socket and its directory. It says
// nothing of what it may not see.
func checkSocketMode(socket string) string {
	if info, err := os.Lstat(socket); err == nil && info.Mode().Type() == fs.ModeSocket && info.Mode().Perm()&0o006 != 0o006 {
		return fmt.Sprintf("%s has mode %04o, want 0666", socket, info.Mode().Perm())
	}
	dir := filepath.Dir(socket)
	if info, err := os.Stat(dir); err == nil && info.IsDir() && dir == filepath.Dir(layout.DefaultPaths().Socket) && info.Mode().Perm()&0o005 != 0o005 {
		return fmt.Sprintf("%s has mode %04o, want 0755", dir, info.Mode().Perm())
	}
	return ""
}

// findOtherDaemons looks for processes of the daemon's program. One with a
// configuration, a state and a socket of its own is somebody's business.
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

// sharedPath is the path that a process has in common with the daemon, by its
// command line; "" is none.
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

// flagValue is the value of a flag on a command line, "" if it is not there.
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

// checkConfig asks the daemon's own program, beside this one or where packages
// put it, what it thinks of the configuration.
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
		return nil // it says nothing of the configuration
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

// daemonProgram is where regentd is, "" if it is not known.
func daemonProgram() string {
	for _, dir := range daemonDirs() {
		if path, err := exec.LookPath(filepath.Join(dir, "regentd")); err == nil {
			return path
		}
	}
	return ""
}

// daemonDirs is where regentd may be, the likeliest first: beside this program,
// whose directory is trusted already, and where packages put it.
func daemonDirs() []string {
	dirs := packageDirs()
	if own, err := os.Executable(); err == nil {
		dirs = slices.Insert(dirs, 0, filepath.Dir(own))
	}
	return dirs
}

// userProxies is what the programs of this user go by to each host that the
// daemon looked at.
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
