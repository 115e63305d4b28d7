package policy

import (
	"slices"
	"time"

	"regent/agent/authz"
	"regent/agent/tms/contract"
	"regent/agent/token"
)

// Table returns every key, in the order of the documentation. The caller owns the slice.
func Table() []Definition { return slices.Clone(table) }

const (
	firstVersion = "0.1.0"

	rules    = "applications.*.allow.*."
	programs = rules + "executables.*."

	// undocumented ends the documentation of a key for a part of the service that the
	// vendor does not document.
	undocumented = " CONTRACT.md, which is beside the guides, lists how well this is known. regent doctor --contract shows the forms of your tenant."
)

// table is the one list of the keys. complete fills in the missing parts of a row.
var table = complete([]Definition{
	{
		Key: "tenant", Title: "Address of the tenant", Type: Text, Check: checkTenant, Pattern: tenantPattern, Example: "https://demo-host.com/", Debconf: true,
		Doc: "Address of the tenant: a host or a URL. It is https; http is accepted on a loopback address only. " +
			"The default tenant of every application that names none itself.",
	},
	{
		Key: "registration_token_file", Title: "File with the registration token", Type: Path, Example: "/etc/regent/registration-token",
		Doc: "File in which a registration token for the default tenant arrives, now or at any later time. " +
			"Regent deletes the file when the token is sealed in the store. The token itself never belongs in this configuration.",
	},
	{
		Key: "keep_registration_token", Title: "Keep the registration token", Type: Bool,
		Doc: "Keep the sealed registration token after every declared instance has its auth token, " +
			"so that the agent can redeem again. It costs nothing. But a thief of the store also has the token.",
	},

	{
		Key: "applications", Title: "Applications", Type: Applications,
		Doc: "The licensed applications. Layers merge by id: a later one adds an application, " +
			"or overrides the keys that it sets of a known one.",
	},
	{
		Key: "applications.*.id", Title: "Name", Type: Text, Required: true, Check: checkID, Pattern: idPattern, Example: "cad",
		Doc: "Name of the application on this device: a-z, 0-9 and -, at most 64.",
	},
	{
		Key: "applications.*.tenant", Title: "Tenant", Type: Text, Check: checkTenant, Pattern: tenantPattern, Example: "https://other-host.com/",
		Doc: "The application's own tenant, if it is not the default one.",
	},
	{
		Key: "applications.*.registration_token_file", Title: "File with the registration token", Type: Path, Example: "/etc/regent/registration-token-cad",
		Doc: "File with the application's own registration token. Without it, the application uses the registration token of its tenant.",
	},
	{
		Key: "applications.*.instances", Title: "Instances", Type: Int, Default: 1, Min: 1, Max: token.MaxInstances,
		Doc: "How many may run at the same time. Each costs one count of the registration token.",
	},
	{
		Key: "applications.*.redeem", Title: "When to redeem", Type: Word, Default: Eager, Words: []string{Eager, OnDemand},
		Doc: "When a count is spent: eager at registration, on_demand at the first request.",
	},

	{
		Key: "applications.*.allow", Title: "Who may use it", Type: Rules, Example: "[{groups: [engineering]}]",
		Doc: "Who may use the application. One matching rule is enough. In a rule, every condition must match. " +
			"Without an allow rule, every request is denied. The latest layer that sets it replaces the whole list. So local configuration cannot extend a managed list.",
	},
	{
		Key: rules + "users", Title: "Users", Type: Names, Check: authz.NormalizeUser, Pattern: namePattern, Example: "[alice]",
		Doc: "The caller is one of these users: names, decimal uids, or SIDs. user:NAME and uid:NUMBER say which one is meant. " +
			"A number alone is a uid. It admits nobody if another user has that number as a name.",
	},
	{
		Key: rules + "groups", Title: "Groups", Type: Names, Check: authz.NormalizeGroup, Pattern: namePattern, Example: "[engineering]",
		Doc: "The caller is in one of these groups: names, decimal gids, or SIDs. group:NAME and gid:NUMBER say which one is meant. " +
			"A number alone is a gid. It admits nobody if another group has that number as a name.",
	},
	{
		Key: rules + "units", Title: "Units", Type: Names, Check: checkUnit, Pattern: unitPattern, Example: "[cad-render.service]",
		Doc: "The caller belongs to one of these systemd units. A slice stands for all units in it.",
	},
	{
		Key: rules + "signers", Title: "Signers", Type: Names, Check: authz.NormalizeSigner, Pattern: signerPattern, Example: `['O=Example GmbH, C=DE']`,
		Doc: "On Windows, the caller runs a program that one of these signers signed. The program must contain an Authenticode signature that this machine trusts. " +
			"A signer is parts of the subject of the signer's certificate, with O or CN among them; a renewed certificate matches too. " +
			"Or it is sha256: and the SHA-256 of the certificate. On other systems it admits nobody. " +
			"Alone it does not keep a local user out: a user who can start a signed program can debug it, or make it run other code. Name executables, users or groups beside it. " +
			"The signer of an interpreter admits every script. Name executables beside it.",
	},
	{
		Key: rules + "everyone", Title: "Everyone", Type: Bool, Example: "true",
		Doc: "Admits every local user. It is the only condition in its rule.",
	},

	{
		Key: rules + "executables", Title: "Programs", Type: Executables, Example: "[{path: /opt/cad/bin/cad}]",
		Doc: "The caller runs one of these programs, which only root can change. A script is no program: its interpreter runs, " +
			"and a rule that names an interpreter admits every script. " +
			"Alone it does not keep a local user out: a user who can start a program can make it run other code (LD_PRELOAD, a debugger). Name users, groups or units beside it.",
	},
	{
		Key: programs + "path", Title: "File", Type: Path, Required: true, Example: "/opt/cad/bin/cad",
		Doc: "The program's file.",
	},
	{
		Key: programs + "sha256", Title: "SHA-256", Type: Text, Check: checkSHA256, Pattern: sha256Pattern,
		Doc: "Its SHA-256 in 64 hex digits; empty admits any content.",
	},

	{
		Key: "network.proxy", Title: "Proxy", Type: Text, Check: checkProxy, Pattern: proxyPattern, Example: "http://proxy.example.com:3128",
		Doc: "The proxy to the service. system (also when empty) uses the proxy of the system's environment. " +
			"none connects directly. A URL (http, https, socks5) names a proxy. User and password do not belong in it; see network.proxy_credentials_file.",
	},
	{
		Key: "network.proxy_credentials_file", Title: "File with the proxy's credentials", Type: Path, Example: "/etc/regent/proxy-credentials",
		Doc: "File with the proxy's user and password, as user:password in one line. Only the agent and root may read it. " +
			"It is read when a connection is first needed and after a reload.",
	},
	{
		Key: "network.ca_file", Title: "File with further CA certificates", Type: Path, Example: "/etc/regent/ca.pem",
		Doc: "File with further CA certificates (PEM), added to the system's.",
	},
	{
		Key: "network.timeout", Title: "Timeout of a request", Type: Duration, Default: 30 * time.Second,
		Min: int64(time.Second), Max: int64(10 * time.Minute),
		Doc: "How long one request to the service may take.",
	},

	{
		Key: "refresh.mode", Title: "How to refresh", Type: Word, Default: contract.Auto, Words: contract.RefreshModes(),
		Doc: "How Regent refreshes auth tokens. auto finds out whether oidc or tms works at the tenant, and stays with it. oidc uses the identity provider's token endpoint. " +
			"tms uses the Token Management Service with the refresh token. tms_registration uses it with the registration token, and needs keep_registration_token: true. " +
			"Until a mode has worked at the tenant, no refusal ends an auth token." + undocumented,
	},
	{
		Key: "refresh.on_refresh_expired", Title: "When a refresh token has expired", Type: Word, Default: Wait, Words: []string{Wait, RedeemAgain},
		Doc: "A refresh token expires when the device was off for longer than its lifetime, or when the service ends the session. " +
			"wait: the instance waits for an administrator. redeem: Regent redeems again, which costs one count, at most once per instance in 30 days. redeem needs keep_registration_token: true.",
	},
	{
		Key: "limits.redeem_uncertain_retries", Title: "Retries of an uncertain redemption", Type: Int, Default: 1, Min: 0, Max: 5,
		Doc: "How often a redemption is tried again after the service's documented error 500, or after its 503 with Retry-After. " +
			"Neither says whether a count was used, so each try can use one.",
	},
	{
		Key: "limits.redeem_splay", Title: "Random wait before a redemption", Type: Duration, Default: 2 * time.Second, Min: 0, Max: int64(time.Hour),
		Doc: "The longest random wait before a redemption, so that many devices do not ask at the same moment.",
	},
	{
		Key: "limits.refresh_floor", Title: "Shortest time between two refreshes", Type: Duration, Default: 5 * time.Second,
		Min: int64(time.Second), Max: int64(10 * time.Minute),
		Doc: "The shortest time between two refreshes of one instance. " +
			"It matters if the service issues access tokens with a lifetime of seconds. In between, a caller gets the token while it is valid, then an error with retry_after.",
	},
	{
		Key: "limits.refresh_rate", Title: "Most refreshes in a second", Type: Int, Default: 10, Min: 1, Max: 1000,
		Doc: "How many refreshes begin in one second for each tenant. The others wait for their turn.",
	},

	{
		Key: "contract.base_path", Title: "Path of the service", Type: Text, Default: contract.DefaultPath, Check: checkBasePath, Pattern: basePathPattern,
		Doc: "Path of the Token Management Service below the tenant's host." + undocumented,
	},
	{
		Key: "contract.request", Title: "Form of a redemption's body", Type: Word, Default: contract.Auto, Words: contract.RequestForms(),
		Doc: "Form of a redemption's body: wrapped in a member authToken, bare, or auto. " +
			"auto begins with wrapped. After a 400 that names no other reason, it tries the other form once for each registration token. Such a 400 costs no count. " +
			"A form is proven when the reply shows the names of the device, or when somebody finds them in the service's list. Until then Regent redeems one instance, and the others wait." + undocumented,
	},
	{
		Key: "contract.request_confirmed", Title: "Form of a redemption's body is confirmed", Type: Bool,
		Doc: "true says that the service's list shows the names of a device that redeemed with contract.request: wrapped or bare. " +
			"Devices then do not wait for a confirmation of their first redemption. It has no effect with auto.",
	},
	{
		Key: "contract.reply", Title: "Form of the service's reply", Type: Word, Default: contract.AnyForm, Words: contract.ReplyForms(),
		Doc: "Where an auth token stands in the service's reply: wrapped in a member authToken, bare, or any of the two." + undocumented,
	},
	{
		Key: "contract.access_token_name", Title: "Name of the access token", Type: Word, Default: contract.AnyForm, Words: append([]string{contract.AnyForm}, contract.AccessNames()...),
		Doc: "Name of the access token in the service's reply. With any, the first known name in the reply." + undocumented,
	},
	{
		Key: "contract.registration_header", Title: "How a registration token is shown", Type: Word, Default: contract.Basic, Words: contract.Headers(),
		Doc: "How the Authorization header shows a registration token: as it is after Basic, as base64 after Basic, or as it is after Bearer. " +
			"Only one is ever tried, since a second redemption may cost a second count." + undocumented,
	},

	{
		Key: "store.keyring", Title: "Keyring", Type: Word, Default: AutoKeyring, Words: []string{AutoKeyring, FileKeyring}, Restart: true,
		Doc: "Where the key of the stored tokens is kept. auto uses the best keyring of the system. file uses a keyring file in the state directory.",
	},
	{
		Key: "store.on_clone", Title: "When the device was cloned", Type: Word, Default: Quarantine, Words: []string{Quarantine, RegisterAgain, AdoptClone}, Restart: true,
		Doc: "If the device looks like a copy of another one: quarantine denies every request until a person decides, " +
			"register_again deletes the copied tokens, adopt keeps them.",
	},
	{
		Key: "store.on_uninstall", Title: "When the agent is uninstalled", Type: Word, Default: Keep, Words: []string{Keep, Remove},
		Doc: "On Windows, the effect of uninstalling on the state on this device: keep leaves it for the next install, remove deletes it. " +
			"Only managed policy can set it. On Linux, choose remove or purge of the package manager.",
	},

	{
		Key: "audit", Title: "Audit", Type: Word, Default: BestEffort, Words: []string{BestEffort, Required},
		Doc: "If the audit log cannot record that a caller gets an access token: best_effort returns the token, required denies the request.",
	},
	{
		Key: "log.level", Title: "Log level", Type: Word, Default: "info", Words: []string{"debug", "info", "warn", "error"},
		Doc: "The least severe message that is logged.",
	},
	{
		Key: "log.format", Title: "Log format", Type: Word, Default: "text", Words: []string{"text", "json"}, Restart: true,
		Doc: "Format of the log. With text, the systemd journal and the Windows event log get their own format.",
	},
	{
		Key: "administration.from_containers", Title: "Administration from containers", Type: Bool,
		Doc: "Whether administrators may administer from a container too: from another user or PID namespace than the agent's, or from a container's cgroup. " +
			"By default root in a container is no administrator here.",
	},
	{
		Key: "administration.root_without_capabilities", Title: "Administration by root without capabilities", Type: Bool,
		Doc: "Whether a process of root may administer without the capabilities CAP_SYS_ADMIN and CAP_DAC_OVERRIDE, as far as PID 1 has them. " +
			"Members of the group regent-operators need none.",
	},
	{
		Key: "metrics_textfile", Title: "File with metrics", Type: Path, Check: checkMetricsFile, Pattern: metricsPattern, Restart: true, Example: "/var/lib/prometheus/node-exporter/regent.prom",
		Doc: "File to which Regent writes metrics in Prometheus' text format, for a collector. Its name must end in .prom. Without this key, Regent writes no file.",
	},
	{
		Key: "support.user_names", Title: "Names of users in support bundles", Type: Bool, Default: true,
		Doc: "Whether regent bundle writes names of users, and values that may contain one, into the bundle for support.",
	},
})
