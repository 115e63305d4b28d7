package device

import (
	"encoding/binary"
	"errors"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

const connections = `Software\Microsoft\Windows\CurrentVersion\Internet Settings\Connections`

// The flags of a user's connection settings.
const (
	direct    = 1
	byProxy   = 2
	byScript  = 4
	autoFound = 8
)

// setUserProxy writes a user's connection settings, as the dialog of Windows does, and
// puts back what was there.
func setUserProxy(t *testing.T, flags uint32, proxy, bypass, script string) {
	t.Helper()
	k, _, err := registry.CreateKey(registry.CURRENT_USER, connections, registry.ALL_ACCESS)
	if err != nil {
		t.Fatal(err)
	}
	const name = "DefaultConnectionSettings"
	before, _, was := k.GetBinaryValue(name)
	t.Cleanup(func() {
		if errors.Is(was, registry.ErrNotExist) {
			was = k.DeleteValue(name)
		} else {
			was = k.SetBinaryValue(name, before)
		}
		if err := errors.Join(was, k.Close()); err != nil {
			t.Error(err)
		}
	})
	b := binary.LittleEndian.AppendUint32(nil, 0x46)
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint32(b, flags)
	for _, text := range []string{proxy, bypass, script} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
		b = append(b, text...)
	}
	if err := k.SetBinaryValue(name, append(b, make([]byte, 32)...)); err != nil {
		t.Fatal(err)
	}
}

// TestReadProxies sets proxies as a person does, and reads them as programs do.
func TestReadProxies(t *testing.T) {
	internet := func(s ProxySettings) []ProxySettings {
		s.Source = "the Internet settings of this user"
		return []ProxySettings{s}
	}
	tests := []struct {
		name                  string
		flags                 uint32
		proxy, bypass, script string
		want                  []ProxySettings
	}{
		{"none", direct, "", "", "", nil},
		{"found by itself", direct | autoFound, "", "", "", nil},
		{"a proxy", direct | byProxy, "proxy.example:8080", "<local>;*.corp.example", "", internet(ProxySettings{Proxies: "proxy.example:8080", Bypass: "<local>;*.corp.example"})},
		{"a script", direct | byScript, "", "", "http://proxy.example/proxy.pac", internet(ProxySettings{HasScript: true})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			setUserProxy(t, tt.flags, tt.proxy, tt.bypass, tt.script)
			got, err := ReadProxies()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("settings (-got +want):\n%s", diff)
			}
		})
	}
	t.Run("netsh winhttp", func(t *testing.T) {
		setMachineProxy(t, "machine.example:3128", "*.corp.example")
		got, err := ReadProxies()
		want := []ProxySettings{{Source: "netsh winhttp", Proxies: "machine.example:3128", Bypass: "*.corp.example"}}
		if diff := cmp.Diff(got, want); err != nil || diff != "" {
			t.Errorf("settings, %v (-got +want):\n%s", err, diff)
		}
	})
}

// setMachineProxy sets what netsh winhttp sets, and puts back that there is none.
func setMachineProxy(t *testing.T, proxy, bypass string) {
	t.Helper()
	const none, named = 1, 3
	set := func(access uint32, proxy, bypass string) {
		c := winHTTPProxyInfo{access: access}
		var err, bypassErr error
		if access == named {
			c.proxy, err = windows.UTF16PtrFromString(proxy)
			c.bypass, bypassErr = windows.UTF16PtrFromString(bypass)
		}
		if err := errors.Join(err, bypassErr, callWinHTTP("WinHttpSetDefaultProxyConfiguration", unsafe.Pointer(&c))); err != nil {
			t.Fatal(err)
		}
	}
	if before, err := readWinHTTP(); err != nil || before.Proxies != "" {
		t.Skipf("not run: this system has one (%v)", err)
	}
	set(named, proxy, bypass)
	t.Cleanup(func() { set(none, "", "") })
}
