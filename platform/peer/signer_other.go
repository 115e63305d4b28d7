//go:build !windows

package peer

import (
	"fmt"
	"time"
)

// Signers remembers who signed programs. No signature is verified on this system.
type Signers struct{}

// NewSigners returns a Signers that knows of none.
func NewSigners(func() time.Time) *Signers { return &Signers{} }

func (p *Peer) signer(*Signers) (Signer, error) {
	return Signer{}, fmt.Errorf("signatures of programs are Windows' (Authenticode): %w", ErrUnsupported)
}
