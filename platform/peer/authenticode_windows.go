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

// maxSigned is the largest program in bytes whose signature is verified, which
// reads all of it. Programs that carry a browser have about 200 MiB.
const maxSigned = 256 << 20

// notTrusted is the system's answer that a signature, or its certificate, is not
// to be trusted.
type notTrusted struct{ code windows.Errno }

func (e notTrusted) final() {}

// trustProblems are the answers for which there are words, where the system's own help less.
var trustProblems = map[windows.Errno]string{
	windows.Errno(windows.TRUST_E_NOSIGNATURE):       "the program has no signature inside it; one in a catalog does not count",
	windows.Errno(windows.TRUST_E_BAD_DIGEST):        "the program was changed after it was signed",
	windows.Errno(windows.CERT_E_UNTRUSTEDROOT):      noTrustedRoot,
	windows.Errno(windows.CERT_E_CHAINING):           noTrustedRoot,
	windows.Errno(windows.CERT_E_EXPIRED):            "the certificate of its signer has expired, and no timestamp shows that the program was signed before",
	windows.Errno(windows.CERT_E_REVOKED):            revoked,
	windows.Errno(windows.CRYPT_E_REVOKED):           revoked,
	windows.Errno(windows.TRUST_E_EXPLICIT_DISTRUST): "this machine distrusts the certificate of its signer",
}

const (
	noTrustedRoot = "the certificate of its signer leads to no root that this machine trusts, and has fetched; Get-AuthenticodeSignature fetches one"
	revoked       = "the certificate of its signer was revoked"
)

func (e notTrusted) Error() string {
	if words, ok := trustProblems[e.code]; ok {
		return words
	}
	return fmt.Sprintf("its signature is not to be trusted: %v (0x%08x)", e.code, uint32(e.code)) //nolint:gosec // an HRESULT has 32 bits
}

// authenticode returns who signed f, as far as the system trusts the signature
// that the file carries, the first one if there are more, and its certificate.
// It asks nobody over the network: a decision must not wait for that, nor a
// device that is offline refuse everybody. What is known of revocation counts;
// that nothing is known does not.
func authenticode(f *os.File) (Signer, error) {
	st, err := f.Stat()
	if err != nil {
		return Signer{}, err
	}
	if st.Size() > maxSigned {
		return Signer{}, fmt.Errorf("the image has %d bytes, and a signature is verified of up to %d", st.Size(), maxSigned)
	}
	signer, err := verify(f, windows.WTD_REVOKE_WHOLECHAIN)
	if refused, ok := errors.AsType[notTrusted](err); ok && refused.revocationUnknown() {
		return verify(f, windows.WTD_REVOKE_NONE)
	}
	return signer, err
}

// revocationUnknown reports whether all that is wrong is that revocation could
// not be looked up.
func (e notTrusted) revocationUnknown() bool {
	return slices.Contains([]windows.Errno{
		windows.Errno(windows.CERT_E_REVOCATION_FAILURE), windows.Errno(windows.CRYPT_E_REVOCATION_OFFLINE),
		windows.Errno(windows.CRYPT_E_NO_REVOCATION_CHECK), windows.Errno(windows.CRYPT_E_NO_REVOCATION_DLL),
	}, e.code)
}

// verify asks the system about f.
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

// newTrustData is what the system is asked about an open file: without a window, and
// without the network.
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
		FileOrCatalogOrBlobOrSgnrOrCert: unsafe.Pointer(file), //nolint:gosec // the form of the call
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

// providerCertificate is how the system's CRYPT_PROVIDER_CERT begins.
type providerCertificate struct {
	_           uint32 // its size
	certificate *windows.CertContext
}

// signerOf reads the certificate that the system has verified a signature with,
// from what it keeps of the verification. Another look at the file could find
// another certificate.
func signerOf(state windows.Handle) (Signer, error) {
	wintrust := windows.NewLazySystemDLL("wintrust.dll")
	data, _, err := wintrust.NewProc("WTHelperProvDataFromStateData").Call(uintptr(state))
	if data == 0 {
		return Signer{}, fmt.Errorf("read what was verified: %w", err)
	}
	chain, _, err := wintrust.NewProc("WTHelperGetProvSignerFromChain").Call(data, 0, 0, 0)
	if chain == 0 {
		return Signer{}, fmt.Errorf("read the signer that was verified: %w", err)
	}
	first, _, err := wintrust.NewProc("WTHelperGetProvCertFromChain").Call(chain, 0)
	leaf := *(**providerCertificate)(unsafe.Pointer(&first)) //nolint:gosec // the system's memory, not Go's
	if leaf == nil || leaf.certificate == nil {
		return Signer{}, fmt.Errorf("read the certificate that was verified: %w", err)
	}
	c := leaf.certificate
	sum := sha256.Sum256(unsafe.Slice(c.EncodedCert, c.Length)) //nolint:gosec // the system's memory, for as long as its state is kept
	name := c.CertInfo.Subject
	subject, err := subjectOf(unsafe.Slice(name.Data, name.Size)) //nolint:gosec // as above
	return Signer{hex.EncodeToString(sum[:]), subject}, err
}
