//go:build unix

package main

import (
	"errors"
	"syscall"
)

// missingDirectoryAdvice is the next step if the directory of metrics_textfile is missing.
const missingDirectoryAdvice = "install the collector (sudo apt install prometheus-node-exporter), or correct metrics_textfile; then run: sudo systemctl restart regentd.service"

// otherFileAdvice is the next step if the file cannot be written for another reason.
const otherFileAdvice = "name another file in metrics_textfile, then run: sudo systemctl restart regentd.service"

// missingTargetAdvice is the next step if the directory of the link's target is missing.
const missingTargetAdvice = "run: sudo systemd-tmpfiles --create, then: sudo systemctl restart regentd.service"

// textfileRightsAdvice is the next step if regentd may not write in the directory.
const textfileRightsAdvice = "run: sudo systemctl restart regentd.service; if the error remains, run: journalctl -u regentd-metrics.service"

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
