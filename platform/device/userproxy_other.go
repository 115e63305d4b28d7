//go:build !windows

package device

func readProxies() ([]ProxySettings, error) { return nil, ErrNoProxySettings }
