package emulator

// Sessions is how many there are, administrators' included.
func (e *Emulator) Sessions() int {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	return len(e.store.sessions)
}
