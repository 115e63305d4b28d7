package process

// Process is a process as it was seen.
type Process struct {
	PID  int
	Dir  string   // its working directory; "" if it may not be seen
	Args []string // its command line, the program first
}

// FindByName returns the processes whose program has the base name name, this one
// excepted. Those of which nothing may be seen are left out. Only Linux is asked; elsewhere the
// error is [errors.ErrUnsupported].
func FindByName(name string) ([]Process, error) { return findByName(name) }
