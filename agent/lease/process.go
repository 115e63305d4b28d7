package lease

// Process is one live process, held so that its PID cannot come to mean
// another. The platform provides it. Implementations are safe for concurrent
// use.
type Process interface {
	// Alive returns an error once the process has exited, reaped or not.
	Alive() error
	// Duplicate returns a second, independent hold of the same process. The caller
	// closes it.
	Duplicate() (Process, error)
	// Close releases this hold.
	Close() error
}
