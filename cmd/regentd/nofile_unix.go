//go:build unix

package main

import (
	"log/slog"

	"golang.org/x/sys/unix"

	"regent/ipc/server"
)

// maxConnections returns the maximum number of concurrent connections. The runtime has
// raised the soft limit of descriptors to the hard one.
func maxConnections(log *slog.Logger) int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		log.Warn("cannot read the limit of file descriptors", "err", err)
		return server.MaxPerUser
	}
	return server.MaxConnections(limit.Cur)
}
