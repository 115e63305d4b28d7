//go:build !windows

package service

func startedByManager() bool     { return false }
func run(Program) error          { return ErrUnsupported }
func install() error             { return ErrUnsupported }
func configureOwn() error        { return ErrUnsupported }
func uninstall() error           { return ErrUnsupported }
func start() error               { return ErrUnsupported }
func stop() error                { return ErrUnsupported }
func state() (string, error)     { return "", ErrUnsupported }
func query(string) (Info, error) { return Info{}, ErrUnsupported }
func openLog() (Log, error)      { return nil, ErrUnsupported }
