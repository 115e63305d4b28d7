package doctor

func windowsCodes() []Entry {
	return []Entry{
		{
			TimeServiceStopped, Warning, "nobody keeps this device's clock",
			"On Windows the service Windows Time is stopped, though it is to run always or is disabled, or the clock is off meanwhile. Past 15 minutes Cloud LM discards calls, and tokens look expired or not yet valid.",
			tellIT, "Run as an administrator: sc.exe config w32time start= auto, then net start w32time, then w32tm /resync. If another program is to keep the clock, see why it does not, or leave it at that.", noContactStep,
		},
		{
			ServiceMissing, Failure, "the service is not installed",
			"On Windows the service manager does not know regentd: it was removed, or only the programs were copied.",
			tellITStop, "Install the MSI again, which keeps the state; without it, as an administrator: regentd service install, then regentd service start.", noContactStep,
		},
		{
			ServiceDisabled, Failure, "the service is disabled",
			"On Windows somebody, or a policy, keeps the service from being started.",
			tellITStop, "Find out who disabled it, and whether that is meant. If not, run as an administrator: sc.exe config regentd start= delayed-auto, then regentd service start.", noContactStep,
		},
		{
			PipeSquatted, Failure, "another process than the service has the agent's pipe",
			"On Windows a pipe belongs to whoever makes it first. While another process has it, the service cannot start; programs of ours send nothing to it, but others might.",
			tellITStop, "Find out what the process in the evidence is and who started it, and end it (taskkill /F /PID NUMBER). Then start the service: regentd service start.", noContactStep,
		},
		{
			PermissionsTooBroad, Failure, "more people may use what is the agent's than is meant",
			"On Windows somebody changed an access list. Tokens in the state are sealed, but who may write there can destroy them, and who may write the configuration decides who gets tokens. With a state directory that is open the service does not start again.",
			tellIT, "Run as an administrator, in cmd: COMMAND. Then find out who changed it, and look whether anything there is not yours.", noContactStep,
		},
	}
}

// OnWindows is what an administrator does about a code on Windows, where that is
// something else than on other systems; "" where it is the same.
func OnWindows(c Code) string {
	const (
		restart = "As an administrator run: regentd service stop, then regentd service start. The event log (source regentd) says what it did last."
		start   = "As an administrator run: regentd service start. The event log (source regentd) says how it ended."
	)
	return map[Code]string{
		ConfigInvalid:  "Correct the file and line in the evidence; regentd check-config says whether it is good. A daemon that runs applies it by itself. One that did not start is started by an administrator: regentd service start",
		SocketMissing:  start + " Or does REGENT_SOCKET or --socket name another place?",
		SocketRefused:  start,
		SocketMode:     "The pipe does not let this user in. " + restart,
		SocketForeign:  "It is the service's own process, under another account than it is to have. Find out who changed that, and run as an administrator: sc.exe config regentd obj= LocalSystem, then regentd service stop, then regentd service start.",
		DaemonSilent:   restart,
		DaemonVersion:  restart,
		TwoDaemons:     "Keep the service's process and end the other one, which the evidence names (taskkill /F /PID NUMBER); then run: regentd service start. See what started it: most often a regentd run by hand. What it redeemed is in its own ledger: ask it with regent ledger before it ends.",
		ServiceStopped: "As an administrator run: regentd service start. It is stopped until the system starts again, or somebody starts it.",
		ServiceFailing: "The event log (source regentd) has the reason.",
	}[c]
}
