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

// numbered is a [Process] with a number that no other process of this boot has, or 0.
type numbered interface{ Number() uint64 }

// sameProcess reports whether two handles certainly are of the same process.
func sameProcess(a, b Process) bool {
	x, ok := a.(numbered)
	y, same := b.(numbered)
	return ok && same && x.Number() != 0 && x.Number() == y.Number()
}
