//go:build unix

package main

import (
	"errors"
	"syscall"
)

// textfileRightsAdvice is the next step if regentd may not write in the directory.
const textfileRightsAdvice = "run: sudo systemctl restart regentd.service; if it stays: journalctl -u regentd-metrics.service"

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
