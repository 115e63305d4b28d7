//go:build !windows

package service

// StartedByManager returns false.
func StartedByManager() bool { return false }

// Run returns [ErrUnsupported].
func Run(Program) error { return ErrUnsupported }

// Install returns [ErrUnsupported].
func Install() error { return ErrUnsupported }

// Configure returns [ErrUnsupported].
func Configure() error { return ErrUnsupported }

// Uninstall returns [ErrUnsupported].
func Uninstall() error { return ErrUnsupported }

// Start returns [ErrUnsupported].
func Start() error { return ErrUnsupported }

// Stop returns [ErrUnsupported].
func Stop() error                { return ErrUnsupported }
func query(string) (Info, error) { return Info{}, ErrUnsupported }

// OpenLog returns [ErrUnsupported].
func OpenLog() (Log, error) { return nil, ErrUnsupported }
