package peer

import (
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// numberOf returns the number of a process, and its parent (PIDFD_GET_INFO, Linux 6.13 and
// later). The number is the inode of the pidfd. The kernel gives no number twice in one
// boot. ok is false on older kernels, and on 32-bit systems, where the number is shorter.
func numberOf(pidfd, pid int) (number uint64, parent int, ok bool) {
	var info unix.PidfdInfo
	if strconv.IntSize < 64 || unix.IoctlPidfdInfo(pidfd, &info) != nil || int(info.Tgid) != pid {
		return 0, 0, false
	}
	var st unix.Stat_t
	if unix.Fstat(pidfd, &st) != nil {
		return 0, 0, false
	}
	return st.Ino, int(info.Ppid), true
}

// maxStarts is how many start times of processes are remembered.
const maxStarts = 4096

// startTimes remembers the start time of processes by their number. A process has the same
// one always, and reading it from /proc takes longer than all else about a process. It is
// safe for concurrent use.
type startTimes struct {
	mu       sync.Mutex
	byNumber map[uint64]uint64
}

var starts startTimes

func (s *startTimes) get(number uint64) (start uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	start, ok = s.byNumber[number]
	return start, ok
}

// add remembers the start time of a process that was alive after its start time was read.
func (s *startTimes) add(number, start uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byNumber == nil || len(s.byNumber) >= maxStarts {
		s.byNumber = map[uint64]uint64{}
	}
	s.byNumber[number] = start
}

// stat returns the parent and the start time of a process. read says that they are from
// /proc, where the PID may mean another process already.
func (p *Process) stat(pid int) (st procStat, read bool, err error) {
	number, parent, ok := numberOf(p.fd, pid)
	if !ok {
		st, err = readStat(pid)
		return st, true, err
	}
	p.number = number
	if start, known := starts.get(number); known {
		return procStat{parent, start}, false, nil
	}
	st, err = readStat(pid)
	return st, true, err
}
