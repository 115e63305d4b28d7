package main

import (
	"log/slog"

	"regent/ipc/server"
)

// maxConnections returns the maximum number of concurrent connections. This system has no
// lower limit.
func maxConnections(*slog.Logger) int { return server.UnlimitedConnections }
