package doctor

import (
	"regent/agent/fault"
	"regent/agent/token"
)

// Codes of the connection to the service. A code that is also an error of the local
// interface or a state of an instance has the same word.
const (
	NetworkSettings        Code = "network_settings"
	DNSFailed              Code = "dns_failed"
	TCPUnreachable         Code = "tcp_unreachable"
	ProxyUnreachable       Code = "proxy_unreachable"
	ProxyAuthentication    Code = "proxy_authentication"
	ProxyRefused           Code = "proxy_refused"
	ProxyNotConfigured     Code = "proxy_not_configured"
	TLSUnknownCA           Code = "tls_unknown_ca"
	TLSInterception        Code = "tls_interception"
	TLSInterceptionTrusted Code = "tls_interception_trusted"
	TLSCertificate         Code = "tls_certificate"
	TLSName                Code = "tls_name"
	TLSVersion             Code = "tls_version"
	TLSClientCertificate   Code = "tls_client_certificate"
	TLSHandshake           Code = "tls_handshake"
	NotTheService          Code = "not_the_service"
	ServiceUnavailable     Code = "service_unavailable"
	ClockWrong             Code = "clock_wrong"
	TimeServiceStopped     Code = "time_service_stopped"
	ProviderMismatch       Code = "provider_mismatch"
)

// Codes of registration tokens and instances.
const (
	RegistrationMissing   Code = "registration_missing"
	RegistrationFile      Code = "registration_file"
	RegistrationExpired        = Code(fault.RegistrationExpired)
	RegistrationExhausted      = Code(fault.RegistrationExhausted)
	RegistrationDisabled  Code = "registration_disabled"
	RegistrationRefused        = Code(fault.RegistrationRefused)
	RedemptionUncertain        = Code(fault.RedemptionUncertain)
	RedemptionUnconfirmed      = Code(fault.RedemptionUnconfirmed)
	RedemptionManual      Code = "redemption_manual"
	Revoked                    = Code(token.Revoked)
	RefreshLost                = Code(token.RefreshLost)
	RefreshExpired             = Code(token.RefreshExpired)
	SessionEnds           Code = "session_ends"
	RefreshUncertain           = Code(fault.RefreshUncertain)
	RefreshLimited        Code = "refresh_limited"
	StatusDegraded        Code = "status_degraded"
	StatusNotServing      Code = "status_not_serving"
	DeviceRenamed         Code = "device_renamed"
)

// Codes of the store.
const (
	StoreLocked           = Code(fault.StoreLocked)
	StoreUnreadable       = Code(fault.StoreUnreadable)
	StoreMissing          = Code(fault.StoreMissing)
	StoreRolledBack       = Code(fault.StoreRolledBack)
	Quarantined           = Code(fault.Quarantined)
	DiskFull         Code = "disk_full"
	StateNotWritable Code = "state_not_writable"
)

// Codes of the configuration.
const (
	ConfigInvalid    Code = "config_invalid"
	PolicyProblem    Code = "policy_problem"
	RestartNeeded    Code = "restart_needed"
	NoApplication    Code = "no_application"
	AllowRuleMissing Code = "allow_rule_missing"
	Denied                = Code(fault.Denied)
)

// Codes of the daemon.
const (
	SocketMissing     Code = "socket_missing"
	SocketRefused     Code = "socket_refused"
	SocketMode        Code = "socket_mode"
	SocketForeign     Code = "socket_foreign"
	DaemonSilent      Code = "daemon_silent"
	Throttled              = Code(fault.Throttled)
	DaemonVersion     Code = "daemon_version"
	TwoDaemons        Code = "two_daemons"
	LogNotWritable    Code = "log_not_writable"
	ServiceStopped    Code = "service_stopped"
	ServiceMasked     Code = "service_masked"
	ServiceFailing    Code = "service_failing"
	ServiceCredential Code = "service_credential"
	MachineIDChanged  Code = "machine_id_changed"
)

// Codes of Windows only. [TimeServiceStopped] is another one.
const (
	ServiceMissing      Code = "service_missing"
	ServiceDisabled     Code = "service_disabled"
	PipeSquatted        Code = "pipe_squatted"
	PermissionsTooBroad Code = "permissions_too_broad"
)
