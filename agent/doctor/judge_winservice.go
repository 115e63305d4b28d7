package doctor

import (
	"cmp"
	"fmt"
	"strconv"
	"time"
)

// maxDrift is the largest error of a clock that a time service sets.
const maxDrift = time.Minute

// judgeService finds why Windows runs no daemon.
func judgeService(f Facts) []diagnosis {
	s := f.Windows.Service
	if s == nil || squatter(f) != "" {
		return nil
	}
	said := fmt.Sprintf("the service %s is %s", s.Name, s.State)
	var code Code
	switch {
	case f.Daemon != nil:
		return otherDaemon(f, *s, said)
	case s.State == ServiceNotInstalled:
		code = ServiceMissing
	case s.State != ServiceEnded:
		return nil
	case s.Start == StartDisabled:
		code, said = ServiceDisabled, said+" and disabled"
	case s.Exit == 0:
		code = ServiceStopped
	case f.Config != nil && len(f.Config.Fatal) > 0:
		return nil // judgeConfig finds the reason
	default:
		code, said = ServiceFailing, fmt.Sprintf("%s, and ended with code %d", said, s.Exit)
	}
	return []diagnosis{{code: code, subject: s.Name, evidence: said}}
}

// otherDaemon finds a daemon that answers but is not the service's process.
func otherDaemon(f Facts, s Service, said string) []diagnosis {
	if s.State == ServiceNotInstalled || s.PID == f.Daemon.PID {
		return nil
	}
	if s.PID != 0 {
		said += fmt.Sprintf(", process %d", s.PID)
	}
	return []diagnosis{{code: TwoDaemons, subject: f.Socket.Path, evidence: fmt.Sprintf("%s, but process %d answers", said, f.Daemon.PID), placeholders: []string{"NUMBER", strconv.Itoa(f.Daemon.PID)}}}
}

// squatter describes another process that has the service's pipe; "" if there is none, or
// it is not known.
func squatter(f Facts) string {
	w := f.Windows
	if w == nil || f.Daemon != nil {
		return ""
	}
	who := ""
	if w.PipeOwner != nil {
		who = fmt.Sprintf("process %d (%s) has it", w.PipeOwner.PID, cmp.Or(w.PipeOwner.Exe, "this user may not see its program"))
	}
	switch s := w.Service; {
	case s != nil && w.PipeOwner != nil && s.PID == w.PipeOwner.PID:
		return "" // the service's own process, under any account
	case f.Socket.Connection == ConnectionForeign:
		return joined(f.Socket.Failure, who)
	case s == nil:
		return ""
	case w.PipeOwner != nil && s.PID == 0:
		return joined(who, fmt.Sprintf("the service %s is %s", s.Name, s.State))
	case w.PipeOwner != nil:
		return joined(who, fmt.Sprintf("the service %s is process %d", s.Name, s.PID))
	case s.PID != 0:
		return "" // the service itself is busy
	case f.Socket.Connection == ConnectionForbidden:
		return joined("another process has it and denies this user access", fmt.Sprintf("the service %s is %s", s.Name, s.State))
	case f.Socket.Connection == ConnectionTimeout: // without a process it would be missing
		return joined("another process has it and does not answer", fmt.Sprintf("the service %s is %s", s.Name, s.State))
	}
	return ""
}

// pidPlaceholder returns the placeholder for the PID, if it is known.
func pidPlaceholder(s *PipeOwner) []string {
	if s == nil {
		return nil
	}
	return []string{"NUMBER", strconv.Itoa(s.PID)}
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

func noAccessLists(f Facts) string {
	if f.Windows.AccessLists == nil {
		return "only an administrator may see them, or the daemon is another one"
	}
	return ""
}

// judgeAccess finds permissions that are too broad.
func judgeAccess(f Facts) []diagnosis {
	var out []diagnosis
	for _, w := range f.Windows.AccessLists {
		out = append(out, diagnosis{code: PermissionsTooBroad, subject: w.Path, evidence: w.Who, placeholders: []string{"COMMAND", w.Fix}})
	}
	return out
}

func noTimeService(f Facts) string {
	if f.Windows.TimeService == nil || f.Windows.TimeService.State == ServiceNotInstalled {
		return "this system has none, or does not show its state"
	}
	return ""
}

// judgeTimeService finds a time service that is stopped. A manual one may be stopped while
// the clock is right, for example on a device without a domain.
func judgeTimeService(f Facts) []diagnosis {
	k := *f.Windows.TimeService
	if k.State != ServiceEnded || len(judgeClock(f)) > 0 {
		return nil // judgeClock finds a wrong clock
	}
	said := fmt.Sprintf("the service %s is stopped, its start is %s", k.Name, k.Start)
	skew, host := skewOf(f)
	switch {
	case skew.Abs() > maxDrift:
		said = fmt.Sprintf("%s, and by %s %s", said, host, clockError(skew))
	case k.Start == StartManual:
		return nil
	}
	return []diagnosis{{code: TimeServiceStopped, subject: k.Name, evidence: said}}
}

// skewOf returns the largest clock error, and the service that shows it.
func skewOf(f Facts) (skew time.Duration, host string) {
	if f.Daemon == nil {
		return 0, ""
	}
	for _, w := range f.Daemon.ServiceChecks {
		if s := time.Duration(w.SkewSeconds) * time.Second; s.Abs() > skew.Abs() {
			skew, host = s, w.Host
		}
	}
	return skew, host
}
