package doctor

var configCodes = []Entry{
	{
		ConfigInvalid, Failure, "the configuration is not good",
		"A local file has a mistake. A daemon that runs keeps the configuration before it; one that is started with it ends at once.",
		tellITStop, "Correct the file and line in the evidence; regentd check-config says whether it is good. A daemon that runs applies it by itself. One that did not start is started by an administrator: systemctl restart regentd.service", noContactStep,
	},
	{
		PolicyProblem, Warning, "something in the configuration is set aside",
		"A value of managed policy or of a drop-in is not good, or waits for a restart; the next lower layer rules in its place. Or a group that is neither root's nor the agent's may write a file that is trusted; that file is used all the same.",
		tellIT, "Correct what the evidence names; regent policy shows every key and who said so. A change applies by itself.", noContactStep,
	},
	{
		NoApplication, Warning, "no application is configured",
		"The daemon runs and has nothing to serve.",
		"Tell the administrator of this device which application you need.", "Name the applications in config.yaml, config.d or managed policy.", noContactStep,
	},
	{
		AllowRuleMissing, Warning, "nobody may use an application",
		"The application has no rule under allow, and what no rule opens is served to nobody.",
		"Tell the administrator of this device which application it is.", "Add a rule under the application's allow: users, groups, executables, signers, or everyone: true.", noContactStep,
	},
	{
		Denied, Warning, "a program was refused an access token",
		"No rule under the application's allow admits the program that asked, or it was asked by the wrong user.",
		"Start the program as the user and from the place that it is meant for; or tell the administrator of this device the evidence.", "If it is to be served, add a rule under the application's allow. " + appliesItself + " While the program runs, regent explain --pid PID --application APPLICATION says why it is refused; afterwards the evidence says it.", noContactStep,
	},
}

var daemonCodes = []Entry{
	{
		SocketMissing, Failure, "there is no socket of the agent",
		"The daemon is not running, or its socket was removed.",
		tellITStop, "Start it: systemctl start regentd.socket regentd.service; or does REGENT_SOCKET or --socket name another place?", noContactStep,
	},
	{
		SocketRefused, Failure, "nobody listens at the socket any more",
		"The daemon was killed and not started again.",
		tellITStop, "Start it: systemctl restart regentd.service. journalctl -u regentd says how it ended.", noContactStep,
	},
	{
		SocketMode, Failure, "the socket or its directory is not open to every user",
		"Its mode was changed. The daemon decides by itself whom it serves; the socket is to be open to all.",
		tellITStop, "Run: chmod 666 on the socket and chmod 755 on its directory, as in the evidence; or restart the daemon.", noContactStep,
	},
	{
		SocketForeign, Failure, "somebody else listens at the agent's socket",
		"A process of a user who is neither root nor the agent's listens there, or this sandbox hides who does: the evidence says which. Nothing was sent to it.",
		tellITStop, "Find out who it is (ss -xlp), end it, and see to it that only root can write the socket's directory.", noContactStep,
	},
	{
		DaemonSilent, Failure, "the daemon takes connections and does not answer",
		"It is stuck, or the device has much too much to do.",
		tellITStop, "Restart it: systemctl restart regentd.service. journalctl -u regentd has what it did last.", noContactStep,
	},
	{
		Throttled, Warning, "throttled: another program sends the daemon too many calls",
		"A program of the user in the evidence calls the daemon many times a second. The daemon refuses more calls of that user. It still issues tokens.",
		"Find your program that sends too many calls. Often it is a monitoring script. Let it call every few seconds. Then run regent doctor again.",
		"Find the program of that user that sends too many calls: ps -u USER, or sudo ss -xp. Often it is a monitoring script. Let it call every few seconds. Then run regent doctor again.", noContactStep,
	},
	{
		DaemonVersion, Warning, "the daemon that runs is of another version than this program",
		"The package was upgraded and the daemon not restarted, or two installations are there.",
		"Nothing: it works.", "Restart it: systemctl restart regentd.service.", noContactStep,
	},
	{
		TwoDaemons, Failure, "two daemons run with one configuration",
		"Each keeps a state of its own, so each redeems: the configuration's instances cost their counts twice. regent status and regent ledger have only those of the daemon that answers.",
		tellIT, "Keep the service's process, which systemctl show -p MainPID regentd.service names, and end the other one. If it names 0, end what is in the evidence and run: systemctl start regentd.service. See what started it: most often a regentd run by hand. What it redeemed is in its own ledger: ask it with regent ledger --socket before it ends.", "Two ref ID 2 with the host name of one device are two daemons.",
	},
	{
		LogNotWritable, Warning, "the log cannot be written",
		"The program that reads the daemon's log ended, or its disk is full. The daemon works, and counts the records that it cannot write. It writes that number to the log when writing works again.",
		tellIT, "Start the program that reads the log, then the daemon: systemctl restart regentd.service.", noContactStep,
	},
}

var managerCodes = []Entry{
	{
		ServiceMasked, Failure, "a unit of regentd is masked",
		"An administrator masked it, so systemd does not start it.",
		tellITStop, "Run: systemctl unmask UNIT && systemctl enable --now regentd.service. A registration token in /etc/regent/registration-token stays there until then.", noContactStep,
	},
	{
		ServiceStopped, Failure, "regentd is stopped",
		"Somebody stopped it, or it is not enabled.",
		tellITStop, "Start it: systemctl start regentd.service; and for every start: systemctl enable regentd.service.", noContactStep,
	},
	{
		ServiceFailing, Failure, "regentd does not start",
		"The daemon ends at its start; the service manager has its exit status.",
		tellITStop, "journalctl -u regentd has the reason.", noContactStep,
	},
	{
		ServiceCredential, Failure, "the service manager cannot unseal the passphrase of the data key",
		"The TPM was reset, or the disk is in another device. Nothing was changed.",
		tellITStop, "See journalctl -u regentd, and for what can be done /usr/share/doc/regent/README.md.", noContactStep,
	},
	{
		MachineIDChanged, Failure, "the machine-id was changed, so systemd cannot unseal the passphrase of the data key",
		"The host key of systemd is good under one machine-id only. A clone, or a machine made from a template, has another one, and so has a system whose /etc/machine-id was written anew. Nothing was changed or lost.",
		tellITStop, "If this is the same device, put the old machine-id back into /etc/machine-id (ls /var/log/journal names it, if the journal is kept there), restart the system, or run: systemctl start regentd.service. If this is a copy, it needs auth tokens of its own, one count for each instance: the steps are in /usr/share/doc/regent/README.md. On a template, before it is copied: regent seal-image.", noContactStep,
	},
}

var windowsCodes = []Entry{
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

const (
	restartOnWindows = "As an administrator run: regentd service stop, then regentd service start. The event log (source regentd) says what it did last."
	startOnWindows   = "As an administrator run: regentd service start. The event log (source regentd) says how it ended."
)

// OnWindows returns what an administrator does about a code on Windows; "" where that
// is the same as elsewhere.
func OnWindows(c Code) string { return onWindows[c] }

var onWindows = map[Code]string{
	ConfigInvalid:  "Correct the file and line in the evidence; regentd check-config says whether it is good. A daemon that runs applies it by itself. One that did not start is started by an administrator: regentd service start",
	SocketMissing:  startOnWindows + " Or does REGENT_SOCKET or --socket name another place?",
	SocketRefused:  startOnWindows,
	SocketMode:     "The pipe does not let this user in. " + restartOnWindows,
	SocketForeign:  "It is the service's own process, under another account than it is to have. Find out who changed that, and run as an administrator: sc.exe config regentd obj= LocalSystem, then regentd service stop, then regentd service start.",
	DaemonSilent:   restartOnWindows,
	DaemonVersion:  restartOnWindows,
	TwoDaemons:     "Keep the service's process and end the other one, which the evidence names (taskkill /F /PID NUMBER); then run: regentd service start. See what started it: most often a regentd run by hand. What it redeemed is in its own ledger: ask it with regent ledger before it ends.",
	ServiceStopped: "As an administrator run: regentd service start. It is stopped until the system starts again, or somebody starts it.",
	ServiceFailing: "The event log (source regentd) has the reason.",
}
