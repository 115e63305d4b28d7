package agent

import (
	"slices"
	"strings"
	"sync"
	"time"

	"regent/agent/audit"
	"regent/agent/doctor"
	"regent/agent/fault"
)

// A denial is of interest for so long, and so many are kept.
const (
	denialLifetime = time.Hour
	maxDenials     = 16
)

// denials are the last refusals of tokens by the rules, for a diagnosis: one for
// each user, application and program, until that user gets a token. The zero
// value is empty. It is safe for concurrent use.
type denials struct {
	mu   sync.Mutex
	last []denial // the oldest first
}

type denial struct {
	uid string
	doctor.Denial
}

// record takes a request for a token into account.
func (d *denials) record(e audit.Access) {
	if e.Outcome != "" && e.Outcome != fault.Denied {
		return // of no interest here, and mostly the same again and again
	}
	application, _, _ := strings.Cut(e.Instance, "/")
	d.mu.Lock()
	defer d.mu.Unlock()
	same := func(k denial) bool {
		return k.uid == e.Caller.UID && k.Application == application && (e.Outcome == "" || k.Exe == e.Caller.Exe)
	}
	if e.Outcome == "" {
		d.last = slices.DeleteFunc(d.last, same)
		return
	}
	times := 1
	if i := slices.IndexFunc(d.last, same); i >= 0 {
		times += d.last[i].Times
		d.last = slices.Delete(d.last, i, i+1)
	}
	if len(d.last) == maxDenials {
		d.last = slices.Delete(d.last, 0, 1)
	}
	who := e.Caller.User
	if who == "" {
		who = "uid " + e.Caller.UID
	}
	d.last = append(d.last, denial{e.Caller.UID, doctor.Denial{
		Application: application, User: who, Exe: e.Caller.Exe, PID: e.Caller.PID,
		Reason: e.Decision.Reason, At: e.At, Times: times,
	}})
}

// since returns those of uid, or of everybody, that are of interest at now.
func (d *denials) since(now time.Time, uid string, everybody bool) []doctor.Denial {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := []doctor.Denial{}
	for _, k := range d.last {
		if now.Sub(k.At) <= denialLifetime && (everybody || k.uid == uid) {
			out = append(out, k.Denial)
		}
	}
	return out
}

func (d *denials) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = nil
}
