# A configuration that is not good, in each place where somebody meets it; and
# what the journal is told.
story_config() {
	boot config
	emulator
	site_config
	users
	site_file /etc/regent/config.d/40-tenant.yaml <<<"tenant: $tenant"
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	registration_token $site/made 4
	m regent register --file $site/made --erase --wait 2m >/dev/null
	journal_fields
	bad_reload
	bad_start
	start_pre
}

# Text for people, with a field for each thing; JSON by choice.
journal_fields() {
	await 60 'redeemed: one count used instance=cad/1' log REGENT_INSTANCE=cad/1
	await 60 '"PRIORITY":"6"' m journalctl -q -o json -u regentd.service REGENT_INSTANCE=cad/1
	site_file /etc/regent/config.d/60-log.yaml <<<'log: {format: json}'
	m systemctl restart regentd.service
	await 60 '^\{"time":.*"msg":"ready"' log -n 50
	sh_m 'rm /etc/regent/config.d/60-log.yaml; systemctl restart regentd.service'
	say "the journal has a field for each attribute, or JSON by choice"
}

bad_reload() {
	local pid
	pid=$(m systemctl show --property=MainPID --value regentd.service)
	site_file /etc/regent/config.d/70-bad.yaml <<<$'applications:\n  - {id: cad, instances: many}'
	exits 1 m systemctl reload regentd.service
	await 60 '70-bad.yaml:2' m journalctl --no-pager -q -o cat -u regentd.service
	[[ $pid == "$(m systemctl show --property=MainPID --value regentd.service)" ]] || fail "the daemon was restarted"
	as alice regent token --application cad --instance 1 >/dev/null
	say "a reload of a bad file fails, names file and line, and changes nothing"
}

bad_start() {
	exits 1 m systemctl restart regentd.service
	expect '^ExecMainStatus=2$' m systemctl show --property=ExecMainStatus regentd.service
	await 60 '70-bad.yaml:2' log -n 20
	sleep 3 # RestartSec= and more
	expect '^NRestarts=0$' m systemctl show --property=NRestarts regentd.service
	expect 'regentd check-config' m regent status
	exits 7 m regent status
	# Applications go on asking; that keeps nobody from starting it, see start_pre.
	sh_m 'for n in $(seq 30); do timeout 0.2 regent token --application cad --instance 1 >/dev/null 2>&1 & done; wait'
	await 60 'regentd\.service.*failed' m systemctl --failed --no-legend --no-pager # the last of them may still be starting it
	exits 2 m regentd check-config
	expect '70-bad.yaml:2' m regentd check-config
	say "a start with a bad file ends with 2 and is not repeated; regent status: $(said regent status)"
}

# check-config before the daemon, as IT may want it.
start_pre() {
	site_file /etc/systemd/system/regentd.service.d/check.conf <<<$'[Service]\nExecStartPre=/usr/sbin/regentd check-config'
	m systemctl daemon-reload
	exits 1 m systemctl restart regentd.service
	await 60 'regentd.*70-bad.yaml:2|70-bad.yaml:2' log -n 20
	sh_m 'rm /etc/regent/config.d/70-bad.yaml; systemctl start regentd.service'
	expect 'serving 4 of 4' m regent status
	as alice regent token --application cad --instance 1 >/dev/null
	say "as ExecStartPre= too; mended and started, it serves again, its socket too"
}
