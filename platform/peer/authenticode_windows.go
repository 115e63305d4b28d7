package peer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// maxSigned is the maximum size in bytes of a program for verifying its signature. The
// verification reads the whole file. Programs that contain a browser have about 200 MiB.
const maxSigned = 256 << 20

// notTrusted is the system's answer that it does not trust a signature or its certificate.
type notTrusted struct{ code windows.Errno }

func (e notTrusted) final() {}

// trustProblems are clearer texts than the system's.
var trustProblems = map[windows.Errno]string{
	windows.Errno(windows.TRUST_E_NOSIGNATURE):       "the program has no signature inside it; one in a catalog does not count",
	windows.Errno(windows.TRUST_E_BAD_DIGEST):        "the program was changed after it was signed",
	windows.Errno(windows.CERT_E_UNTRUSTEDROOT):      noTrustedRoot,
	windows.Errno(windows.CERT_E_CHAINING):           noTrustedRoot,
	windows.Errno(windows.CERT_E_EXPIRED):            "the certificate of its signer has expired, and no timestamp shows an earlier signature",
	windows.Errno(windows.CERT_E_REVOKED):            revoked,
	windows.Errno(windows.CRYPT_E_REVOKED):           revoked,
	windows.Errno(windows.TRUST_E_EXPLICIT_DISTRUST): "this machine distrusts the certificate of its signer",
}

const (
	noTrustedRoot = "this machine has no trusted root for the certificate of its signer; to fetch the root, run: Get-AuthenticodeSignature FILE"
	revoked       = "the certificate of its signer was revoked"
)

func (e notTrusted) Error() string {
	if words, ok := trustProblems[e.code]; ok {
		return words
	}
	return fmt.Sprintf("the system does not trust its signature: %v (0x%08x)", e.code, uint32(e.code)) //nolint:gosec // an HRESULT has 32 bits
}

// authenticode returns the signer of f, and its certificate. It verifies the first
// signature inside the file. It does not use the network: a decision must not wait for it,
// and an offline device must not deny every request. A known revocation counts. An unknown
// revocation state does not.
func authenticode(f *os.File) (Signer, error) {
	st, err := f.Stat()
	if err != nil {
		return Signer{}, err
	}
	if st.Size() > maxSigned {
		return Signer{}, fmt.Errorf("the image has %d bytes; the limit for verifying a signature is %d bytes", st.Size(), maxSigned)
	}
	signer, err := verify(f, windows.WTD_REVOKE_WHOLECHAIN)
	if refused, ok := errors.AsType[notTrusted](err); ok && refused.revocationUnknown() {
		return verify(f, windows.WTD_REVOKE_NONE)
	}
	return signer, err
}

// revocationUnknown reports whether the only problem is an unknown revocation state.
func (e notTrusted) revocationUnknown() bool {
	return slices.Contains([]windows.Errno{
		windows.Errno(windows.CERT_E_REVOCATION_FAILURE), windows.Errno(windows.CRYPT_E_REVOCATION_OFFLINE),
		windows.Errno(windows.CRYPT_E_NO_REVOCATION_CHECK), windows.Errno(windows.CRYPT_E_NO_REVOCATION_DLL),
	}, e.code)
}

// verify asks the system to verify the signature of f.
func verify(f *os.File, revocation uint32) (_ Signer, err error) {
	path, err := windows.UTF16PtrFromString(f.Name())
	if err != nil {
		return Signer{}, err
	}
	data := newTrustData(path, windows.Handle(f.Fd()), revocation)
	defer func() {
		data.StateAction = windows.WTD_STATEACTION_CLOSE
		err = errors.Join(err, winVerifyTrust(data))
		runtime.KeepAlive(f)
	}()
	if err := winVerifyTrust(data); err != nil {
		return Signer{}, err
	}
	return signerOf(data.StateData)
}

// newTrustData returns the question about an open file. The answer uses no window and no
// network.
func newTrustData(path *uint16, handle windows.Handle, revocation uint32) *windows.WinTrustData {
	file := &windows.WinTrustFileInfo{FilePath: path, File: handle}
	file.Size = uint32(unsafe.Sizeof(*file))
	flags := uint32(windows.WTD_CACHE_ONLY_URL_RETRIEVAL | windows.WTD_DISABLE_MD2_MD4)
	if revocation == windows.WTD_REVOKE_NONE {
		flags |= windows.WTD_REVOCATION_CHECK_NONE
	} else {
		flags |= windows.WTD_REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT
	}
	data := &windows.WinTrustData{
		UIChoice:                        windows.WTD_UI_NONE,
		UIContext:                       windows.WTD_UICONTEXT_EXECUTE,
		RevocationChecks:                revocation,
		UnionChoice:                     windows.WTD_CHOICE_FILE,
		FileOrCatalogOrBlobOrSgnrOrCert: unsafe.Pointer(file), //nolint:gosec // the API takes addresses
		StateAction:                     windows.WTD_STATEACTION_VERIFY,
		ProvFlags:                       flags,
	}
	data.Size = uint32(unsafe.Sizeof(*data))
	return data
}

func winVerifyTrust(data *windows.WinTrustData) error {
	action := windows.WINTRUST_ACTION_GENERIC_VERIFY_V2
	err := windows.WinVerifyTrustEx(windows.InvalidHWND, &action, data)
	if code, ok := errors.AsType[syscall.Errno](err); ok {
		return notTrusted{windows.Errno(uint32(code))} //nolint:gosec // an HRESULT has 32 bits
	}
	return err
}

// providerCertificate is the beginning of the system's CRYPT_PROVIDER_CERT.
type providerCertificate struct {
	_           uint32 // the structure's size
	certificate *windows.CertContext
}

// signerOf reads the certificate that verified the signature. It takes it from the state
// of the verification: a second read of the file could return another certificate.
func signerOf(state windows.Handle) (Signer, error) {
	wintrust := windows.NewLazySystemDLL("wintrust.dll")
	data, _, err := wintrust.NewProc("WTHelperProvDataFromStateData").Call(uintptr(state))
	if data == 0 {
		return Signer{}, fmt.Errorf("read the result of the verification: %w", err)
	}
	chain, _, err := wintrust.NewProc("WTHelperGetProvSignerFromChain").Call(data, 0, 0, 0)
	if chain == 0 {
		return Signer{}, fmt.Errorf("read the verified signer: %w", err)
	}
	first, _, err := wintrust.NewProc("WTHelperGetProvCertFromChain").Call(chain, 0)
	leaf := *(**providerCertificate)(unsafe.Pointer(&first)) //nolint:gosec // the system's memory, not Go's
	if leaf == nil || leaf.certificate == nil {
		return Signer{}, fmt.Errorf("read the verified certificate: %w", err)
	}
	c := leaf.certificate
	sum := sha256.Sum256(unsafe.Slice(c.EncodedCert, c.Length)) //nolint:gosec // the system's memory, until the state is closed
	name := c.CertInfo.Subject
	subject, err := subjectOf(unsafe.Slice(name.Data, name.Size)) //nolint:gosec // as above
	return Signer{hex.EncodeToString(sum[:]), subject}, err
}
