package peer

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
)

// procStat is what is wanted of /proc/PID/stat.
type procStat struct {
	parent int
	start  uint64 // clock ticks after boot
}

func readStat(pid int) (procStat, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, fs.ErrNotExist) {
		return procStat{}, fmt.Errorf("%w: %w", ErrGone, err)
	}
	if err != nil {
		return procStat{}, err
	}
	return parseStat(b)
}

// Fields of /proc/PID/stat, counted from the one after the command's name.
const (
	statParent = 1
	statStart  = 19
)

// parseStat reads /proc/PID/stat. The second field is the command's name in
// parentheses, which a process chooses itself and which may hold spaces and
// parentheses, so the fields are counted from the last parenthesis.
func parseStat(b []byte) (procStat, error) {
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return procStat{}, errors.New("/proc/PID/stat: no command in parentheses")
	}
	fields := bytes.Fields(b[i+1:])
	if len(fields) <= statStart {
		return procStat{}, fmt.Errorf("/proc/PID/stat: %d fields after the command, want more than %d", len(fields), statStart)
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
