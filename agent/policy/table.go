package policy

import (
	"slices"
	"time"

	"regent/agent/authz"
	"regent/agent/instance"
	"regent/agent/tms/contract"
)

const firstVersion = "0.1.0"

// Table returns every key there is, in the order of the documentation. The
// caller may keep and change what it gets.
func Table() []Definition {
	return slices.Concat(
		registrationKeys(), applicationKeys(), ruleKeys(), executableKeys(),
		networkKeys(), refreshKeys(), contractKeys(), storeKeys(), recordKeys(),
	)
}

func registrationKeys() []Definition {
	return []Definition{
		{
			Key: "tenant", Title: "Address of the tenant", Type: Text, Default: "", Check: checkOf(checkTenant), Pattern: tenantPattern,
			Doc: "Address of the tenant: a host or a URL. It is https; http is accepted on a loopback address only. " +
				"The default tenant of every application that names none itself.",
			Example: "https://demo-host.com/", Since: firstVersion, Artefacts: allArtefacts | Readme | Debconf, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.Tenant }),
		},
		{
			Key: "registration_token_file", Title: "File with the registration token", Type: Path, Default: "", Check: checkOf(checkPath), Pattern: pathPattern,
			Doc: "File in which a registration token for the default tenant arrives, now or at any later time. " +
				"It is removed once the token is sealed in the store. The token itself never belongs in this configuration.",
			Example: "/etc/regent/registration-token", Since: firstVersion, Artefacts: allArtefacts | Readme, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.RegistrationTokenFile }),
		},
		{
			Key: "keep_registration_token", Title: "Keep the registration token", Type: Bool, Default: false,
			Doc: "Keep the sealed registration token after every declared instance has its auth token, " +
				"so that the agent can redeem again. It costs nothing, but who steals the store steals the token.",
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *bool { return &s.KeepRegistrationToken }),
		},
	}
}

func applicationKeys() []Definition {
	return []Definition{
		{
			Key: "applications", Title: "Applications", Type: Applications,
			Doc: "The licensed applications. Layers merge by id: a later one adds an application, " +
				"or overrides the keys that it sets of a known one.",
			Since: firstVersion, Artefacts: allArtefacts | Readme, Reloadable: true,
		},
		{
			Key: "applications.*.id", Title: "Name", Type: Text, Required: true, Check: checkOf(checkID), Pattern: idPattern,
			Doc:     "Name of the application on this device: a-z, 0-9 and -, at most 64.",
			Example: "cad", Since: firstVersion, Artefacts: itemArtefacts | Readme, Reloadable: true,
			field: bind(func(a *Application) *string { return &a.ID }),
		},
		{
			Key: "applications.*.tenant", Title: "Tenant", Type: Text, Default: "", Check: checkOf(checkTenant), Pattern: tenantPattern,
			Doc:     "The application's own tenant, if it is not the default one.",
			Example: "https://other-host.com/", Since: firstVersion, Artefacts: itemArtefacts, Reloadable: true,
			field: bind(func(a *Application) *string { return &a.Tenant }),
		},
		{
			Key: "applications.*.registration_token_file", Title: "File with the registration token", Type: Path, Default: "", Check: checkOf(checkPath), Pattern: pathPattern,
			Doc:     "The application's own registration token's file, if it does not use its tenant's.",
			Example: "/etc/regent/registration-token-cad", Since: firstVersion, Artefacts: itemArtefacts, Reloadable: true,
			field: bind(func(a *Application) *string { return &a.RegistrationTokenFile }),
		},
		{
			Key: "applications.*.instances", Title: "Instances", Type: Int, Default: 1, Min: 1, Max: instance.MaxInstances,
			Doc:   "How many may run at the same time. Each costs one count of the registration token.",
			Since: firstVersion, Artefacts: itemArtefacts | Readme, Reloadable: true,
			field: bind(func(a *Application) *int { return &a.Instances }),
		},
		{
			Key: "applications.*.redeem", Title: "When to redeem", Type: Word, Default: Eager, Words: []string{Eager, OnDemand},
			Doc:   "When a count is spent: eager at registration, on_demand when the instance is first asked for.",
			Since: firstVersion, Artefacts: itemArtefacts | Readme, Reloadable: true,
			field: bind(func(a *Application) *string { return &a.Redeem }),
		},
	}
}

func ruleKeys() []Definition {
	const rule = "applications.*.allow.*."
	return []Definition{
		{
			Key: "applications.*.allow", Title: "Who may use it", Type: Rules,
			Doc: "Who may use the application. Any rule admits; inside one rule every condition must hold. " +
				"Without a rule nobody may. The latest layer that sets it replaces the whole list, so nothing local widens a managed one.",
			Example: "[{groups: [engineering]}]", Since: firstVersion, Artefacts: itemArtefacts | Readme, Reloadable: true,
			field: bind(func(a *Application) *[]authz.Rule { return &a.Allow }),
		},
		{
			Key: rule + "users", Title: "Users", Type: Names, Check: checkOf(authz.NormalizeUser), Pattern: namePattern,
			Doc: "The caller is one of these users: names, decimal uids, or SIDs. user:NAME and uid:NUMBER say which one is meant. " +
				"A number alone is a uid, and admits nobody where another user has that number as a name.",
			Example: "[alice]", Since: firstVersion, Artefacts: itemArtefacts, Reloadable: true,
			field: bind(func(r *authz.Rule) *[]string { return &r.Users }),
		},
		{
			Key: rule + "groups", Title: "Groups", Type: Names, Check: checkOf(authz.NormalizeGroup), Pattern: namePattern,
			Doc: "The caller is in one of these groups: names, decimal gids, or SIDs. group:NAME and gid:NUMBER say which one is meant. " +
				"A number alone is a gid, and admits nobody where another group has that number as a name.",
			Example: "[engineering]", Since: firstVersion, Artefacts: itemArtefacts, Reloadable: true,
			field: bind(func(r *authz.Rule) *[]string { return &r.Groups }),
		},
		{
			Key: rule + "units", Title: "Units", Type: Names, Check: checkOf(checkUnit), Pattern: unitPattern,
			Doc:     "The caller belongs to one of these systemd units. A slice stands for all units in it.",
			Example: "[cad-render.service]", Since: firstVersion, Artefacts: itemArtefacts, Reloadable: true,
			field: bind(func(r *authz.Rule) *[]string { return &r.Units }),
		},
		{
			Key: rule + "signers", Title: "Signers", Type: Names, Check: checkOf(authz.NormalizeSigner), Pattern: signerPattern,
			Doc: "On Windows, the caller runs a program that one of these has signed, by an Authenticode signature inside it which this machine trusts. " +
				"Each is parts of the subject of the signer's certificate, with O or CN among them, which outlive its renewal; " +
				"or sha256: and the SHA-256 of the certificate. Elsewhere it admits nobody. " +
				"Alone it keeps no local user out, since whoever may start a signed program can debug it, or bring it to run what they like; name executables, users or groups beside it. " +
				"Who signs an interpreter admits every script; name executables beside it.",
			Example: `['O=Example GmbH, C=DE']`, Since: firstVersion, Artefacts: itemArtefacts, Reloadable: true,
			field: bind(func(r *authz.Rule) *[]string { return &r.Signers }),
		},
		{
			Key: rule + "everyone", Title: "Everyone", Type: Bool, Default: false,
			Doc:     "Every local user may. It stands alone in its rule.",
			Example: "true", Since: firstVersion, Artefacts: itemArtefacts, Reloadable: true,
			field: bind(func(r *authz.Rule) *bool { return &r.Everyone }),
		},
	}
}

func executableKeys() []Definition {
	const executables = "applications.*.allow.*.executables"
	return []Definition{
		{
			Key: executables, Title: "Programs", Type: Executables,
			Doc: "The caller runs one of these programs, which only root can change. A script is no program: its interpreter is what runs, " +
				"and a rule that names an interpreter admits every script. " +
				"Alone it keeps no local user out, since whoever may start a program can make it run other code (LD_PRELOAD, a debugger); name users, groups or units beside it.",
			Example: "[{path: /opt/cad/bin/cad}]", Since: firstVersion, Artefacts: itemArtefacts, Reloadable: true,
			field: bind(func(r *authz.Rule) *[]authz.Executable { return &r.Executables }),
		},
		{
			Key: executables + ".*.path", Title: "File", Type: Path, Required: true, Check: checkOf(checkPath), Pattern: pathPattern,
			Doc:     "The program's file.",
			Example: "/opt/cad/bin/cad", Since: firstVersion, Artefacts: itemArtefacts, Reloadable: true,
			field: bind(func(e *authz.Executable) *string { return &e.Path }),
		},
		{
			Key: executables + ".*.sha256", Title: "SHA-256", Type: Text, Default: "", Check: checkOf(checkSHA256), Pattern: sha256Pattern,
			Doc:   "Its SHA-256 in 64 hex digits; empty admits any content.",
			Since: firstVersion, Artefacts: itemArtefacts, Reloadable: true,
			field: bind(func(e *authz.Executable) *string { return &e.SHA256 }),
		},
	}
}

func networkKeys() []Definition {
	return []Definition{
		{
			Key: "network.proxy", Title: "Proxy", Type: Text, Default: "", Check: checkOf(checkProxy), Pattern: proxyPattern,
			Doc: "How the service is reached: system (also when empty) takes the proxy of the system's environment, " +
				"none goes directly, a URL (http, https, socks5) names one. User and password do not belong in it; see network.proxy_credentials_file.",
			Example: "http://proxy.example.com:3128", Since: firstVersion, Artefacts: allArtefacts | Readme, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.Network.Proxy }),
		},
		{
			Key: "network.proxy_credentials_file", Title: "File with the proxy's credentials", Type: Path, Default: "", Check: checkOf(checkPath), Pattern: pathPattern,
			Doc: "File with the proxy's user and password, as user:password in one line. Only the agent and root may read it. " +
				"It is read when a connection is first needed and after a reload.",
			Example: "/etc/regent/proxy-credentials", Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.Network.ProxyCredentialsFile }),
		},
		{
			Key: "network.ca_file", Title: "File with further CA certificates", Type: Path, Default: "", Check: checkOf(checkPath), Pattern: pathPattern,
			Doc:     "File with further CA certificates (PEM), added to the system's.",
			Example: "/etc/regent/ca.pem", Since: firstVersion, Artefacts: allArtefacts | Readme, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.Network.CAFile }),
		},
		{
			Key: "network.timeout", Title: "Timeout of a request", Type: Duration, Default: 30 * time.Second,
			Min: int64(time.Second), Max: int64(10 * time.Minute),
			Doc:   "How long one request to the service may take.",
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *time.Duration { return &s.Network.Timeout }),
		},
	}
}

func refreshKeys() []Definition {
	return []Definition{
		{
			Key: "refresh.mode", Title: "How to refresh", Type: Word, Default: contract.Auto, Words: contract.RefreshModes(),
			Doc: "How Regent refreshes auth tokens. auto finds out whether oidc or tms works at the tenant, and stays with it. oidc uses the identity provider's token endpoint. " +
				"tms uses the Token Management Service with the refresh token. tms_registration uses it with the registration token, and needs keep_registration_token: true. " +
				"Until a mode has worked at the tenant, no refusal ends an auth token." + undocumented,
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.Refresh.Mode }),
		},
		{
			Key: "refresh.on_refresh_expired", Title: "When a refresh token has expired", Type: Word, Default: Wait, Words: []string{Wait, RedeemAgain},
			Doc: "A refresh token expires when the device was off for longer than its lifetime, or when the service ends the session. " +
				"wait: the instance waits for an administrator. redeem: Regent redeems again, which costs one count, at most once per instance in 30 days. redeem needs keep_registration_token: true.",
			Since: firstVersion, Artefacts: allArtefacts | Readme, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.Refresh.OnRefreshExpired }),
		},
		{
			Key: "limits.redeem_uncertain_retries", Title: "Retries of an uncertain redemption", Type: Int, Default: 1, Min: 0, Max: 5,
			Doc: "How often a redemption is tried again after the service's documented error 500, " +
				"which does not say whether a count was used.",
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *int { return &s.Limits.RedeemUncertainRetries }),
		},
		{
			Key: "limits.redeem_splay", Title: "Random wait before a redemption", Type: Duration, Default: 2 * time.Second, Min: 0, Max: int64(time.Hour),
			Doc:   "The longest random wait before a redemption, so that many devices do not ask at the same moment.",
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *time.Duration { return &s.Limits.RedeemSplay }),
		},
		{
			Key: "limits.refresh_floor", Title: "Shortest time between two refreshes", Type: Duration, Default: 5 * time.Second,
			Min: int64(time.Second), Max: int64(10 * time.Minute),
			Doc: "The shortest time between two refreshes of one instance. " +
				"It matters if the service hands out access tokens that live for seconds. Between, a caller gets the token while it is valid, then an error with retry_after.",
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *time.Duration { return &s.Limits.RefreshFloor }),
		},
		{
			Key: "limits.refresh_rate", Title: "Most refreshes in a second", Type: Int, Default: 10, Min: 1, Max: 1000,
			Doc:   "How many refreshes begin in one second for each tenant. The others wait for their turn.",
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *int { return &s.Limits.RefreshRate }),
		},
	}
}

func storeKeys() []Definition {
	return []Definition{
		{
			Key: "store.keyring", Title: "Keyring", Type: Word, Default: AutoKeyring, Words: []string{AutoKeyring, FileKeyring},
			Doc:   "What guards the key of the stored tokens: auto takes the best that the system has, file a keyring file in the state directory.",
			Since: firstVersion, Artefacts: allArtefacts,
			field: bind(func(s *Settings) *string { return &s.Store.Keyring }),
		},
		{
			Key: "store.on_clone", Title: "When the device was cloned", Type: Word, Default: Quarantine, Words: []string{Quarantine, RegisterAgain, AdoptClone},
			Doc: "When the device looks like a copy of another one: quarantine serves nothing until a person decides, " +
				"register_again drops the copied tokens, adopt keeps them.",
			Since: firstVersion, Artefacts: allArtefacts,
			field: bind(func(s *Settings) *string { return &s.Store.OnClone }),
		},
		{
			Key: "store.on_uninstall", Title: "When the agent is uninstalled", Type: Word, Default: Keep, Words: []string{Keep, Remove},
			Doc: "On Windows, what uninstalling does with the state on this device: keep leaves it for the next install, remove takes it along. " +
				"Only policy has a say; elsewhere the package manager is told.",
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.Store.OnUninstall }),
		},
	}
}

func recordKeys() []Definition {
	return []Definition{
		{
			Key: "audit", Title: "Audit", Type: Word, Default: BestEffort, Words: []string{BestEffort, Required},
			Doc:   "What happens when a hand-out cannot be recorded: best_effort hands out all the same, required refuses.",
			Since: firstVersion, Artefacts: allArtefacts | Readme, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.Audit }),
		},
		{
			Key: "log.level", Title: "Log level", Type: Word, Default: "info", Words: []string{"debug", "info", "warn", "error"},
			Doc: "The least severe message that is logged.", Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.Log.Level }),
		},
		{
			Key: "log.format", Title: "Log format", Type: Word, Default: "text", Words: []string{"text", "json"},
			Doc: "How messages are written.", Since: firstVersion, Artefacts: allArtefacts,
			field: bind(func(s *Settings) *string { return &s.Log.Format }),
		},
		{
			Key: "administration.from_containers", Title: "Administration from containers", Type: Bool, Default: false,
			Doc: "Whether administrators may administer from a container too: from another user or PID namespace than the agent's, or from a container's cgroup. " +
				"By default root in a container is nobody's administrator here.",
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *bool { return &s.Administration.FromContainers }),
		},
		{
			Key: "administration.root_without_capabilities", Title: "Administration by root without capabilities", Type: Bool, Default: false,
			Doc: "Whether a process of root's may administer without the capabilities CAP_SYS_ADMIN and CAP_DAC_OVERRIDE, as far as PID 1 has them. " +
				"Members of the group regent-operators need none.",
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *bool { return &s.Administration.RootWithoutCapabilities }),
		},
		{
			Key: "metrics_textfile", Title: "File with metrics", Type: Path, Default: "", Check: checkOf(checkPath), Pattern: pathPattern,
			Doc:     "File that is rewritten with metrics in Prometheus' text format, for a collector to read. Empty writes none.",
			Example: "/var/lib/node_exporter/textfile_collector/regent.prom", Since: firstVersion, Artefacts: allArtefacts,
			field: bind(func(s *Settings) *string { return &s.MetricsTextfile }),
		},
		{
			Key: "support.user_names", Title: "Names of users in support bundles", Type: Bool, Default: true,
			Doc:   "Whether regent bundle writes names of users, and what may hold one, into what support is given.",
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *bool { return &s.Support.UserNames }),
		},
	}
}
