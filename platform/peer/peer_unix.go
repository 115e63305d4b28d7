//go:build unix

package peer

import (
	"fmt"
	"net"
)

func superusers() []string { return []string{"0"} }

func administers(id Identity) bool { return id.UID == "0" }

func serverOf(net.Conn) (Server, error) { return Server{}, ErrUnsupported }

func (p *Peer) signer(*Images) (Signer, error) {
	return Signer{}, fmt.Errorf("signatures of programs need Windows (Authenticode): %w", ErrUnsupported)
}
