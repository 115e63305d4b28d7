package doctor

import (
	"cmp"
	"fmt"
	"strconv"
	"time"
)

// maxDrift is how far a clock is off that is kept: anything beyond shows that
// nobody keeps it.
const maxDrift = time.Minute

// judgeService says why the service manager of Windows runs no daemon.
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
		return nil // that is why
	default:
		code, said = ServiceFailing, fmt.Sprintf("%s, and ended with code %d", said, s.Exit)
	}
	return []diagnosis{{code: code, subject: s.Name, evidence: said}}
}

// otherDaemon is about a daemon that answers and is not the service's.
func otherDaemon(f Facts, s Service, said string) []diagnosis {
	if s.State == ServiceNotInstalled || s.PID == f.Daemon.PID {
		return nil
	}
	if s.PID != 0 {
		said += fmt.Sprintf(", process %d", s.PID)
	}
	return []diagnosis{{code: TwoDaemons, subject: f.Socket.Path, evidence: fmt.Sprintf("%s, and yet process %d answers", said, f.Daemon.PID), placeholders: []string{"NUMBER", strconv.Itoa(f.Daemon.PID)}}}
}

// squatter says who has the pipe in the service's place; "" is nobody, or it is
// not known.
func squatter(f Facts) string {
	w := f.Windows
	if w == nil || f.Daemon != nil {
		return ""
	}
	who := ""
	if w.PipeOwner != nil {
		who = fmt.Sprintf("process %d (%s) serves it", w.PipeOwner.PID, cmp.Or(w.PipeOwner.Exe, "its program may not be seen"))
	}
	switch s := w.Service; {
	case s != nil && w.PipeOwner != nil && s.PID == w.PipeOwner.PID:
		return "" // it is the service's, whoever that runs as
	case f.Socket.Connection == ConnectionForeign:
		return joined(f.Socket.Failure, who)
	case s == nil:
		return ""
	case w.PipeOwner != nil && s.PID == 0:
		return joined(who, fmt.Sprintf("the service %s is %s", s.Name, s.State))
	case w.PipeOwner != nil:
		return joined(who, fmt.Sprintf("the service %s is process %d", s.Name, s.PID))
	case s.PID != 0:
		return "" // it is busy itself
	case f.Socket.Connection == ConnectionForbidden:
		return joined("somebody serves it and lets this user not look", fmt.Sprintf("the service %s is %s", s.Name, s.State))
	case f.Socket.Connection == ConnectionTimeout: // with nobody there it would be missing
		return joined("somebody serves it and answers nobody", fmt.Sprintf("the service %s is %s", s.Name, s.State))
	}
	return ""
}

// pidPlaceholder is the PID for where the next step has a word for it, if it is known.
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
		return "only an administrator may see them, or it is not the installed daemon"
	}
	return ""
}

// judgeAccess names each thing that more people may use than is meant.
func judgeAccess(f Facts) []diagnosis {
	var out []diagnosis
	for _, w := range f.Windows.AccessLists {
		out = append(out, diagnosis{code: PermissionsTooBroad, subject: w.Path, evidence: w.Who, placeholders: []string{"COMMAND", w.Fix}})
	}
	return out
}

func noTimeService(f Facts) string {
	if f.Windows.TimeService == nil || f.Windows.TimeService.State == ServiceNotInstalled {
		return "this system has none, or does not say how it is"
	}
	return ""
}

// judgeTimeService says that nobody keeps the clock. One that is started when it is
// wanted, as where a device is in no domain, may rest as long as the clock is right.
func judgeTimeService(f Facts) []diagnosis {
	k := *f.Windows.TimeService
	if k.State != ServiceEnded || len(judgeClock(f)) > 0 {
		return nil // that it is wrong is said, and what to do
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

// skewOf is how far the clock is off by the service that it is furthest off from.
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
