package doctor

import "slices"

// The codes: of the way to the service,
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

// of what was bought,
const (
	RegistrationMissing   Code = "registration_missing"
	RegistrationFile      Code = "registration_file"
	RegistrationExpired   Code = "registration_expired"
	RegistrationExhausted Code = "registration_exhausted"
	RegistrationDisabled  Code = "registration_disabled"
	RegistrationRefused   Code = "registration_refused"
	RedemptionUncertain   Code = "redemption_uncertain"
	RedemptionUnconfirmed Code = "redemption_unconfirmed"
	Revoked               Code = "revoked"
	RefreshLost           Code = "refresh_lost"
	RefreshExpired        Code = "refresh_expired"
	SessionEnds           Code = "session_ends"
	RefreshUncertain      Code = "refresh_uncertain"
	RefreshLimited        Code = "refresh_limited"
	StatusDegraded        Code = "status_degraded"
	StatusNotServing      Code = "status_not_serving"
	DeviceRenamed         Code = "device_renamed"
)

// of what is kept,
const (
	StoreLocked      Code = "store_locked"
	StoreUnreadable  Code = "store_unreadable"
	StoreMissing     Code = "store_missing"
	StoreRolledBack  Code = "store_rolled_back"
	Quarantined      Code = "quarantined"
	DiskFull         Code = "disk_full"
	StateNotWritable Code = "state_not_writable"
)

// of the configuration,
const (
	ConfigInvalid    Code = "config_invalid"
	PolicyProblem    Code = "policy_problem"
	NoApplication    Code = "no_application"
	AllowRuleMissing Code = "allow_rule_missing"
	Denied           Code = "denied"
)

// and of the daemon.
const (
	SocketMissing     Code = "socket_missing"
	SocketRefused     Code = "socket_refused"
	SocketMode        Code = "socket_mode"
	SocketForeign     Code = "socket_foreign"
	DaemonSilent      Code = "daemon_silent"
	Throttled         Code = "throttled"
	DaemonVersion     Code = "daemon_version"
	TwoDaemons        Code = "two_daemons"
	LogNotWritable    Code = "log_not_writable"
	ServiceStopped    Code = "service_stopped"
	ServiceMasked     Code = "service_masked"
	ServiceFailing    Code = "service_failing"
	ServiceCredential Code = "service_credential"
	MachineIDChanged  Code = "machine_id_changed"
)

// On Windows alone there are also these; [TimeServiceStopped] is of
// the way to the service.
const (
	ServiceMissing      Code = "service_missing"
	ServiceDisabled     Code = "service_disabled"
	PipeSquatted        Code = "pipe_squatted"
	PermissionsTooBroad Code = "permissions_too_broad"
)

// Table is all codes, in the order of the documentation.
func Table() []Entry {
	return slices.Concat(networkCodes(), tlsCodes(), serviceCodes(), tokenCodes(), sessionCodes(), storeCodes(), configCodes(), daemonCodes(), managerCodes(), windowsCodes())
}

// What an end user without rights can do about most of it.
const (
	tellIT        = "Tell the administrator of this device this code and the evidence. Applications get the current access tokens until they expire."
	tellITStop    = "Tell the administrator of this device this code and the evidence. No application gets a token until the cause is corrected."
	noContactStep = "Nothing: it is not seen from the service's side."
)

// What is the same in several next steps.
const (
	appliesItself = "A changed configuration applies by itself within seconds."
	registerStep  = "regent register --file FILE --erase (--erase removes the file once the token is sealed)."
	paymentStep   = "The registration token that is held pays for it, or the next one that is given with regent register --file FILE."
)

func networkCodes() []Entry {
	return []Entry{
		{
			NetworkSettings, Failure, "the network settings cannot be used",
			"regentd cannot use a network setting: network.ca_file, network.proxy_credentials_file, network.proxy, or a proxy in its environment (HTTPS_PROXY, ALL_PROXY). A file is missing or has the wrong content, or a proxy is not a URL.",
			tellIT, "Correct the file or the key that the evidence names. regent policy explain network.ca_file shows who set it. Then run: regent reload. For a variable of the environment, run: systemctl edit regentd, then restart regentd. Or set network.proxy, which replaces the variable.", noContactStep,
		},
		{
			DNSFailed, Failure, "the name of the service is not found",
			"The device's name server does not know the host, or cannot be asked: a slip in tenant, no network, a split DNS without the VPN, or a network that only resolves through its proxy.",
			tellIT, "Compare the host with the tenant that you were given; ask the same name server (getent hosts HOST, or Resolve-DnsName HOST). Where only a proxy resolves names, set network.proxy. " + appliesItself, "Compare the host in the evidence with your tenant.",
		},
		{
			TCPUnreachable, Failure, "the service does not take connections",
			"The name is found, but the connection is refused, or nobody answers: a firewall, a wrong port, or the service is down.",
			tellIT, "Open the way from this device to the address and port in the evidence, or set network.proxy to the way out of this network. " + appliesItself, "Check whether the tenant answers on another network.",
		},
		{
			ProxyUnreachable, Failure, "the proxy does not take connections",
			"A proxy is configured: network.proxy, else HTTPS_PROXY or ALL_PROXY in regentd's environment. Its name is not found, or its port does not answer.",
			tellIT, "Correct network.proxy, or set it to none where there is a direct way; regent policy explain network.proxy says who set it. " + appliesItself, noContactStep,
		},
		{
			ProxyNotConfigured, Failure, "the programs of this user use a proxy that regentd does not use",
			"regentd cannot reach the tenant's host. It uses network.proxy, else HTTPS_PROXY or ALL_PROXY of its own environment. It does not see a proxy in a user's shell. On Windows it runs as LocalSystem. There it does not see a proxy in a user's Internet settings or in netsh winhttp.",
			tellIT, "Set network.proxy: http://PROXY, in config.yaml or by policy; where a script decides, its proxy for HOST. " + appliesItself, noContactStep,
		},
		{
			ProxyAuthentication, Failure, "the proxy asks for a password",
			"The proxy answered 407: it wants a user and a password. None are configured, or those that are configured are wrong.",
			tellIT, "Write user:password into a file that only the daemon can read, and name it in network.proxy_credentials_file. " + appliesItself + " If only the content of the file was changed, run regent reload.", noContactStep,
		},
		{
			ProxyRefused, Failure, "the proxy refuses the way to the service",
			"The proxy is there and does not connect to the service's host: a block list, or a rule for this device.",
			tellIT, "Have the proxy's administrator allow CONNECT to the host and port in the evidence.", noContactStep,
		},
	}
}

func tlsCodes() []Entry {
	return []Entry{
		{
			TLSUnknownCA, Failure, "the server's certificate is signed by an unknown authority",
			"The certificate is signed by an authority that neither the system nor network.ca_file has: a private authority whose certificate was not rolled out.",
			tellIT, "If the issuer in the evidence is your organisation's authority, put its certificate (PEM) into a file and name that in network.ca_file. " + appliesItself + " If you do not know the issuer, do not: somebody may be in the way.", "Say which authority your tenant's certificate is from.",
		},
		{
			TLSInterception, Failure, "something between this device and the service opens its TLS connections",
			"A security product or a proxy answers in the place of the service, with a certificate that it makes for every name, and whose authority this device does not trust.",
			tellIT, "Ask the administrator of the inspecting product to exempt HOST. Applications get the current access tokens until they expire (regent status). Put the product's authority into network.ca_file only if the product is allowed to read the tokens.", "Name the host that has to be exempted from inspection.",
		},
		{
			TLSInterceptionTrusted, Warning, "something between this device and the service reads what they say",
			"A security product or a proxy opens the TLS connections to the service; this device trusts its authority, so everything works, and the product sees every token.",
			"Nothing: it works.", "Exempt the service's host from inspection, unless it is meant that the product in the evidence sees registration tokens and access tokens.", noContactStep,
		},
		{
			TLSName, Failure, "the server's certificate is for another name",
			"The certificate does not have the tenant's host among its subject alternative names (SAN), or the server does not know that host. A common name alone is not accepted.",
			tellIT, "Compare tenant with the address that you were given; regent policy explain tenant says who set it. If the address is right, the operator of the server must issue a certificate with HOST as a subject alternative name.", "Give out the address that the certificate is for, or have the certificate issued with the tenant's host as a subject alternative name.",
		},
		{
			TLSCertificate, Failure, "the server's certificate cannot be used",
			"The certificate has expired, is not yet valid, is not made for servers, or is signed with an algorithm that is no longer accepted. If it is accepted elsewhere, this device's clock may be wrong.",
			tellIT, "If the evidence names a date, compare this device's date with the right one first. If the date is right, or the evidence names none, the operator of the server must issue another certificate.", "Have another certificate issued.",
		},
		{
			TLSVersion, Failure, "this device and the server have no TLS version or cipher suite in common",
			"Regent needs TLS 1.2 or later with a cipher suite that is still safe. The server, or a proxy that answers in its place, has only older ones.",
			tellIT, "Ask the operator of HOST, or of an inspecting product, to enable TLS 1.2 or 1.3 with ECDHE cipher suites. To see what it offers: openssl s_client -connect HOST:443. Regent has no key that allows older versions.", "Have TLS 1.2 or later enabled at the tenant's address.",
		},
		{
			TLSClientCertificate, Failure, "the server asks for a client certificate",
			"The server, or a gateway before it, admits only clients with a certificate of their own (mutual TLS). Regent has none, and the Token Management Service does not ask for one.",
			tellIT, "Compare tenant with the address that you were given: it may be the address of a gateway. If it is right, ask the operator of the gateway at HOST to admit this device without a client certificate.", "Give out an address that does not ask for client certificates.",
		},
		{
			TLSHandshake, Failure, "the TLS handshake with the server fails",
			"The server, or something on the way, ended the handshake or closed the connection. A firewall that blocks by name does so, and a server that knows only old TLS versions.",
			tellIT, "Ask the administrator of the firewall whether HOST is blocked. If it is not, give the alert in the evidence to the operator of the server. To see the handshake: openssl s_client -connect HOST:443 -servername HOST.", "Check whether the tenant answers on another network.",
		},
	}
}

func serviceCodes() []Entry {
	return []Entry{
		{
			NotTheService, Failure, "what answers is not the Token Management Service",
			"The host answers over HTTP, but not as the service does: tenant names another server, a captive portal or a proxy answers in its place, or something else runs at its address now.",
			tellIT, "Compare tenant with the address that you were given; regent policy explain tenant says who set it. On a guest network, log in to it first. If regent status shows a live instance, the address was right. Then tell the operator of the service that something else answers there.", "Give out the address of the tenant, without a path.",
		},
		{
			ServiceUnavailable, Warning, "the service answers that it cannot answer now",
			"The service is reached and answers with an error of its own (HTTP 5xx), or asks for a pause (429). It is tried again by itself.",
			"Wait: what is held already is served as long as it is valid.", "Wait; if it goes on for longer than the tokens are good for (regent status), ask the service's operator.", "Ask the service's operator.",
		},
		{
			ClockWrong, Failure, "this device's clock is wrong",
			"The service's clock and this device's are more than 15 minutes apart. Cloud LM discards calls that are further off, and tokens look expired or not yet valid.",
			"Set the device's date, time and time zone, or have its administrator do so.", "Set the clock and let it be kept (timedatectl set-ntp true, or w32tm /resync).", noContactStep,
		},
		{
			ProviderMismatch, Failure, "the tenant names another identity provider than the auth tokens came from",
			"Each auth token is refreshed at the identity provider that it came from. The tenant now names another host or realm. Regent does not follow it by itself. If the old one is gone, each instance ends with its access token (regent status).",
			tellIT, "Ask the Contact Administrator whether the identity provider was moved. If it was, for each instance: regent instances forget APPLICATION/NUMBER, then regent instances redeem APPLICATION/NUMBER, which costs one count. " + paymentStep + " If it was not moved, compare tenant with the address that you were given.", "Say whether the tenant's identity provider was moved; old auth tokens can then be deleted.",
		},
	}
}

func tokenCodes() []Entry {
	return []Entry{
		{
			RegistrationMissing, Failure, "no registration token was given yet",
			"Instances are configured that have no auth token, and there is no registration token to redeem for them.",
			"Ask the administrator of this device for a registration token.", "Ask the Contact Administrator for a registration token with a count for each instance that waits. Save it in a file, then run: " + registerStep + " Or name the file in registration_token_file.", "Make one with tmsctl registration-token create; count is devices times instances.",
		},
		{
			RegistrationFile, Warning, "the file or credential of a registration token needs attention",
			"Regent did not seal the file: its content is not a registration token, another program still writes it, or other users can read it. Or Regent sealed it, and cannot erase it yet.",
			tellIT, "Do what the evidence says. Regent did not change the file. Correct it in place, and regentd seals it within seconds. Or save the registration token in another file, then run: " + registerStep, noContactStep,
		},
		{
			RegistrationExpired, Failure, "the registration token is past its expiration date",
			"The service refused it as expired. Counts that were left have lapsed.",
			"Tell the administrator of this device that a new registration token is needed.", "Ask the Contact Administrator for a new registration token. Save it in a file, then run: " + registerStep, "Make a new one, or extend this one: tmsctl registration-token extend ID.",
		},
		{
			RegistrationExhausted, Failure, "the registration token has no count left",
			"Its count is smaller than the number of devices and instances that use it, or unexpected users used it.",
			"Tell the administrator of this device that the counts are used up.", "Ask the Contact Administrator for a new registration token with a count for each instance that waits. Save it in a file, then run: " + registerStep + " If the count of the old one is raised instead, it is tried again by itself within six hours, or at once with: regent instances redeem APPLICATION/NUMBER", "Find out who used the counts: tmsctl investigate. Then tmsctl registration-token raise-count ID, or make a new one.",
		},
		{
			RegistrationDisabled, Failure, "the registration token is disabled",
			"Somebody disabled it at the service, which says so in the evidence. No count was used.",
			"Tell the administrator of this device that the registration token is disabled.", "Ask the Contact Administrator to enable it, or for another one. Once it is enabled, it is tried again by itself within six hours, or at once with: regent instances redeem APPLICATION/NUMBER. Another one is saved in a file, then: " + registerStep, "Enable it, if that is meant: tmsctl registration-token enable ID.",
		},
		{
			RegistrationRefused, Failure, "the service refused the registration token",
			"It is not one of this tenant, was deleted, or is not whole: its text is in the evidence.",
			"Tell the administrator of this device that the registration token is refused.", "Compare the fingerprint and the tenant in the evidence with what tmsctl registration-token list shows to the Contact Administrator. Save the right one in a file, then run: " + registerStep, "Look for it in tmsctl registration-token list; make a new one if it is gone.",
		},
		{
			RedemptionUncertain, Failure, "it is not known whether a redemption used a count",
			"The answer to a redemption was lost, so the service may have given out an auth token that never arrived. Nothing is repeated blindly.",
			"Tell the administrator of this device the instance in the evidence.", "Ask the Contact Administrator whether tmsctl auth-token list shows IDENTIFIER. If it does, a count was used, and what it bought is lost: regent ledger resolve IDENTIFIER --consumed, then regent instances redeem APPLICATION/NUMBER, which costs a second count. If it does not: regent ledger resolve IDENTIFIER --not-consumed, and the instance is redeemed by itself, for one count.", "Look whether tmsctl auth-token list shows the identifier. If it does, that auth token can be deleted; no count comes back.",
		},
		{
			RedemptionUnconfirmed, Failure, "instances wait until somebody confirms the first redemption",
			"The service accepted one redemption, and its reply does not show the identifier or the names that Regent sent; or its reply was lost or could not be read. If the service ignored the names, its list does not show which device used the count. Regent therefore redeems no other instance.",
			"Tell the administrator of this device the instance in the evidence.", "Ask the Contact Administrator whether tmsctl auth-token list shows IDENTIFIER. If it does, run: regent ledger resolve IDENTIFIER --listed. Regent then redeems the waiting instances. If it does not, run: regent ledger resolve IDENTIFIER --not-listed. Regent then tries again, after an accepted redemption in the other form, which costs one count.", "Check whether tmsctl auth-token list shows the identifier. If it does, set contract.request and contract.request_confirmed for the fleet.",
		},
		{
			Revoked, Failure, "the service no longer accepts the auth token of an instance",
			"The service refuses to refresh it: it was deleted there, or its session was ended.",
			"Tell the administrator of this device that the instance has ended.", "Ask the Contact Administrator whether it was meant. If the instance is to work again: regent instances redeem APPLICATION/NUMBER, which costs one count. " + paymentStep, "Say whether it was meant; tmsctl auth-token list shows what is left.",
		},
		{
			RefreshLost, Failure, "the refresh token of an instance is lost",
			"The answer to a refresh was lost, and the service no longer accepts the old refresh token.",
			"Tell the administrator of this device the instance in the evidence.", "Redeem it again, which costs one count: regent instances redeem APPLICATION/NUMBER. " + paymentStep, "Delete the old auth token, if you like: tmsctl auth-token delete ID.",
		},
		{
			RefreshExpired, Failure, "the refresh token of an instance has reached its end",
			"The device was off for longer than the refresh token lives, or the service ended the session at its maximum.",
			"Tell the administrator of this device the instance in the evidence.", "Redeem it again, which costs one count: regent instances redeem APPLICATION/NUMBER. " + paymentStep + " For devices that are to do so by themselves, see refresh.on_refresh_expired. Where session_ends is found too, the next one ends as soon.", "Have the refresh tokens' life made longer; where sessions end, see session_ends.",
		},
	}
}

func sessionCodes() []Entry {
	return []Entry{
		{
			RefreshUncertain, Failure, "the service refuses to refresh, and no refresh mode has worked at this tenant yet",
			"The vendor does not document how the service refreshes. The service refused each mode that refresh.mode allows. The mode may be wrong, or the service may have ended the auth token. Regent keeps the auth tokens and retries.",
			"Tell the administrator of this device this code and the evidence. Applications get the current access tokens until they expire.", "Find the tenant's refresh modes: sudo regent doctor --contract. If refresh.mode is not auto, set refresh.mode: auto. Ask the Contact Administrator whether tmsctl auth-token list still shows the auth token. Only if it is gone, run: regent instances forget APPLICATION/NUMBER. Then run: regent instances redeem APPLICATION/NUMBER. This costs one count.", "Check whether tmsctl auth-token list shows the auth token. Ask the vendor how this tenant refreshes.",
		},
		{
			SessionEnds, Warning, "the service ends every session after a time",
			"The identity provider has a session maximum: no refresh moves that end, and each auth token of the tenant is of no use after it. Offline tokens have no session, so they have no such end.",
			tellIT, "Ask the Contact Administrator for offline tokens. Until then each instance needs another count after each end. Run: regent instances redeem APPLICATION/NUMBER. Or set refresh.on_refresh_expired: redeem. Regent then redeems, at most once per instance in 30 days.", "Enable offline tokens (scope offline_access) at the tenant, or make the session maximum longer. tmsctl plan --session-max shows the cost in counts.",
		},
		{
			DeviceRenamed, Info, "the service knows this device by an earlier name",
			"The device was renamed, or its domain depends on the network. Regent still sends the name of the first redemption. So the Contact Administrator sees one device.",
			"Nothing: applications get access tokens as before.", "Nothing. To find this device at the service, run: tmsctl auth-token list --fqdn FQDN. To use the new name, register the device again. regent store reset shows what that costs.", "Look for the earlier name. The ref ID 2 of the auth tokens does not change with the name.",
		},
		{
			RefreshLimited, Warning, "access tokens expire before the next refresh is allowed",
			"The lifetime of access tokens is not longer than limits.refresh_floor. Applications wait from the expiry of one token until the next refresh. This also happens shortly before a session ends.",
			"Retry after a few seconds. If that does not help, tell the administrator of this device this code and the evidence.", "Ask the Contact Administrator for access tokens with a longer lifetime. If regent status says that sessions end, ask for offline tokens. You can also make limits.refresh_floor shorter: regent policy explain limits.refresh_floor.", "Set the lifetime of access tokens to 1 m or more. If sessions end, enable offline tokens (scope offline_access).",
		},
		{
			StatusDegraded, Warning, "regent status reports a problem, and doctor found no cause",
			"The evidence is the summary of regent status. Most often the problem ends within minutes, for example after the device was off.",
			"Wait a few minutes, then run regent doctor again. If the problem stays, tell the administrator of this device this code and the evidence.", "Wait a few minutes, then run regent doctor again. If the problem stays, run: regent status. It shows the last fault of each instance.", noContactStep,
		},
		{
			StatusNotServing, Failure, "no application gets a token, and doctor found no cause",
			"The evidence is the summary of regent status.",
			tellITStop, "Run: regent status. It shows the last fault of each instance. To explain its code, run: regent doctor explain CODE", noContactStep,
		},
	}
}

func storeCodes() []Entry {
	return []Entry{
		{
			StoreLocked, Failure, "the data key is not given out now",
			"The keyring, or the credential of the service manager that opens it, does not answer or refuses.",
			tellITStop, "Unlock the keyring, then run: regent reload. Nothing was changed and no count used.", noContactStep,
		},
		{
			StoreUnreadable, Failure, "the sealed state is there and cannot be read",
			"A record or the ledger was damaged or altered, or the directory cannot be read.",
			tellITStop, "regent store status names the damage. Restore the state directory from a backup and run regent reload. Without a backup: regent store recover says what going on without it costs, and does it only with --yes.", noContactStep,
		},
		{
			StoreMissing, Failure, "the sealed records are there and the key to them is missing",
			"The key material was deleted, or only the records were restored or copied.",
			tellITStop, "Restore the key from a backup, then run regent reload. With the file keyring, the key is in STATE/keyring, and its passphrase in STATE/keyring.passphrase unless systemd keeps that. Without a backup: regent store recover says what going on without the records costs, and does it only with --yes.", "Auth tokens that this device gives up can be deleted: tmsctl auth-token delete.",
		},
		{
			StoreRolledBack, Failure, "the state directory is older than it should be",
			"An older copy of it was put back, as after a restore from a backup or a snapshot. Refresh tokens in it may have been used since.",
			tellITStop, "Put the newest copy back if there is one; else regent store recover says what going on costs, and does it only with --yes.", noContactStep,
		},
		{
			Quarantined, Failure, "this device looks like a copy of another one",
			"The state was made on another device: a cloned disk, a golden image that was not sealed, or an exchanged main board.",
			tellITStop, "Find out whether another device with this state is still running. If none is: regent store adopt, which costs nothing; but if one is, the two take each other's tokens away. If one is: regent store register-again, which costs one count for each instance, from a registration token. Each says first what it does, and does it only with --yes. Before making images: regent seal-image.", "Two devices with one ref ID 2 in tmsctl auth-token list are copies of each other.",
		},
		{
			DiskFull, Failure, "the file system of the state is full",
			"Nothing can be written, so nothing can be redeemed, and no new token be kept.",
			tellIT, "Free space on the file system in the evidence. Nothing else is needed: what could not be written is tried again.", noContactStep,
		},
		{
			StateNotWritable, Failure, "the state directory cannot be written",
			"Its owner or mode was changed, it was removed, or its file system is read-only.",
			tellIT, "Do what the evidence says, then run regent reload.", noContactStep,
		},
	}
}

func configCodes() []Entry {
	return []Entry{
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
}

func daemonCodes() []Entry {
	return []Entry{
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
}

func managerCodes() []Entry {
	return []Entry{
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
}
