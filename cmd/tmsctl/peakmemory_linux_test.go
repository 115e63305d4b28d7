package main

import (
	"fmt"
	"os"
	"strings"
)

// residentPeak is the most memory that a process had so far, in bytes. What wait
// reports is no use: it begins with the memory of who started the process.
func residentPeak(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0 // it has ended
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	var kilobytes int64
	_, _ = fmt.Sscan(rest, &kilobytes) // a process that ends has none any more
	return kilobytes << 10
}
