package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"regent/agent/fault"
	"regent/agent/status"
)

// The units of the package, and two exit statuses: of regentd for a bad configuration, and
// of systemd for credentials that it could not set up.
const (
	DaemonUnit      = "regentd.service"
	KeyUnit         = "regentd-key.service"
	exitUsage       = 2
	exitCredentials = 243
)

// Masked is the state of a unit that an administrator masked.
const Masked = "masked"

// unitOf returns the unit of a name; the zero value if there is none.
func unitOf(units []Unit, name string) Unit {
	i := slices.IndexFunc(units, func(u Unit) bool { return u.Name == name })
	if i < 0 {
		return Unit{}
	}
	return units[i]
}

// judgeManager finds why systemd or Windows runs no daemon.
func judgeManager(f Facts) []diagnosis {
	if f.Windows != nil {
		return judgeService(f)
	}
	return judgeUnits(f)
}

// UnitFault returns why systemd runs no daemon: a code and its unit. The code is "" if the
// daemon runs or is not installed, or if the units show no reason.
func UnitFault(units []Unit) (Code, Unit) {
	daemon, key := unitOf(units, DaemonUnit), unitOf(units, KeyUnit)
	switch {
	case daemon.Name == "" || daemon.Active == "active":
		return "", daemon
	case MaskedUnits(units) != "":
		return ServiceMasked, daemon
	case key.Active == "failed":
		return ServiceCredential, key
	case daemon.Active == "inactive" && daemon.Result == "success":
		return ServiceStopped, daemon
	case daemon.Exit == exitCredentials && daemon.OtherMachine:
		return MachineIDChanged, daemon
	case daemon.Exit == exitCredentials:
		return ServiceCredential, daemon
	case daemon.Exit == exitUsage && daemon.Result == "exit-code":
		return ConfigInvalid, daemon
	case daemon.Active == "failed" || daemon.Result != "success":
		return ServiceFailing, daemon
	}
	return "", daemon
}

// judgeUnits finds why systemd runs no daemon. If a daemon answers anyway, it is another
// one; see judgeOthers.
func judgeUnits(f Facts) []diagnosis {
	code, u := UnitFault(f.Units)
	said := fmt.Sprintf("%s is %s (result %s, exit status %d)", u.Name, u.Active, u.Result, u.Exit)
	d := diagnosis{code: code, subject: u.Name, evidence: said}
	switch {
	case u.Name == "" || f.Daemon != nil && u.Active == "active":
		return nil
	case u.Name == KeyUnit:
		d.evidence = fmt.Sprintf("%s is failed (result %s)", KeyUnit, u.Result)
	case f.Daemon != nil:
		d.code, d.subject, d.evidence = TwoDaemons, f.Socket.Path, fmt.Sprintf("%s, but a daemon answers, process %d", said, f.Daemon.PID)
	case code == "":
		return nil
	case code == ServiceMasked:
		d.evidence, d.placeholders = "masked: "+MaskedUnits(f.Units), []string{"UNIT", MaskedUnits(f.Units)}
	case code == MachineIDChanged:
		d.evidence += ", and systemd's host key is of another machine-id"
	case code == ConfigInvalid:
		d.evidence = withConfig(f, said)
	}
	return []diagnosis{d}
}

// MaskedUnits names the masked units; "" if there are none.
func MaskedUnits(units []Unit) string {
	var names []string
	for _, u := range units {
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

// judgeSocket finds why no daemon answers, if the service manager and the configuration
// do not explain it.
func judgeSocket(f Facts) []diagnosis {
	s := f.Socket
	if s.Closed != "" && (s.Connection == ConnectionAnswered || s.Connection == ConnectionForbidden) {
		return []diagnosis{{code: SocketMode, subject: s.Path, evidence: s.Closed}}
	}
	if who := squatter(f); who != "" {
		return []diagnosis{{code: PipeSquatted, subject: s.Path, evidence: who, placeholders: pidPlaceholder(f.Windows.PipeOwner)}}
	}
	if s.Connection == ConnectionForeign {
		return []diagnosis{{code: SocketForeign, subject: s.Path, evidence: s.Failure}}
	}
	if s.Connection == ConnectionAnswered || len(judgeManager(f)) > 0 || len(judgeConfig(f)) > 0 {
		return nil
	}
	code := map[Connection]Code{ConnectionNoSocket: SocketMissing, ConnectionRefused: SocketRefused, ConnectionForbidden: SocketMode, ConnectionTimeout: DaemonSilent, ConnectionThrottled: Throttled, ConnectionFailed: DaemonSilent}[s.Connection]
	return []diagnosis{{code: code, subject: s.Path, evidence: s.Failure}}
}

// judgeConfig finds a configuration with which no daemon starts. judgePolicy checks the
// configuration of a running one.
func judgeConfig(f Facts) []diagnosis {
	if f.Daemon != nil || f.Config == nil || len(f.Config.Fatal) == 0 {
		return nil
	}
	for _, d := range judgeManager(f) {
		if d.code == ConfigInvalid {
			return nil
		}
	}
	return []diagnosis{{code: ConfigInvalid, subject: "", evidence: strings.Join(f.Config.Fatal, "; ")}}
}

func judgeVersion(f Facts) []diagnosis {
	daemons := f.Daemon.Status.Version
	if daemons == f.Client.Version {
		return nil
	}
	return []diagnosis{{code: DaemonVersion, subject: "", evidence: fmt.Sprintf("regentd is %s, and this program %s", daemons, f.Client.Version)}}
}

func judgeOthers(f Facts) []diagnosis {
	if len(judgeManager(f)) > 0 {
		return nil // judgeManager found it
	}
	var out []diagnosis
	for _, p := range f.Others {
		out = append(out, diagnosis{code: TwoDaemons, subject: p.Shares, evidence: fmt.Sprintf("process %d, which answered here, and process %d both run regentd with %s", f.Daemon.PID, p.PID, p.Shares)})
	}
	return out
}

// judgeStore finds why the store cannot be used.
func judgeStore(f Facts) []diagnosis {
	if f.Daemon.Unusable == "" {
		return nil
	}
	code := Code(f.Daemon.Unusable)
	if _, known := Lookup(code); !known {
		code = StoreUnreadable
	}
	return []diagnosis{{code: code, subject: f.Daemon.StateDir, evidence: unusable(f.Daemon.Status.Summary), placeholders: []string{"STATE", f.Daemon.StateDir}}}
}

// unusable returns the problem in a text about a store, without the advice. A finding has
// the advice of the table.
func unusable(text string) string {
	for _, advice := range []string{", so Regent issues no token", ", so nothing is served", ". Regent changed no state", "; nothing was changed"} {
		text, _, _ = strings.Cut(text, advice)
	}
	return text
}

func judgeDisk(f Facts) []diagnosis {
	switch d := f.Daemon.Disk; {
	case d.Failure == "":
		return nil
	case d.Full:
		return []diagnosis{{code: DiskFull, subject: f.Daemon.StateDir, evidence: d.Failure}}
	default:
		return []diagnosis{{code: StateNotWritable, subject: f.Daemon.StateDir, evidence: d.Failure}}
	}
}

// ConfigSource is the source of a problem with a local configuration that the daemon did
// not apply. The previous one stays active.
const ConfigSource = "configuration"

// NeedsRestart ends the detail of a problem with a key whose new value applies after a
// restart.
const NeedsRestart = "the changed value needs a restart"

// LogSource is the source of a problem with a log that cannot be written.
const LogSource = "log"

// RegistrationSource is the prefix of the source of a problem with the file or credential
// of a registration token.
const RegistrationSource = "registration token "

// HasTokenProblem reports whether a status has such a problem.
func HasTokenProblem(s status.Status) bool { return slices.ContainsFunc(s.Problems, isTokenProblem) }

func isTokenProblem(p status.Problem) bool { return strings.HasPrefix(p.Source, RegistrationSource) }

func judgePolicy(f Facts) []diagnosis {
	var out []diagnosis
	s := f.Daemon.Status
	invalid := "" // problem of the whole configuration
	if i := slices.IndexFunc(s.Problems, func(p status.Problem) bool { return p.Source == ConfigSource }); i >= 0 {
		invalid = s.Problems[i].Detail
	}
	for _, p := range s.Problems {
		switch {
		case p.Source == ConfigSource:
			out = append(out, diagnosis{code: ConfigInvalid, evidence: p.Detail})
		case p.Source == LogSource:
			out = append(out, diagnosis{code: LogNotWritable, evidence: p.Detail})
		case strings.HasSuffix(p.Detail, NeedsRestart):
			evidence, _, _ := strings.Cut(p.Detail, "; ") // Do has the next step
			out = append(out, diagnosis{code: RestartNeeded, subject: p.Source, evidence: evidence})
		case isTokenProblem(p):
			out = append(out, diagnosis{code: RegistrationFile, subject: strings.TrimPrefix(p.Source, RegistrationSource), evidence: p.Detail})
		case strings.Contains(invalid, p.Detail), isAllowRuleMissing(p, s.Applications), isNetworkSettings(p, f.Daemon.ServiceChecks): // it has its own code
		default:
			out = append(out, diagnosis{code: PolicyProblem, subject: p.Source, evidence: p.Detail})
		}
	}
	if len(s.Applications) == 0 {
		out = append(out, diagnosis{code: NoApplication, subject: "", evidence: noApplicationEvidence(f.Daemon.Config)})
	}
	for _, a := range s.Applications {
		if a.Rules == 0 {
			out = append(out, diagnosis{code: AllowRuleMissing, subject: a.ID, evidence: "it has no rule under allow"})
		}
	}
	return out
}

// noApplicationEvidence names the daemon's configuration file, if it is known.
func noApplicationEvidence(config string) string {
	if config == "" {
		return "the active configuration names none"
	}
	return "neither " + config + ", nor config.d beside it, nor managed policy names one"
}

// times formats a number of times.
func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// isAllowRuleMissing reports whether the problem is an application without a rule, which has
// its own code.
func isAllowRuleMissing(p status.Problem, apps []status.Application) bool {
	return slices.ContainsFunc(apps, func(a status.Application) bool {
		return a.Rules == 0 && strings.HasPrefix(p.Detail, "applications."+a.ID) && strings.Contains(p.Detail, "has no allow rule")
	})
}

// settingsFiles are the keys that name a file for connections to the service.
var settingsFiles = []string{"network.ca_file", "network.proxy_credentials_file"}

// isNetworkSettings reports whether the problem is the cause of a failed service check, which
// has its own code.
func isNetworkSettings(p status.Problem, ways []ServiceCheck) bool {
	return slices.ContainsFunc(ways, func(w ServiceCheck) bool {
		file := slices.ContainsFunc(settingsFiles, func(key string) bool {
			return strings.HasPrefix(p.Detail, key) && strings.HasPrefix(w.failureText(), key)
		})
		return w.Stage == fault.StageSettings && (file || strings.HasPrefix(p.Detail, w.failureText()))
	})
}

func judgeDenials(f Facts) []diagnosis {
	closed := map[string]bool{}
	for _, a := range f.Daemon.Status.Applications {
		closed[a.ID] = a.Rules == 0 // judgePolicy finds it
	}
	var out []diagnosis
	for _, d := range f.Daemon.Denials {
		if closed[d.Application] {
			continue
		}
		out = append(out, diagnosis{code: Denied, subject: d.Application, evidence: fmt.Sprintf("%s, last at %s by process %d of user %s (%s): %s",
			times(d.Times), d.At.UTC().Format("15:04:05Z"), d.PID, d.User, d.Exe, d.Reason), placeholders: []string{"PID", strconv.Itoa(d.PID), "APPLICATION", d.Application}})
	}
	return out
}
