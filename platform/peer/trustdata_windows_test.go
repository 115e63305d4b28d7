package peer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

// TestNewTrustData: what Wine does not heed is asked all the same.
func TestNewTrustData(t *testing.T) {
	const always = windows.WTD_CACHE_ONLY_URL_RETRIEVAL | windows.WTD_DISABLE_MD2_MD4
	for revocation, flags := range map[uint32]uint32{
		windows.WTD_REVOKE_WHOLECHAIN: always | windows.WTD_REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT,
		windows.WTD_REVOKE_NONE:       always | windows.WTD_REVOCATION_CHECK_NONE,
	} {
		path, err := windows.UTF16PtrFromString(`C:\cad.exe`)
		if err != nil {
			t.Fatal(err)
		}
		got := newTrustData(path, 7, revocation)
		file := (*windows.WinTrustFileInfo)(got.FileOrCatalogOrBlobOrSgnrOrCert)
		if got.UIChoice != windows.WTD_UI_NONE || got.StateAction != windows.WTD_STATEACTION_VERIFY || got.RevocationChecks != revocation || got.ProvFlags != flags {
			t.Errorf("got %+v, want no window, revocation %d, flags %#x", got, revocation, flags)
		}
		if got.UnionChoice != windows.WTD_CHOICE_FILE || file.FilePath != path || file.File != 7 {
			t.Errorf("got %+v, want the open file", file)
		}
		if got.Size != 88 || file.Size != 32 {
			t.Errorf("got structures of %d and %d bytes, want 88 and 32", got.Size, file.Size)
		}
	}
}

func TestNotTrusted(t *testing.T) {
	for _, tt := range []struct {
		code    windows.Handle
		want    string
		unknown bool // whether it was revoked, and nothing else
	}{
		{windows.TRUST_E_NOSIGNATURE, "no signature inside it", false},
		{windows.TRUST_E_BAD_DIGEST, "changed after it was signed", false},
		{windows.CERT_E_UNTRUSTEDROOT, "no trusted root", false},
		{windows.CERT_E_CHAINING, "no trusted root", false},
		{windows.CERT_E_EXPIRED, "expired", false},
		{windows.CERT_E_REVOKED, "revoked", false},
		{windows.CRYPT_E_REVOKED, "revoked", false},
		{windows.TRUST_E_EXPLICIT_DISTRUST, "distrusts", false},
		{windows.CERT_E_WRONG_USAGE, "does not trust", false},
		{windows.CERT_E_PURPOSE, "0x800b0106", false},
		{windows.CERT_E_REVOCATION_FAILURE, "does not trust", true},
		{windows.CRYPT_E_REVOCATION_OFFLINE, "does not trust", true},
		{windows.CRYPT_E_NO_REVOCATION_CHECK, "does not trust", true},
	} {
		e := notTrusted{windows.Errno(tt.code)}
		if !strings.Contains(e.Error(), tt.want) || e.revocationUnknown() != tt.unknown {
			t.Errorf("%#x: got %q, unknown %v, want %q, %v", tt.code, e, e.revocationUnknown(), tt.want, tt.unknown)
		}
	}
}

// TestIsImage: a file of which nobody says that it runs does not, but under Wine.
func TestIsImage(t *testing.T) {
	for _, tt := range []struct {
		answer error
		wine   bool
		want   bool
	}{
		{nil, false, true},
		{nil, true, true},
		{windows.STATUS_INVALID_INFO_CLASS, true, true},
		{windows.STATUS_INVALID_INFO_CLASS, false, false},
		{windows.STATUS_INVALID_PARAMETER, true, false},
		{fmt.Errorf("ask: %w", windows.STATUS_ACCESS_DENIED), false, false},
		{errors.New("another"), true, false},
	} {
		if got := isImage(tt.answer, tt.wine); got != tt.want {
			t.Errorf("%v, under Wine %v: got %v, want %v", tt.answer, tt.wine, got, tt.want)
		}
	}
}

// TestOpenToVerify: a program that is verified stays as it is, and where it is.
func TestOpenToVerify(t *testing.T) {
	name := filepath.Join(t.TempDir(), "cad.exe")
	if err := os.WriteFile(name, []byte("MZ"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openToVerify(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for what, change := range map[string]func() error{
		"is written":  func() error { return os.WriteFile(name, []byte("ZM"), 0o600) },
		"is renamed":  func() error { return os.Rename(name, name+"2") },
		"is removed":  func() error { return os.Remove(name) },
		"is replaced": func() error { return replace(name) },
	} {
		if err := change(); err == nil {
			t.Errorf("it %s while it is verified", what)
		}
	}
}

func replace(name string) error {
	if err := os.WriteFile(name+".new", []byte("ZM"), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
