package main

import (
	"errors"
	"os/exec"
	"runtime"
)

// openBrowser opens a page in the person's browser, and does not wait for it. The page
// is the address of an identity provider: it begins with http, and is no option.
func openBrowser(getenv func(string) string, page string) error {
	var name string
	var args []string
	switch runtime.GOOS {
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler"}
	case "darwin":
		name = "open"
	default:
		name = "xdg-open"
		if getenv("DISPLAY") == "" && getenv("WAYLAND_DISPLAY") == "" && getenv("BROWSER") == "" {
			return errors.New("there is no display")
		}
	}
	c := exec.Command(name, append(args, page)...) //nolint:gosec,noctx // it goes on when tmsctl has ended
	if err := c.Start(); err != nil {
		return err
	}
	go func() { _ = c.Wait() }() // so that it leaves no zombie; how it ended is seen by the person
	return nil
}
