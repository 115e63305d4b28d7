package doctor

import "slices"

// Table returns all codes, in the order of the documentation.
func Table() []Entry {
	return slices.Concat(networkCodes, tlsCodes, serviceCodes, tokenCodes, sessionCodes, storeCodes, configCodes, daemonCodes, managerCodes, windowsCodes)
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

var networkCodes = []Entry{
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

var tlsCodes = []Entry{
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

var serviceCodes = []Entry{
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
