package device

import (
	"encoding/hex"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// tpmDevice is the TPM with the kernel's resource manager. It allows several programs and
// cleans up after each.
const tpmDevice = "/dev/tpmrm0"

// endorsementKey returns the fingerprint of the TPM's endorsement key, which is unique. It
// returns "" if there is no TPM that this process may use. The TPM derives the key from its
// own seed and the standard template, so the key is always the same. Nothing is stored in
// the TPM.
func endorsementKey(open func() (transport.TPMCloser, error)) string {
	tpm, err := open()
	if err != nil {
		return ""
	}
	defer tpm.Close()                                                                    //nolint:errcheck // nothing was stored
	for _, template := range []tpm2.TPMTPublic{tpm2.ECCEKTemplate, tpm2.RSAEKTemplate} { // old TPMs support only RSA
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
