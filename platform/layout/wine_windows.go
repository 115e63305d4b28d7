package layout

import "golang.org/x/sys/windows"

// UnderWine reports whether this process runs under Wine.
func UnderWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}
