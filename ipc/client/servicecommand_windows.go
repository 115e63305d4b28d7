package client

// Commands for a person, in an administrator's PowerShell.
const (
	startCommand = "regentd service start"
	logCommand   = "Get-WinEvent -ProviderName regentd"
)
