package device

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

func of() ([]Setting, error) {
	internet, err := ofInternetSettings()
	if err != nil {
		return nil, err
	}
	machine, err := ofWinHTTP()
	if err != nil {
		return nil, err
	}
	var all []Setting
	for _, s := range []Setting{internet, machine} {
		if s.Proxies != "" || s.Script {
			all = append(all, s)
		}
	}
	return all, nil
}

// internetSettings is WINHTTP_CURRENT_USER_IE_PROXY_CONFIG.
type internetSettings struct {
	autoDetect               int32
	scriptURL, proxy, bypass *uint16
}

// ofInternetSettings are those that a person sets, or a policy for them. That a
// script is to be looked for in the network is no setting: it is everywhere.
func ofInternetSettings() (Setting, error) {
	var c internetSettings
	err := call("WinHttpGetIEProxyConfigForCurrentUser", unsafe.Pointer(&c)) //nolint:gosec // the form of the call
	if errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
		return Setting{}, nil // nobody has set anything yet
	}
	if err != nil {
		return Setting{}, err
	}
	return Setting{Where: "the Internet settings of this user", Script: taken(c.scriptURL) != "", Proxies: taken(c.proxy), Bypass: taken(c.bypass)}, nil
}

// defaults is WINHTTP_PROXY_INFO.
type defaults struct {
	access        uint32
	proxy, bypass *uint16
}

// ofWinHTTP is what netsh winhttp set, for programs that ask WinHTTP.
func ofWinHTTP() (Setting, error) {
	var c defaults
	if err := call("WinHttpGetDefaultProxyConfiguration", unsafe.Pointer(&c)); err != nil { //nolint:gosec // the form of the call
		return Setting{}, err
	}
	return Setting{Where: "netsh winhttp", Proxies: taken(c.proxy), Bypass: taken(c.bypass)}, nil
}

func call(name string, into unsafe.Pointer) error {
	p := windows.NewLazySystemDLL("winhttp.dll").NewProc(name)
	if err := p.Find(); err != nil {
		return fmt.Errorf("read the settings of proxies: %w", err)
	}
	if ok, _, err := p.Call(uintptr(into)); ok == 0 {
		return fmt.Errorf("read the settings of proxies: %s: %w", name, err)
	}
	return nil
}

// taken is a text that the system made for us, which is given back to it.
func taken(text *uint16) string {
	if text == nil {
		return ""
	}
	s := windows.UTF16PtrToString(text)
	free := windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalFree")
	_, _, _ = free.Call(uintptr(unsafe.Pointer(text))) //nolint:gosec // the form of the call; what is not freed goes with the process
	return s
}
