// Package lease says which live process uses which instance. A lease is
// exclusive, costs nothing, and ends with its process, however that ends. The
// package must not know how a system watches a process: it is given one.
package lease

// Process is one live process, held so that its PID cannot come to mean
// another. The platform provides it. Implementations are safe for concurrent
// use.
type Process interface {
	// Alive returns an error once the process has exited, reaped or not.
	Alive() error
	// Hold returns a second, independent hold of the same process. The caller
	// closes it.
	Hold() (Process, error)
	// Close releases this hold.
	Close() error
}
