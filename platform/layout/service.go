package layout

import "time"

// The service, as whoever installs it registers it.
const (
	Service            = "regentd"
	ServiceDisplayName = "Regent token agent"
	ServiceDescription = "Redeems registration tokens of Sentinel Cloud LM, keeps the auth tokens and hands access tokens to local applications."

	// ServiceAccount may open the processes of all users, which a virtual account
	// may not. What else it could do is given up: see [ServicePrivileges].
	ServiceAccount = "LocalSystem"
	// ServiceArguments is how the service control manager starts the daemon.
	ServiceArguments = "run"
	// ServiceDelayed has the service started after those that a person waits for.
	ServiceDelayed = true
)

// TimeService is the system's own that keeps the clock.
const TimeService = "W32Time"

// ServicePrivileges is the whole of what the service keeps of its account's
// privileges. A client is asked for at identification level, which needs none,
// and the processes of users let SYSTEM look at them.
func ServicePrivileges() []string { return []string{"SeChangeNotifyPrivilege"} }

// RecoveryReset is how long the service must have run for its failures to be
// forgotten.
const RecoveryReset = 24 * time.Hour

// RecoveryDelays is how long after the first, the second and any further failure
// the service is started again. An exit with an error is a failure as well as a
// crash is.
func RecoveryDelays() []time.Duration {
	return []time.Duration{5 * time.Second, 30 * time.Second, 5 * time.Minute}
}
