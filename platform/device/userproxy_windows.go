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

// readInternetSettings are those that a person sets, or a policy for them. That a
// script is to be looked for in the network is no setting: it is everywhere.
func readInternetSettings() (ProxySettings, error) {
	var c internetSettings
	err := callWinHTTP("WinHttpGetIEProxyConfigForCurrentUser", unsafe.Pointer(&c)) //nolint:gosec // the form of the call
	if errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
		return ProxySettings{}, nil // nobody has set anything yet
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

// readWinHTTP is what netsh winhttp set, for programs that ask WinHTTP.
func readWinHTTP() (ProxySettings, error) {
	var c winHTTPProxyInfo
	if err := callWinHTTP("WinHttpGetDefaultProxyConfiguration", unsafe.Pointer(&c)); err != nil { //nolint:gosec // the form of the call
		return ProxySettings{}, err
	}
	return ProxySettings{Source: "netsh winhttp", Proxies: takeString(c.proxy), Bypass: takeString(c.bypass)}, nil
}

func callWinHTTP(name string, into unsafe.Pointer) error {
	p := windows.NewLazySystemDLL("winhttp.dll").NewProc(name)
	if err := p.Find(); err != nil {
		return fmt.Errorf("read the settings of proxies: %w", err)
	}
	if ok, _, err := p.Call(uintptr(into)); ok == 0 {
		return fmt.Errorf("read the settings of proxies: %s: %w", name, err)
	}
	return nil
}

// takeString is a text that the system made for us, which is given back to it.
func takeString(text *uint16) string {
	if text == nil {
		return ""
	}
	s := windows.UTF16PtrToString(text)
	free := windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalFree")
	_, _, _ = free.Call(uintptr(unsafe.Pointer(text))) //nolint:gosec // the form of the call; what is not freed goes with the process
	return s
}
