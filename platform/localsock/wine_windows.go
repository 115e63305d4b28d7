package localsock

import (
	"errors"
	"fmt"
	"net"

	"github.com/Microsoft/go-winio"

	"regent/platform/layout"
)

// holdFirstInstance connects to the listener's first pipe instance under Wine, for tests.
// Under Wine that instance waits for a client at once, which it does not on Windows. The
// first client would get no answer from it.
func holdFirstInstance(l net.Listener, path string) (net.Listener, error) {
	if !layout.UnderWine() {
		return l, nil
	}
	first, err := winio.DialPipe(path, nil)
	if errors.Is(err, winio.ErrTimeout) {
		return l, nil // a client was faster; it gets no answer
	}
	if err != nil {
		return nil, fmt.Errorf("take the first instance: %w", err)
	}
	return wineListener{l, first}, nil
}

type wineListener struct {
	net.Listener
	first net.Conn
}

func (o wineListener) Close() error {
	_ = o.first.Close() // no process serves its other end
	return o.Listener.Close()
}
