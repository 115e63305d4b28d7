package layout

import "time"

// The registration of the service.
const (
	Service            = "regentd"
	ServiceDisplayName = "Regent token agent"
	ServiceDescription = "Redeems registration tokens of Sentinel Cloud LM, keeps the auth tokens and hands access tokens to local applications."

	// ServiceAccount may open the processes of all users. A virtual account may not. The
	// service drops all other privileges: see [ServicePrivileges].
	ServiceAccount = "LocalSystem"
	// ServiceArguments are the arguments of the daemon as a service.
	ServiceArguments = "run"
	// ServiceDelayed means delayed automatic start.
	ServiceDelayed = true
)

// TimeService is the Windows service that sets the clock.
const TimeService = "W32Time"

// ServicePrivileges returns all privileges that the service keeps. To identify a client at
// identification level needs none. SYSTEM may query users' processes without one.
func ServicePrivileges() []string { return []string{"SeChangeNotifyPrivilege"} }

// RecoveryReset is the time without a failure after which Windows resets the failure count.
const RecoveryReset = 24 * time.Hour

// RecoveryDelays returns the delays before a restart after the first, the second and each
// further failure. An exit with an error counts as a failure, like a crash.
func RecoveryDelays() []time.Duration {
	return []time.Duration{5 * time.Second, 30 * time.Second, 5 * time.Minute}
}
