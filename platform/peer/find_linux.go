package peer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func openProcess(pid int, start uint64) (*Process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil, fmt.Errorf("open process %d: %w", pid, ErrGone)
	}
	if err != nil {
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	p := &Process{fd: fd}
	// While p lives its PID is its own, so what /proc says is said of p.
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
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil, fmt.Errorf("find process %d: %w", pid, ErrGone)
	}
	if err != nil {
		return nil, fmt.Errorf("find process %d: %w", pid, err)
	}
	p := &Peer{Identity: Identity{PID: pid}, process: newTarget(pid, fd)}
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

// parseStatus finds the effective user and all groups in /proc/PID/status: what
// a connection of the process would carry.
func parseStatus(b []byte) (uid string, gids []string, err error) {
	var gid string
	var more []string
	for line := range bytes.Lines(b) {
		name, rest, _ := strings.Cut(string(line), ":")
		fields := strings.Fields(rest)
		switch {
		case name == "Uid" && len(fields) == 4:
			uid = fields[1]
		case name == "Gid" && len(fields) == 4:
			gid = fields[1]
		case name == "Groups":
			more = fields
		}
	}
	if uid == "" || gid == "" {
		return "", nil, errors.New("/proc/PID/status: no line Uid or Gid with four numbers")
	}
	gids = []string{gid}
	for _, g := range more {
		if !slices.Contains(gids, g) {
			gids = append(gids, g)
		}
	}
	for _, id := range append([]string{uid}, gids...) {
		if _, err := strconv.ParseUint(id, 10, 32); err != nil {
			return "", nil, fmt.Errorf("/proc/PID/status: %.20q is no id", id)
		}
	}
	return uid, gids, nil
}
