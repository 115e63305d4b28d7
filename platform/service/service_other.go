//go:build !windows

package service

// StartedByManager is of Windows.
func StartedByManager() bool { return false }

// Run is of Windows.
func Run(Program) error { return ErrUnsupported }

// Install is of Windows.
func Install() error { return ErrUnsupported }

// Configure is of Windows.
func Configure() error { return ErrUnsupported }

// Uninstall is of Windows.
func Uninstall() error { return ErrUnsupported }

// Start is of Windows.
func Start() error { return ErrUnsupported }

// Stop is of Windows.
func Stop() error                { return ErrUnsupported }
func query(string) (Info, error) { return Info{}, ErrUnsupported }

// OpenLog is of Windows.
func OpenLog() (Log, error) { return nil, ErrUnsupported }
