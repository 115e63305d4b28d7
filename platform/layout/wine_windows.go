// Package wine tells whether this Windows is Wine, where our tests run. It is asked
// only where Wine cannot do what a check or a library takes for granted.
package layout

import "golang.org/x/sys/windows"

// UnderWine reports whether this process runs under Wine.
func UnderWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}
