package peer

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// procStat has the used fields of /proc/PID/stat.
type procStat struct {
	parent int
	start  uint64 // clock ticks after boot
}

// maxStat is larger than the kernel's text: 52 numbers and a name of at most 64 bytes.
const maxStat = 2048

// readStat makes three system calls per connection. os.ReadFile would cost 1.5 times as much.
func readStat(pid int) (procStat, error) {
	name := procPath(pid, "stat")
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return procStat{}, fmt.Errorf("open %s: %w: %w", name, ErrGone, err)
	}
	if err != nil {
		return procStat{}, fmt.Errorf("open %s: %w", name, err)
	}
	var buf [maxStat]byte
	n, err := unix.Read(fd, buf[:])
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		return procStat{}, fmt.Errorf("read %s: %w", name, err)
	}
	return parseStat(buf[:n])
}

// Field numbers of /proc/PID/stat, from the first field after the command's name.
const (
	statParent = 1
	statStart  = 19
)

// parseStat parses /proc/PID/stat. The second field is the command's name in parentheses.
// The process chooses the name, which can contain spaces and parentheses. So parseStat
// counts the fields after the last parenthesis.
func parseStat(b []byte) (procStat, error) {
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return procStat{}, errors.New("/proc/PID/stat: no command in parentheses")
	}
	var fields [statStart + 1][]byte
	n := 0
	for f := range bytes.FieldsSeq(b[i+1:]) {
		if n == len(fields) {
			break
		}
		fields[n] = f
		n++
	}
	if n < len(fields) {
		return procStat{}, fmt.Errorf("/proc/PID/stat: %d fields after the command, want more than %d", n, statStart)
	}
	parent, err := strconv.Atoi(string(fields[statParent]))
	if err != nil || parent < 0 {
		return procStat{}, fmt.Errorf("/proc/PID/stat: parent %.20q is no PID", fields[statParent])
	}
	start, err := strconv.ParseUint(string(fields[statStart]), 10, 64)
	if err != nil {
		return procStat{}, fmt.Errorf("/proc/PID/stat: start time %.20q is no number", fields[statStart])
	}
	return procStat{parent, start}, nil
}
