package fault

import (
	"regexp"
	"runtime"
	"strings"
)

// byAdministrator is the start of a command that an administrator runs on Unix.
var byAdministrator = regexp.MustCompile(`\bsudo (regent|regentd)\b`)

// AsAdministrator is the next step of a caller who is no administrator. group may
// administer on Unix, beside root.
func AsAdministrator(group string) string {
	if runtime.GOOS == "windows" { //nolint:forbidigo // the words of a text differ, and no rule
		return "Run it in a PowerShell that runs as administrator"
	}
	return "Run it with sudo, or as a member of group " + group
}

// Commands returns a text with its commands as a person types them on this system.
func Commands(text string) string { return CommandsOn(runtime.GOOS, text) } //nolint:forbidigo // the words of a text differ, and no rule

// CommandsOn is [Commands] for the system that Go calls goos. A text has the commands of
// Linux. Windows has no sudo: an administrator types the rest in a shell that runs as
// administrator.
func CommandsOn(goos, text string) string {
	if goos != "windows" {
		return text
	}
	text = strings.ReplaceAll(text, "sudo rm", "del")
	return byAdministrator.ReplaceAllString(text, "$1")
}
