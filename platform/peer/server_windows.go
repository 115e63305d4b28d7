package peer

import (
	"fmt"
	"net"

	"golang.org/x/sys/windows"
)

func serverOf(c net.Conn) (Server, error) {
	pipe, err := handle(c)
	if err != nil {
		return Server{}, err
	}
	var pid uint32
	if err := windows.GetNamedPipeServerProcessId(pipe, &pid); err != nil {
		return Server{}, fmt.Errorf("ask the pipe for its server: %w", err)
	}
	s := Server{PID: int(pid)}
	p, err := open(s.PID)
	if err != nil {
		return s, nil // of the system's processes an ordinary user sees no more
	}
	defer p.Close() //nolint:errcheck // it was only asked
	if exe, err := p.exe(); err == nil {
		s.Exe = exe
	}
	return s, nil
}
