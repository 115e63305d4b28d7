package peer

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

func openProcess(pid int, start uint64) (*Process, error) {
	p, err := openByPID(pid)
	if err != nil {
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	// While p is alive, no other process has its PID, so /proc describes p.
	st, err := readStat(pid)
	if err == nil {
		err = p.Alive()
	}
	if err == nil && st.start != start {
		err = fmt.Errorf("process %d started at %d, not %d: %w", pid, st.start, start, ErrGone)
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func find(pid int) (*Peer, error) {
	held, err := openByPID(pid)
	if err != nil {
		return nil, fmt.Errorf("find process %d: %w", pid, err)
	}
	p := &Peer{Identity: Identity{PID: pid}, process: newTarget(pid, held)}
	b, err := os.ReadFile(p.proc("status"))
	if err == nil {
		p.UID, p.GIDs, err = parseStatus(b)
	}
	if err == nil {
		err = p.read()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("find process %d: %w", pid, err), p.Close())
	}
	return p, nil
}

// parseStatus returns the effective user and all groups in /proc/PID/status: those that a
// connection of the process would have.
func parseStatus(b []byte) (uid string, gids []string, err error) {
	status := statusFields(b)
	if len(status["Uid"]) != 4 || len(status["Gid"]) != 4 {
		return "", nil, errors.New("/proc/PID/status: no line Uid or Gid with four numbers")
	}
	uid, gids = status["Uid"][1], []string{status["Gid"][1]}
	for _, g := range status["Groups"] {
		gids = appendNew(gids, g)
	}
	for _, id := range append([]string{uid}, gids...) {
		if _, err := strconv.ParseUint(id, 10, 32); err != nil {
			return "", nil, fmt.Errorf("/proc/PID/status: %.20q is no id", id)
		}
	}
	return uid, gids, nil
}

// statusFields returns the words of each line of /proc/PID/status, by the line's name.
func statusFields(b []byte) map[string][]string {
	status := map[string][]string{}
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, ":")
		status[name] = strings.Fields(rest)
	}
	return status
}
