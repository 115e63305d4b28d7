//go:build !windows

package service

func inside() bool              { return false }
func run(Program) error         { return ErrUnsupported }
func install() error            { return ErrUnsupported }
func settleOwn() error          { return ErrUnsupported }
func uninstall() error          { return ErrUnsupported }
func start() error              { return ErrUnsupported }
func stop() error               { return ErrUnsupported }
func state() (string, error)    { return "", ErrUnsupported }
func look(string) (Seen, error) { return Seen{}, ErrUnsupported }
func openLog() (Log, error)     { return nil, ErrUnsupported }
