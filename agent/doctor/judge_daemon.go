package doctor

import (
	"fmt"
	"slices"
	"strconv"
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

// Masked is systemd's word for a unit that it does not start.
const Masked = "masked"

func unitOf(f Facts, name string) (Unit, bool) {
	for _, u := range f.Units {
		if u.Name == name {
			return u, true
		}
	}
	return Unit{}, false
}

// judgeManager says why the service manager runs no daemon, whichever it is.
func judgeManager(f Facts) []doubt {
	if f.Windows != nil {
		return judgeService(f)
	}
	return judgeUnits(f)
}

// judgeUnits says why systemd runs no daemon. One that answers all
// the same is another one, which judgeOthers knows more of.
func judgeUnits(f Facts) []doubt {
	daemon, installed := unitOf(f, DaemonUnit)
	key, _ := unitOf(f, KeyUnit)
	said := fmt.Sprintf("%s is %s (result %s, exit status %d)", DaemonUnit, daemon.Active, daemon.Result, daemon.Exit)
	switch {
	case !installed || f.Daemon != nil && daemon.Active == "active":
		return nil
	case f.Daemon == nil && maskedUnits(f) != "":
		names := maskedUnits(f)
		return []doubt{{code: ServiceMasked, subject: DaemonUnit, evidence: "masked: " + names, known: []string{"UNIT", names}}}
	case key.Active == "failed":
		return []doubt{{code: ServiceCredential, subject: KeyUnit, evidence: fmt.Sprintf("%s is failed (result %s)", KeyUnit, key.Result)}}
	case f.Daemon != nil:
		return []doubt{{code: TwoDaemons, subject: f.Socket.Path, evidence: said + ", and yet a daemon answers, process " + fmt.Sprint(f.Daemon.PID)}}
	case daemon.Exit == exitCredentials && daemon.OtherMachine:
		return []doubt{{code: MachineIDChanged, subject: DaemonUnit, evidence: said + ", and systemd's host key is of another machine-id"}}
	case daemon.Exit == exitCredentials:
		return []doubt{{code: ServiceCredential, subject: DaemonUnit, evidence: said}}
	case daemon.Exit == exitUsage && daemon.Result == "exit-code":
		return []doubt{{code: ConfigInvalid, subject: DaemonUnit, evidence: withConfig(f, said)}}
	case daemon.Active == "inactive" && daemon.Result == "success":
		return []doubt{{code: ServiceStopped, subject: DaemonUnit, evidence: said}}
	case daemon.Active == "failed" || daemon.Result != "success":
		return []doubt{{code: ServiceFailing, subject: DaemonUnit, evidence: said}}
	}
	return nil
}

// maskedUnits names the units that are masked, "" if none is.
func maskedUnits(f Facts) string {
	var names []string
	for _, u := range f.Units {
		if u.Active == Masked {
			names = append(names, u.Name)
		}
	}
	return strings.Join(names, " ")
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
		return []doubt{{code: SocketMode, subject: s.Path, evidence: s.Closed}}
	}
	if who := squatter(f); who != "" {
		return []doubt{{code: PipeSquatted, subject: s.Path, evidence: who, known: numberOf(f.Windows.Server)}}
	}
	if s.Reached == Foreign {
		return []doubt{{code: SocketForeign, subject: s.Path, evidence: s.Words}}
	}
	if s.Reached == Answered || len(judgeManager(f)) > 0 || len(judgeConfig(f)) > 0 {
		return nil
	}
	code := map[Reached]Code{Missing: SocketMissing, Dead: SocketDead, Forbidden: SocketMode, Silent: DaemonSilent, Throttled: CallsThrottled, Broken: DaemonSilent}[s.Reached]
	return []doubt{{code: code, subject: s.Path, evidence: s.Words}}
}

// judgeConfig says that no daemon would start; what a running one makes of its
// configuration is judgePolicy's.
func judgeConfig(f Facts) []doubt {
	if f.Daemon != nil || f.Config == nil || len(f.Config.Fatal) == 0 {
		return nil
	}
	for _, d := range judgeManager(f) {
		if d.code == ConfigInvalid {
			return nil
		}
	}
	return []doubt{{code: ConfigInvalid, subject: "", evidence: strings.Join(f.Config.Fatal, "; ")}}
}

func judgeVersion(f Facts) []doubt {
	daemons := f.Daemon.Status.Version
	if daemons == f.Client.Version {
		return nil
	}
	return []doubt{{code: DaemonOlder, subject: "", evidence: fmt.Sprintf("regentd is %s, and this program %s", daemons, f.Client.Version)}}
}

func judgeOthers(f Facts) []doubt {
	if len(judgeManager(f)) > 0 {
		return nil // it was said there
	}
	var out []doubt
	for _, p := range f.Others {
		out = append(out, doubt{code: TwoDaemons, subject: p.Shares, evidence: fmt.Sprintf("process %d, which answered here, and process %d both run regentd with %s", f.Daemon.PID, p.PID, p.Shares)})
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
	return []doubt{{code: code, subject: f.Daemon.StateDir, evidence: unusable(f.Daemon.Status.Summary), known: []string{"STATE", f.Daemon.StateDir}}}
}

// unusable is what is wrong, of a text about a store: its advice follows it, which
// the finding has in the table's words.
func unusable(text string) string {
	for _, advice := range []string{", so nothing is served", "; nothing was changed"} {
		text, _, _ = strings.Cut(text, advice)
	}
	return text
}

func judgeDisk(f Facts) []doubt {
	switch d := f.Daemon.Disk; {
	case d.Failure == "":
		return nil
	case d.Full:
		return []doubt{{code: DiskFull, subject: f.Daemon.StateDir, evidence: d.Failure}}
	default:
		return []doubt{{code: StateNotWritable, subject: f.Daemon.StateDir, evidence: d.Failure}}
	}
}

// ConfigSource is the source of a problem that is a local configuration which
// was not taken: the one before it is in force.
const ConfigSource = "configuration"

// LogSource is the source of a problem that is a log which cannot be written.
const LogSource = "log"

// RegistrationSource begins the source of a problem with the file or credential
// that brings a registration token.
const RegistrationSource = "registration token "

// BringsToken reports whether a status has such a problem.
func BringsToken(s status.Status) bool { return slices.ContainsFunc(s.Problems, bringsToken) }

func bringsToken(p status.Problem) bool { return strings.HasPrefix(p.Source, RegistrationSource) }

func judgePolicy(f Facts) []doubt {
	var out []doubt
	s := f.Daemon.Status
	var invalid string
	for _, p := range s.Problems {
		switch p.Source {
		case ConfigSource:
			invalid = p.Detail
			out = append(out, doubt{code: ConfigInvalid, subject: "", evidence: p.Detail})
		case LogSource:
			out = append(out, doubt{code: LogLost, subject: "", evidence: p.Detail})
		}
	}
	for _, p := range s.Problems {
		if bringsToken(p) {
			out = append(out, doubt{code: RegistrationFile, subject: strings.TrimPrefix(p.Source, RegistrationSource), evidence: p.Detail})
			continue
		}
		if p.Source != ConfigSource && p.Source != LogSource && !strings.Contains(invalid, p.Detail) && !saysClosed(p, s.Applications) && !saysSettings(p, f.Daemon.Ways) {
			out = append(out, doubt{code: PolicyProblem, subject: p.Source, evidence: p.Detail})
		}
	}
	if len(s.Applications) == 0 {
		out = append(out, doubt{code: NoApplication, subject: "", evidence: "the configuration in force names none"})
	}
	for _, a := range s.Applications {
		if a.Rules == 0 {
			out = append(out, doubt{code: ApplicationClosed, subject: a.ID, evidence: "it has no rule under allow"})
		}
	}
	return out
}

// times says how often something was.
func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// saysClosed reports whether a problem is that an application has no rule, which
// has a code of its own.
func saysClosed(p status.Problem, apps []status.Application) bool {
	return slices.ContainsFunc(apps, func(a status.Application) bool {
		return a.Rules == 0 && strings.HasPrefix(p.Detail, "applications."+a.ID) && strings.Contains(p.Detail, "has no allow rule")
	})
}

// settingsFiles are the keys that name a file on which the way to the service
// depends.
var settingsFiles = []string{"network.ca_file", "network.proxy_credentials_file"}

// saysSettings reports whether a problem is why a way fails before it begins, which
// has a code of its own.
func saysSettings(p status.Problem, ways []Way) bool {
	return slices.ContainsFunc(ways, func(w Way) bool {
		file := slices.ContainsFunc(settingsFiles, func(key string) bool {
			return strings.HasPrefix(p.Detail, key) && strings.HasPrefix(w.why(), key)
		})
		return w.Step == AtSettings && (file || strings.HasPrefix(p.Detail, w.why()))
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
		out = append(out, doubt{code: CallerDenied, subject: d.Application, evidence: fmt.Sprintf("%s, last at %s by process %d of user %s (%s): %s",
			times(d.Times), d.At.UTC().Format("15:04:05Z"), d.PID, d.User, d.Exe, d.Reason), known: []string{"PID", strconv.Itoa(d.PID), "APPLICATION", d.Application}})
	}
	return out
}
