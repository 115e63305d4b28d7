//go:build unix

package main

import (
	"log/slog"

	"golang.org/x/sys/unix"

	"regent/ipc/server"
)

// reservedDescriptors descriptors are the daemon's own: state, logs, the service.
const reservedDescriptors = 64

// maxConnections returns how many connections this process may have at a time.
// Each takes two descriptors, and what else the daemon does has some too. (The
// runtime has raised the soft limit to the hard one.)
func maxConnections(log *slog.Logger) int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		log.Warn("the limit of descriptors is not known", "err", err)
		return server.MaxPerUser
	}
	most := min(limit.Cur, 1<<20)
	return max(8, (int(most)-reservedDescriptors)/2)
}
