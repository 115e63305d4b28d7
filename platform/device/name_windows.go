package device

import "golang.org/x/sys/windows"

// hostname returns the fully qualified name that is set on the system.
func hostname() (string, error) {
	size := uint32(256) // a DNS name has at most 255 characters
	name := make([]uint16, size)
	if err := windows.GetComputerNameEx(windows.ComputerNameDnsFullyQualified, &name[0], &size); err != nil {
		return "", err
	}
	if size == 0 {
		return "", errNoName
	}
	return windows.UTF16ToString(name[:size]), nil
}
