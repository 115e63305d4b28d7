# A device's whole life with the package: installed without a person, used,
# wedged, rebooted, upgraded under load, downgraded, removed, purged.
story_preseed() {
	boot preseed
	files_of_machine before
	emulator
	site_config
	users
	unit_with_credential
	preseeded_install
	tokens_for_two_users
	token_for_unit
	wedged_daemon
	reboot_without_service
	upgrade_under_load
	downgrade
	remove_and_purge
}

preseeded_install() {
	local begun=$SECONDS token
	registration_token $site/made 9
	token=$(m cat $site/made)
	m debconf-set-selections <<-END
		regent regent/tenant string $tenant
		regent regent/registration-token password $token
	END
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	say "installed with preseeded answers in $((SECONDS - begun)) s: $(m dpkg-query --show --showformat '${Installed-Size}' regent) KiB on the disk"
	await 60 'serving 5 of 5' m regent status
	say "registered by itself, $(tenths) after dpkg had ended"
	expect 'cad/4' admin auth-token list
	await 60 gone sh_m 'test -e /etc/regent/registration-token || echo gone'
	expect "^tenant: \"$tenant\"" m cat /etc/regent/config.d/10-installer.yaml
	exits 1 m grep -rlF "$token" /var/cache/debconf /var/lib/dpkg /var/log /etc /var/lib/regent /run/regent
	say "its registration token is in no file any more: debconf's database, dpkg's, logs, /etc, state"
	expect 'passphrase from the systemd credential' m regent status
	say "the daemon's memory: $(m ps -o rss= -C regentd) KiB resident"
	m systemctl is-active --quiet regentd.service regentd.socket regentd-register.path
}

tokens_for_two_users() {
	local a b
	a=$(as alice /packages/probe ask -instance 1)
	b=$(as bob /packages/probe ask -instance 2)
	[[ $a == cad/1 && $b == cad/2 ]] || fail "alice got $a, bob got $b"
	exits 4 as games regent token --application cad --instance 1
	say "alice got $a, bob got $b, games got none"
	expect '"action":"token".*"outcome":"denied"' m cat /var/lib/regent/audit.jsonl
}

# unit_with_credential adds a service that is not ours and knows nothing of us. It
# tells the journal how its token begins, and which is how long.
unit_with_credential() {
	site_file /etc/regent/config.d/60-render.yaml <<<$'applications:\n  - {id: render, allow: [{units: [render.service]}]}'
	site_file /etc/systemd/system/render.service <<-'END'
		[Service]
		User=games
		LoadCredential=cloudlm-token:/run/regent/credential.sock
		ExecStart=/bin/sh -c 'cd "$$CREDENTIALS_DIRECTORY" && echo "token $$(head -c 3 cloudlm-token) $$(wc -c <cloudlm-token)" && exec sleep infinity'
		[Install]
		WantedBy=multi-user.target
	END
}

# token_for_unit starts it, and one of which no rule knows.
token_for_unit() {
	m systemctl enable --quiet --now render.service
	unit_got_token
	expect 'render/1.*render.service' m regent instances
	expect '"action":"credential","instance":"render/1".*"allow":true' m cat /var/lib/regent/audit.jsonl
	m systemd-run --quiet --wait --unit=stranger --property=LoadCredential=cloudlm-token:/run/regent/credential.sock \
		sh -c 'test -e "$CREDENTIALS_DIRECTORY/cloudlm-token" && ! test -s "$CREDENTIALS_DIRECTORY/cloudlm-token"' || fail "a unit without a rule got a token"
	expect 'permission denied' as alice /packages/probe ask -socket /run/regent/credential.sock
	say "render.service, which knows nothing of Regent, was given its token by LoadCredential=; a unit without a rule got none"
}

unit_got_token() { await 60 '^token eyJ [0-9]{3,}$' m journalctl --no-pager -q -o cat -b -u render.service; }

# The watchdog's time is cut short for the story; all else is as packaged.
wedged_daemon() {
	local pid
	site_file /etc/systemd/system/regentd.service.d/story.conf <<<$'[Service]\nWatchdogSec=12s'
	sh_m 'systemctl daemon-reload; systemctl restart regentd.service'
	await 60 'serving 5 of 5' m systemctl show --property=StatusText regentd.service
	pid=$(m systemctl show --property=MainPID --value regentd.service)
	m kill -STOP "$pid"
	await 60 'serving 5 of 5' m timeout 60 regent status
	expect '^NRestarts=1$' m systemctl show --property=NRestarts regentd.service
	exits 1 m test -d "/proc/$pid"
	await 60 'Watchdog timeout' m journalctl --no-pager -u regentd.service
	say "stopped dead, killed by the watchdog (12 s here) and serving again after $(tenths)"
	sh_m 'rm -r /etc/systemd/system/regentd.service.d; systemctl daemon-reload; systemctl restart regentd.service'
}

reboot_without_service() {
	local before after begun
	before=$(as alice regent token --application cad --instance 1)
	m systemctl stop emulator
	shut preseed
	begun=$(date +%s%N)
	boot preseed
	after=$(as alice regent token --application cad --instance 1)
	[[ $before == "$after" ]] || fail "another token after the reboot"
	say "rebooted with the service away: the same token $((($(date +%s%N) - begun) / 1000000)) ms after power-on"
	unit_got_token
	say "and render.service, started with the system, had its own"
}

upgrade_under_load() {
	local load out
	as alice /packages/probe load -rate 50 -for 12s -instance 1 >"$machines/load" 2>&1 &
	load=$!
	sleep 2
	m dpkg -i /packages/regent_1.1.0_amd64.deb >/dev/null
	sleep 2
	m systemctl restart regentd.service
	wait $load || fail "requests failed during the upgrade: $(cat "$machines/load")"
	expect '1\.1\.0' m regent status
	say "upgraded, and restarted once more, under 50 requests a second: $(cat "$machines/load")"
}

downgrade() {
	m dpkg -i --force-downgrade /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	expect '1\.0\.0' m regent status
	[[ $(as bob /packages/probe ask -instance 2) == cad/2 ]] || fail "no token after the downgrade"
	say "downgraded: the same state, read by the older daemon"
}

# The token service is away all the time: neither may wait for it.
remove_and_purge() {
	local begun=$SECONDS
	m dpkg --remove regent >/dev/null
	m test -s /var/lib/regent/ledger.jsonl
	m test -e /etc/credstore.encrypted/regent-keyring-passphrase
	exits 1 m pgrep -x regentd
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	as alice regent token --application cad --instance 1 >/dev/null
	say "removed and installed again: the state was kept"
	m dpkg --remove regent >/dev/null
	m dpkg --purge regent >/dev/null 2>&1
	m dpkg --purge regent-emulator regent-admin >/dev/null
	sh_m 'systemctl disable --quiet --now render.service; rm /etc/systemd/system/render.service'
	files_of_machine after
	diff "$machines/preseed.before" "$machines/preseed.after" >"$machines/left" || fail "purge left: $(cat "$machines/left")"
	exits 2 m getent passwd regent
	say "removed and purged in $((SECONDS - begun)) s with the service away; find shows nothing left"
}

# files_of_machine NAME lists all files, but for what others keep of any package
# or of any boot, IT's own, and what tmsctl keeps in the home of an administrator.
files_of_machine() {
	m find / -xdev \( -path /proc -o -path /sys -o -path /run/systemd -o -path /run/log -o -path /var/log -o -path /tmp \
		-o -path /packages -o -path $site \) -prune -o -print |
		grep -vE '^/(var/lib/systemd/(coredump|random-seed|timers|catalog|credential\.secret|linger|rfkill|backlight)|var/cache/debconf|var/lib/dpkg/(status|available|diversions|triggers|lock|info/format)|etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|var/tmp/systemd-private|var/cache/ldconfig|run/(user|utmp|nologin|shutdown|initctl|dmeventd|mount|lock|dbus|sudo|credentials))|home|^/root/\.config(/tmsctl|$)' |
	sort >"$machines/preseed.$1"
}
