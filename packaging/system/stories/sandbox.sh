# What the daemon cannot do, tried from inside: by the daemon's own process as
# the kernel shows it, as root inside its mount namespace, and by a program that
# runs under the same unit in its place.
story_sandbox() {
	boot sandbox
	emulator
	site_config
	site_file /etc/regent/config.d/40-tenant.yaml <<<"tenant: $tenant"
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	own_process
	in_its_place
	m systemd-analyze security --threshold=17 regentd.service | tail -n 1 | while read -r line; do say "on the booted system: $line"; done
}

own_process() {
	local pid path
	pid=$(m systemctl show --property=MainPID --value regentd.service)
	for path in CapPrm CapEff CapBnd CapAmb; do
		expect "^$path:[[:space:]]0000000000080000$" m cat "/proc/$pid/status"
	done
	expect '^Seccomp:[[:space:]]2$' m cat "/proc/$pid/status"
	expect '^NoNewPrivs:[[:space:]]1$' m cat "/proc/$pid/status"
	m setpriv --reuid=regent --regid=regent --clear-groups test -w /var/lib/regent
	for path in / /etc/regent /etc /usr/sbin /var/lib /run/regent /opt /boot /srv; do
		expect 'Read-only file system' m nsenter -t "$pid" -m touch "$path/probe"
	done
	expect 'Read-only file system|Permission denied' m nsenter -t "$pid" -m touch /home/probe
	m nsenter -t "$pid" -m sh -c 'touch /var/lib/regent/probe && rm /var/lib/regent/probe'
	say "the daemon's process: exactly CAP_SYS_PTRACE, filtered; even root in its mounts writes nowhere but in its state and the directory of the metrics"
}

# The same unit with another program in it, and, so that it is known to notice,
# that program without the unit.
in_its_place() {
	local what victim out
	m systemd-run --quiet --unit=victim sleep infinity
	victim=$(m systemctl show --property=MainPID --value victim.service)
	out=$(m /packages/probe sandbox 127.0.0.1:8443 "$victim" 2>&1) && fail "the probe finds nothing where there is no sandbox"
	for what in capabilities 'no new privileges' 'not root' writes 'listens on' traces "writes to nobody's" 'makes no namespace'; do
		expect "^FAILED +$what" echo "$out"
	done
	m sh -c 'sed -e "s,^ExecStart=.*,ExecStart=/packages/probe sandbox 127.0.0.1:8443 $1," \
		-e "s,^Type=.*,Type=oneshot," -e "/^\(Restart\|Watchdog\|ExecReload\|Requires\|After\)/d" \
		/lib/systemd/system/regentd.service >/run/systemd/system/probe.service' - "$victim"
	m systemctl daemon-reload
	m systemctl start probe.service || fail "$(m journalctl --no-pager -o cat -u probe.service)"
	m journalctl --sync
	m journalctl --no-pager -q -o cat -u probe.service | grep -E '^(held|FAILED|[0-9]+ held)' | while read -r line; do say "$line"; done
}
