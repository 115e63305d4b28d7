package localsock

import (
	"errors"
	"fmt"
	"net"

	"github.com/Microsoft/go-winio"

	"regent/platform/layout"
)

// holdFirstInstance has a listener's first instance of the pipe taken under Wine, where our
// tests run: there it waits for a client from its first moment, as it does not on
// Windows, and the first client would be connected to nobody.
func holdFirstInstance(l net.Listener, path string) (net.Listener, error) {
	if !layout.UnderWine() {
		return l, nil
	}
	first, err := winio.DialPipe(path, nil)
	if errors.Is(err, winio.ErrTimeout) {
		return l, nil // a client was faster, and is connected to nobody until it gives up
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
	_ = o.first.Close() // nobody is at its other end
	return o.Listener.Close()
}
