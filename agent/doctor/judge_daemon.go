package doctor

import (
	"fmt"
	"slices"
	"strings"

	"regent/agent/status"
)

// The units of the package, and systemd's exit status of a unit whose
// credentials could not be set up.
const (
	DaemonUnit      = "regentd.service"
	KeyUnit         = "regentd-key.service"
	exitUsage       = 2
	exitCredentials = 243
)

func unitOf(f Facts, name string) (Unit, bool) {
	for _, u := range f.Units {
		if u.Name == name {
			return u, true
		}
	}
	return Unit{}, false
}

// judgeUnits says why the service manager runs no daemon. One that answers all
// the same is another one, which judgeOthers knows more of.
func judgeUnits(f Facts) []doubt {
	daemon, installed := unitOf(f, DaemonUnit)
	key, _ := unitOf(f, KeyUnit)
	said := fmt.Sprintf("%s is %s (result %s, exit status %d)", DaemonUnit, daemon.Active, daemon.Result, daemon.Exit)
	switch {
	case !installed || f.Daemon != nil && daemon.Active == "active":
		return nil
	case key.Active == "failed":
		return []doubt{{ServiceCredential, KeyUnit, fmt.Sprintf("%s is failed (result %s)", KeyUnit, key.Result)}}
	case f.Daemon != nil:
		return []doubt{{TwoDaemons, f.Socket.Path, said + ", and yet a daemon answers, process " + fmt.Sprint(f.Daemon.PID)}}
	case daemon.Exit == exitCredentials:
		return []doubt{{ServiceCredential, DaemonUnit, said}}
	case daemon.Exit == exitUsage && daemon.Result == "exit-code":
		return []doubt{{ConfigInvalid, DaemonUnit, withConfig(f, said)}}
	case daemon.Active == "inactive" && daemon.Result == "success":
		return []doubt{{ServiceStopped, DaemonUnit, said}}
	case daemon.Active == "failed" || daemon.Result != "success":
		return []doubt{{ServiceFailing, DaemonUnit, said}}
	}
	return nil
}

func withConfig(f Facts, said string) string {
	if f.Config == nil || len(f.Config.Fatal) == 0 {
		return said
	}
	return said + ": " + strings.Join(f.Config.Fatal, "; ")
}

// judgeSocket says why no daemon answers, unless the service manager or the
// configuration has.
func judgeSocket(f Facts) []doubt {
	s := f.Socket
	if s.Closed != "" && (s.Reached == Answered || s.Reached == Forbidden) {
		return []doubt{{SocketMode, s.Path, s.Closed}}
	}
	if s.Reached == Foreign {
		return []doubt{{SocketForeign, s.Path, s.Words}}
	}
	if s.Reached == Answered || len(judgeUnits(f)) > 0 || len(judgeConfig(f)) > 0 {
		return nil
	}
	code := map[Reached]Code{Missing: SocketMissing, Dead: SocketDead, Forbidden: SocketMode, Silent: DaemonSilent, Broken: DaemonSilent}[s.Reached]
	return []doubt{{code, s.Path, s.Words}}
}

// judgeConfig says that no daemon would start; what a running one makes of its
// configuration is judgePolicy's.
func judgeConfig(f Facts) []doubt {
	if f.Daemon != nil || f.Config == nil || len(f.Config.Fatal) == 0 {
		return nil
	}
	for _, d := range judgeUnits(f) {
		if d.code == ConfigInvalid {
			return nil
		}
	}
	return []doubt{{ConfigInvalid, "", strings.Join(f.Config.Fatal, "; ")}}
}

func judgeVersion(f Facts) []doubt {
	daemons := f.Daemon.Status.Version
	if daemons == f.Client.Version {
		return nil
	}
	return []doubt{{DaemonOlder, "", fmt.Sprintf("regentd is %s, and this program %s", daemons, f.Client.Version)}}
}

func judgeOthers(f Facts) []doubt {
	if f.Units != nil && len(judgeUnits(f)) > 0 {
		return nil // it was said there
	}
	var out []doubt
	for _, p := range f.Others {
		out = append(out, doubt{TwoDaemons, p.Shares, fmt.Sprintf("process %d runs a regentd with the same %s as process %d, which answers", p.PID, p.Shares, f.Daemon.PID)})
	}
	return out
}

// judgeStore says why the store cannot be used.
func judgeStore(f Facts) []doubt {
	if f.Daemon.Unusable == "" {
		return nil
	}
	code, known := map[string]Code{
		"store_locked": StoreLocked, "store_unreadable": StoreUnreadable, "store_missing": StoreMissing,
		"store_rolled_back": StoreRolledBack, "quarantined": CloneQuarantined,
	}[f.Daemon.Unusable]
	if !known {
		code = StoreUnreadable
	}
	return []doubt{{code, f.Daemon.StateDir, f.Daemon.Status.Summary}}
}

func judgeDisk(f Facts) []doubt {
	switch d := f.Daemon.Disk; {
	case d.Failure == "":
		return nil
	case d.Full:
		return []doubt{{DiskFull, f.Daemon.StateDir, d.Failure}}
	default:
		return []doubt{{StateNotWritable, f.Daemon.StateDir, d.Failure}}
	}
}

// ConfigSource is the source of a problem that is a local configuration which
// was not taken: the one before it is in force.
const ConfigSource = "configuration"

func judgePolicy(f Facts) []doubt {
	var out []doubt
	s := f.Daemon.Status
	var invalid string
	for _, p := range s.Problems {
		if p.Source == ConfigSource {
			invalid = p.Detail
			out = append(out, doubt{ConfigInvalid, "", p.Detail})
		}
	}
	for _, p := range s.Problems {
		if p.Source != ConfigSource && !strings.Contains(invalid, p.Detail) && !saysClosed(p, s.Applications) {
			out = append(out, doubt{PolicyProblem, p.Source, p.Detail})
		}
	}
	if len(s.Applications) == 0 {
		out = append(out, doubt{NoApplication, "", "the configuration in force names none"})
	}
	for _, a := range s.Applications {
		if a.Rules == 0 {
			out = append(out, doubt{ApplicationClosed, a.ID, "it has no rule under allow"})
		}
	}
	return out
}

// saysClosed reports whether a problem is that an application has no rule, which
// has a code of its own.
func saysClosed(p status.Problem, apps []status.Application) bool {
	return slices.ContainsFunc(apps, func(a status.Application) bool {
		return a.Rules == 0 && strings.HasPrefix(p.Detail, "applications."+a.ID) && strings.Contains(p.Detail, "has no allow rule")
	})
}

func judgeDenials(f Facts) []doubt {
	closed := map[string]bool{}
	for _, a := range f.Daemon.Status.Applications {
		closed[a.ID] = a.Rules == 0 // that is said already
	}
	var out []doubt
	for _, d := range f.Daemon.Denials {
		if closed[d.Application] {
			continue
		}
		out = append(out, doubt{CallerDenied, d.Application, fmt.Sprintf("%d times, last at %s: process %d of user %s (%s): %s",
			d.Times, d.At.UTC().Format("15:04:05Z"), d.PID, d.User, d.Exe, d.Reason)})
	}
	return out
}
