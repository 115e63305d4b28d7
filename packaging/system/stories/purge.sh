# The package takes only what is its own: an edited configuration survives an
# upgrade without a terminal, and purging ends well wherever the state is.
story_purge() {
	boot purge
	upgrade_with_conffile
	state_on_a_volume
	state_behind_a_link
	links_of_the_daemons_user
	foreign_account
}

# purged purges the package and fails unless dpkg forgets it. What it says is in
# $said.
purged() {
	said=$(m dpkg --purge regent 2>&1) || fail "purging ended with $?: $said"
	exits 1 m dpkg-query --show regent
	exits 1 m test -e /etc/regent
}

# upgrade_with_conffile: a package before this one had config.yaml as a conffile.
upgrade_with_conffile() {
	local tree=$machines/purge/packages/before edited
	m dpkg-deb -R /packages/regent_1.0.0_amd64.deb /packages/before
	sed -i 's/^Version: .*/Version: 0.9/' "$tree/DEBIAN/control"
	cp configs/config.yaml "$tree/etc/regent/config.yaml"
	echo /etc/regent/config.yaml >"$tree/DEBIAN/conffiles"
	m dpkg-deb -b /packages/before /packages/before.deb >/dev/null
	for edited in no yes; do
		m dpkg -i /packages/before.deb >/dev/null 2>&1
		[[ $edited == no ]] || sh_m 'echo "tenant: https://demo-host.com/" >>/etc/regent/config.yaml'
		m dpkg -i /packages/regent_1.0.0_amd64.deb </dev/null >/dev/null 2>&1 || fail "the upgrade without a terminal stops"
		expect '^ii' m dpkg-query --show --showformat '${db:Status-Abbrev}' regent
		if [[ $edited == no ]]; then exits 1 m test -e /etc/regent/config.yaml; fi
	done
	expect 'tenant +https://demo-host.com' m regent policy
	m test -s /usr/share/doc/regent/examples/config.yaml
	m dpkg -i /packages/regent_1.1.0_amd64.deb </dev/null >/dev/null 2>&1
	expect 'tenant +https://demo-host.com' m regent policy
	purged
	say "upgraded without a terminal: an edited config.yaml stays in force, an unedited one goes"
}

# secrets fills the state directory as a daemon does.
secrets() {
	sh_m 'mkdir -p /var/lib/regent/records /etc/credstore.encrypted
		for name in keyring.passphrase records/auth ledger.jsonl audit.jsonl; do echo secret >/var/lib/regent/$name; done
		echo secret >/etc/credstore.encrypted/regent-keyring-passphrase
		echo secret >/etc/regent/registration-token; chmod 600 /etc/regent/registration-token'
	sh_m "echo '{\"seq\":2,\"at\":\"2026-11-29T18:18:11Z\",\"kind\":\"confirmed\",\"id\":\"regent-ce175be4\",\"tenant\":\"demo-host.com\",\"instance\":\"cad/1\",\"auth_token_id\":\"TURPCC\",\"chain\":\"d1\"}' >/var/lib/regent/ledger.jsonl"
}

# installed_without_start installs the package, and leaves the daemon stopped.
installed_without_start() {
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	m systemctl stop regentd-register.path regentd.socket regentd-credential.socket regentd.service
	m rm -rf /var/lib/regent
}

# no_secret_left fails if a file of secrets is left, or the account.
no_secret_left() {
	local found
	found=$(m sh -c 'grep -rlxF secret /var/lib/regent /srv /etc/credstore.encrypted /etc/regent --exclude-dir=foreign 2>/dev/null || true')
	[[ -z $found ]] || fail "secrets are left: $found"
	exits 2 m getent passwd regent
}

state_on_a_volume() {
	installed_without_start
	sh_m 'mkdir /var/lib/regent; mount -t tmpfs volume /var/lib/regent'
	secrets
	sh_m 'mkdir -p /srv/foreign /var/lib/regent/backup; echo secret >/srv/foreign/kept; mount --bind /srv/foreign /var/lib/regent/backup'
	purged
	grep -q 'cad/1  demo-host.com  regent-ce175be4  TURPCC' <<<"$said" || fail "the auth tokens are not named: $said"
	grep -q '/var/lib/regent/backup: something is mounted there' <<<"$said" || fail "what is left is not named: $said"
	m test -s /srv/foreign/kept
	sh_m 'umount /var/lib/regent/backup /var/lib/regent; rmdir /var/lib/regent; rm -r /srv/foreign'
	no_secret_left
	say "the state on a volume: emptied, what is mounted inside it left, and named"
}

state_behind_a_link() {
	installed_without_start
	sh_m 'mkdir -p /srv/disk/foreign; echo secret >/srv/disk/foreign/kept; ln -s /srv/disk /var/lib/regent'
	secrets
	purged
	grep -q '/srv/disk: /var/lib/regent was a link' <<<"$said" || fail "the directory behind the link is not named: $said"
	[[ $(m find /srv/disk -type f) == /srv/disk/foreign/kept ]] || fail "behind the link there is $(m find /srv/disk)"
	no_secret_left
	m rm -r /srv/disk
	say "the state behind a link: deleted there, what is not ours left"
}

# links_of_the_daemons_user: whoever took the daemon over leads nobody elsewhere.
links_of_the_daemons_user() {
	installed_without_start
	sh_m 'mkdir -p /srv/records /srv/home/mine; echo mine >/srv/records/r; echo mine >/srv/home/mine/m; mkdir /var/lib/regent; ln -s /srv/records /var/lib/regent/records; ln -s /srv/home /var/lib/regent/keyring; ln -s /etc/hostname /var/lib/regent/lock; chown -hR regent: /var/lib/regent'
	purged
	m test -s /srv/records/r -a -s /srv/home/mine/m -a -e /etc/hostname
	exits 1 m test -e /var/lib/regent
	m rm -r /srv/records /srv/home
	installed_without_start
	sh_m 'mkdir -p /var/lib/regent /srv/records; echo secret >/srv/records/r; echo secret >/srv/phrase; ln -s /srv/records /var/lib/regent/records; ln -s /srv/phrase /var/lib/regent/keyring.passphrase; chown regent: /var/lib/regent'
	purged
	no_secret_left
	say "links in the state: those that root made are followed, those of the daemon's user are not"
}

foreign_account() {
	sh_m 'useradd -m -u 1007 -s /bin/bash regent; groupadd -g 1008 regent-operators; echo thesis >/home/regent/thesis; chown regent: /home/regent/thesis'
	expect 'did not make the account regent' m dpkg -i /packages/regent_1.0.0_amd64.deb
	purged
	grep -q 'the account regent: this package did not make it' <<<"$said" || fail "the account is not named: $said"
	expect '^regent:x:1007:' m getent passwd regent
	expect '^regent-operators:x:1008:' m getent group regent-operators
	[[ $(m stat -c %U /home/regent/thesis) == regent ]] || fail "the person's file is $(m stat -c %U /home/regent/thesis)'s"
	say "a person's account of that name is left, with its files; the package says what that means"
}
