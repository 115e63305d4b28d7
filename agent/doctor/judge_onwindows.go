package doctor

import (
	"cmp"
	"fmt"
	"strconv"
	"time"
)

// maxUnkept is how far a clock is off that is kept: anything beyond shows that
// nobody keeps it.
const maxUnkept = time.Minute

// judgeService says why the service manager of Windows runs no daemon.
func judgeService(f Facts) []doubt {
	s := f.Windows.Service
	if s == nil || squatter(f) != "" {
		return nil
	}
	said := fmt.Sprintf("the service %s is %s", s.Name, s.State)
	var code Code
	switch {
	case f.Daemon != nil:
		return besides(f, *s, said)
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
	return []doubt{{code: code, subject: s.Name, evidence: said}}
}

// besides is about a daemon that answers and is not the service's.
func besides(f Facts, s Service, said string) []doubt {
	if s.State == ServiceNotInstalled || s.PID == f.Daemon.PID {
		return nil
	}
	if s.PID != 0 {
		said += fmt.Sprintf(", process %d", s.PID)
	}
	return []doubt{{code: TwoDaemons, subject: f.Socket.Path, evidence: fmt.Sprintf("%s, and yet process %d answers", said, f.Daemon.PID), known: []string{"NUMBER", strconv.Itoa(f.Daemon.PID)}}}
}

// squatter says who has the pipe in the service's place; "" is nobody, or it is
// not known.
func squatter(f Facts) string {
	w := f.Windows
	if w == nil || f.Daemon != nil {
		return ""
	}
	who := ""
	if w.Server != nil {
		who = fmt.Sprintf("process %d (%s) serves it", w.Server.PID, cmp.Or(w.Server.Exe, "its program may not be seen"))
	}
	switch s := w.Service; {
	case s != nil && w.Server != nil && s.PID == w.Server.PID:
		return "" // it is the service's, whoever that runs as
	case f.Socket.Reached == Foreign:
		return joined(f.Socket.Words, who)
	case s == nil:
		return ""
	case w.Server != nil && s.PID == 0:
		return joined(who, fmt.Sprintf("the service %s is %s", s.Name, s.State))
	case w.Server != nil:
		return joined(who, fmt.Sprintf("the service %s is process %d", s.Name, s.PID))
	case s.PID != 0:
		return "" // it is busy itself
	case f.Socket.Reached == Forbidden:
		return joined("somebody serves it and lets this user not look", fmt.Sprintf("the service %s is %s", s.Name, s.State))
	case f.Socket.Reached == Silent: // with nobody there it would be missing
		return joined("somebody serves it and answers nobody", fmt.Sprintf("the service %s is %s", s.Name, s.State))
	}
	return ""
}

// numberOf is the PID for where the next step has a word for it, if it is known.
func numberOf(s *Server) []string {
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

func noLists(f Facts) string {
	if f.Windows.Lists == nil {
		return "only an administrator may see them, or it is not the installed daemon"
	}
	return ""
}

// judgeLists names each thing that more people may use than is meant.
func judgeLists(f Facts) []doubt {
	var out []doubt
	for _, w := range f.Windows.Lists.Widened {
		out = append(out, doubt{code: AccessWidened, subject: w.Path, evidence: w.Who, known: []string{"COMMAND", w.Mend}})
	}
	return out
}

func noKeeper(f Facts) string {
	if f.Windows.Keeper == nil || f.Windows.Keeper.State == ServiceNotInstalled {
		return "this system has none, or does not say how it is"
	}
	return ""
}

// judgeKeeper says that nobody keeps the clock. One that is started when it is
// wanted, as where a device is in no domain, may rest as long as the clock is right.
func judgeKeeper(f Facts) []doubt {
	k := *f.Windows.Keeper
	if k.State != ServiceEnded || len(clockDoubts(f)) > 0 {
		return nil // that it is wrong is said, and what to do
	}
	said := fmt.Sprintf("the service %s is stopped, its start is %s", k.Name, k.Start)
	skew, host := skewOf(f)
	switch {
	case skew.Abs() > maxUnkept:
		said = fmt.Sprintf("%s, and by %s %s", said, host, wrongBy(skew))
	case k.Start == StartManual:
		return nil
	}
	return []doubt{{code: ClockUnkept, subject: k.Name, evidence: said}}
}

// skewOf is how far the clock is off by the service that it is furthest off from.
func skewOf(f Facts) (skew time.Duration, host string) {
	if f.Daemon == nil {
		return 0, ""
	}
	for _, w := range f.Daemon.Ways {
		if s := time.Duration(w.SkewSeconds) * time.Second; s.Abs() > skew.Abs() {
			skew, host = s, w.Host
		}
	}
	return skew, host
}

func clockDoubts(f Facts) []doubt {
	if f.Daemon == nil {
		return nil
	}
	return judgeClock(f)
}
