package main

import (
	"log/slog"

	"regent/ipc/server"
)

// maxConnections returns how many connections this process may have at a time;
// this system has no limit of its own that would be met before.
func maxConnections(*slog.Logger) int { return server.UnlimitedConnections }
