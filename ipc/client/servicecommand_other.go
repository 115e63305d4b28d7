//go:build !windows

package client

// Commands for a person.
const (
	startCommand = "sudo systemctl start regentd"
	logCommand   = "journalctl -u regentd"
)
