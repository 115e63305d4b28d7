package device

import (
	"encoding/hex"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// tpmDevice is the TPM behind the kernel's resource manager, which lets several
// programs use it and clears away what one leaves.
const tpmDevice = "/dev/tpmrm0"

// endorsementKey returns the fingerprint of the TPM's endorsement key, which no
// other TPM has; "" where there is no TPM, or none that this process may use. The
// TPM derives the key from a seed of its own, and always the same one by the
// template that its makers agreed on; nothing is kept in it.
func endorsementKey(open func() (transport.TPMCloser, error)) string {
	tpm, err := open()
	if err != nil {
		return ""
	}
	defer tpm.Close()                                                                    //nolint:errcheck // nothing was kept
	for _, template := range []tpm2.TPMTPublic{tpm2.ECCEKTemplate, tpm2.RSAEKTemplate} { // old ones know RSA alone
		key, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHEndorsement, InPublic: tpm2.New2B(template)}.Execute(tpm)
		if err != nil {
			continue
		}
		flush := tpm2.FlushContext{FlushHandle: key.ObjectHandle}
		if _, err := flush.Execute(tpm); err != nil {
			return ""
		}
		return hex.EncodeToString(key.Name.Buffer) // a digest of the public part
	}
	return ""
}
