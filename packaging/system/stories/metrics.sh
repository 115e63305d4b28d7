# Metrics by one key, with the packages of Debian: no drop-in, no argument of
# node_exporter.
story_metrics() {
	local file=/var/lib/prometheus/node-exporter/regent.prom
	(cd "$machines/metrics/packages" && "$OLDPWD/.ci/again" apt-get -qq -o Acquire::Retries=5 -o APT::Sandbox::User=root download prometheus-node-exporter)
	boot metrics
	emulator
	site_config
	site_file /etc/regent/config.d/40-tenant.yaml <<<"tenant: $tenant"
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	expect 'inactive|^active' m systemctl is-active regentd-metrics.service
	site_file /etc/regent/config.d/60-metrics.yaml <<<"metrics_textfile: $file"
	m systemctl restart regentd.service
	await 60 "policy_problem" m regent doctor
	expect "cannot write $file" m regent doctor
	expect "correct metrics_textfile" m regent doctor
	say "without a collector, regent doctor names the file"

	sh_m 'dpkg -i /packages/prometheus-node-exporter_*.deb >/dev/null 2>&1'
	m systemctl restart regentd.service
	await 60 '^regent_build_info' scraped
	expect '^node_textfile_scrape_error 0$' scraped
	lacks policy_problem m regent doctor
	say "one key and a restart: node_exporter has $(scraped | grep -c ^regent_) samples"
	comes_and_goes "$file"
	moves "$file"
	m dpkg -r regent >/dev/null 2>&1
	lacks '^regent_' scraped
	expect '^node_textfile_scrape_error 0$' scraped
	say "the removed package leaves no link"
}

# scraped prints what node_exporter in the machine says.
scraped() { m bash -c 'exec 3<>/dev/tcp/127.0.0.1/9100; printf "GET /metrics HTTP/1.0\r\n\r\n" >&3; cat <&3'; }

# lacks TEXT COMMAND... fails if the command's output has a line that matches TEXT.
lacks() {
	local text=$1 out
	shift
	out=$("$@" 2>&1) || true
	if grep -E -- "$text" <<<"$out"; then fail "$* says /$text/"; fi
}

# comes_and_goes: the file goes with the daemon, in order and not.
comes_and_goes() {
	sh_m 'systemctl stop regentd.socket regentd-credential.socket regentd.service'
	await 60 '^inactive' m systemctl is-active regentd-metrics.service
	exits 1 m test -L "$1"
	lacks '^regent_' scraped
	expect '^node_textfile_scrape_error 0$' scraped
	m systemctl start regentd.socket regentd-credential.socket regentd.service
	await 60 '^regent_build_info' scraped
	m systemctl kill --kill-who=main --signal=KILL regentd.service
	await 60 '^NRestarts=[1-9]' m systemctl show --property=NRestarts regentd.service
	await 60 '^active' m systemctl is-active regentd.service
	await 60 '^regent_build_info' scraped
	say "stopped: no file and no error of the collector; killed: systemd starts it, and the metrics go on"
}

# moves: another place takes the old link away, and what others have there stays.
moves() {
	sh_m 'install -d /srv/metrics; echo mine >/srv/metrics/other.prom'
	site_file /etc/regent/config.d/60-metrics.yaml <<<'metrics_textfile: /srv/metrics/regent.prom'
	m systemctl restart regentd.service
	await 60 '^regent_build_info' m cat /srv/metrics/regent.prom
	exits 1 m test -L "$1"
	site_file /etc/regent/config.d/60-metrics.yaml <<<'metrics_textfile: /srv/metrics/other.prom'
	m systemctl restart regentd.service
	await 60 "other.prom: the file belongs to another program" m journalctl -q -o cat -u regentd-metrics.service
	await 60 'cannot write /srv/metrics/other.prom' m regent doctor
	expect '^mine$' m cat /srv/metrics/other.prom
	exits 1 m test -L /srv/metrics/regent.prom
	site_file /etc/regent/config.d/60-metrics.yaml <<<"metrics_textfile: $1"
	m systemctl restart regentd.service
	await 60 '^regent_build_info' scraped
	say "another place works too, and a file of others stays"
}
