package device

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

func readProxies() ([]ProxySettings, error) {
	internet, err := readInternetSettings()
	if err != nil {
		return nil, err
	}
	machine, err := readWinHTTP()
	if err != nil {
		return nil, err
	}
	var all []ProxySettings
	for _, s := range []ProxySettings{internet, machine} {
		if s.Proxies != "" || s.HasScript {
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

// readInternetSettings returns the settings from a user or a policy. It ignores automatic
// detection of a script, which is on everywhere.
func readInternetSettings() (ProxySettings, error) {
	var c internetSettings
	err := callWinHTTP("WinHttpGetIEProxyConfigForCurrentUser", unsafe.Pointer(&c)) //nolint:gosec // the API takes addresses
	if errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
		return ProxySettings{}, nil // no settings yet
	}
	if err != nil {
		return ProxySettings{}, err
	}
	return ProxySettings{Source: "the Internet settings of this user", HasScript: takeString(c.scriptURL) != "", Proxies: takeString(c.proxy), Bypass: takeString(c.bypass)}, nil
}

// winHTTPProxyInfo is WINHTTP_PROXY_INFO.
type winHTTPProxyInfo struct {
	access        uint32
	proxy, bypass *uint16
}

// readWinHTTP returns the settings from netsh winhttp, for programs that use WinHTTP.
func readWinHTTP() (ProxySettings, error) {
	var c winHTTPProxyInfo
	if err := callWinHTTP("WinHttpGetDefaultProxyConfiguration", unsafe.Pointer(&c)); err != nil { //nolint:gosec // the API takes addresses
		return ProxySettings{}, err
	}
	return ProxySettings{Source: "netsh winhttp", Proxies: takeString(c.proxy), Bypass: takeString(c.bypass)}, nil
}

func callWinHTTP(name string, into unsafe.Pointer) error {
	p := windows.NewLazySystemDLL("winhttp.dll").NewProc(name)
	if err := p.Find(); err != nil {
		return fmt.Errorf("read the proxy settings: %w", err)
	}
	if ok, _, err := p.Call(uintptr(into)); ok == 0 {
		return fmt.Errorf("read the proxy settings: %s: %w", name, err)
	}
	return nil
}

// takeString returns a text that the system has allocated, and frees it.
func takeString(text *uint16) string {
	if text == nil {
		return ""
	}
	s := windows.UTF16PtrToString(text)
	free := windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalFree")
	_, _, _ = free.Call(uintptr(unsafe.Pointer(text))) //nolint:gosec // the API takes addresses; a leak ends with the process
	return s
}
