package lease

// Process is a handle of one process. While it is open, it never means another process with
// the same PID. The platform provides it. Implementations are safe for concurrent use.
type Process interface {
	// Alive returns an error if the process has exited, reaped or not.
	Alive() error
	// Duplicate returns a second, independent handle of the same process. The caller
	// closes it.
	Duplicate() (Process, error)
	// Close closes this handle.
	Close() error
}
