# A package that is installed where nothing is to run, or not yet: it says so, and
# no registration token lies in the clear without a word.
story_masked() {
	boot masked
	emulator
	site_config
	users
	registration_token $site/made 9
	installed_masked
	installed_into_an_image
	upgraded_while_stopped
}

# preseed answers both questions.
preseed() {
	m debconf-set-selections <<-END
		regent regent/tenant string $tenant
		regent regent/registration-token password $(m cat $site/made)
	END
}

# in_the_clear prints the files that have the registration token in them.
in_the_clear() { m sh -c "grep -rlF \"\$(cat $site/made)\" /etc /var /srv/image --exclude-dir=site --exclude-dir=proc 2>/dev/null || true"; }

installed_masked() {
	local said unit
	preseed
	m systemctl mask --quiet regentd.service
	said=$(m dpkg -i /packages/regent_1.0.0_amd64.deb 2>&1) || fail "installing masked: $said"
	grep -q 'systemctl unmask regentd.service' <<<"$said" || fail "the mask is not named: $said"
	grep -q 'sealed for this device' <<<"$said" || fail "nothing is said of the registration token: $said"
	[[ -z $(in_the_clear) ]] || fail "the registration token is in $(in_the_clear)"
	for unit in regentd.socket regentd-credential.socket regentd-register.path; do
		m systemctl is-enabled --quiet "$unit" || fail "$unit is not enabled"
	done
	expect 'systemctl unmask regentd.service' m regent status
	exits 7 m regent doctor
	expect 'service_masked' m regent doctor --json
	expect 'systemctl unmask regentd.service' m regent doctor
	sh_m 'systemctl unmask --quiet regentd.service; systemctl enable --quiet --now regentd.service'
	await 60 'serving 4 of 4' m regent status
	say "installed while masked: package, status and doctor name the mask; unmasked, it registered by the sealed token"
	m dpkg --purge regent >/dev/null 2>&1
}

# installed_into_an_image installs into a tree that does not run.
installed_into_an_image() {
	local said tree=$machines/masked/srv/image
	mkdir -p "$tree"
	cp -a "$trees/$release/." "$tree"
	cp "$debs/regent_1.0.0_amd64.deb" "$tree/"
	m mount -t proc proc /srv/image/proc
	m debconf-set-selections </dev/null
	m chroot /srv/image debconf-set-selections <<<"regent regent/registration-token password $(m cat $site/made)"
	said=$(m chroot /srv/image dpkg -i /regent_1.0.0_amd64.deb 2>&1) || fail "installing into an image: $said"
	grep -q 'registration token was not kept' <<<"$said" || fail "nothing is said of the registration token: $said"
	[[ -z $(in_the_clear) ]] || fail "the registration token is in $(in_the_clear)"
	m umount /srv/image/proc
	rm -r "$tree"
	say "installed into an image: the registration token is not kept there, and the package says so"
}

# upgraded_while_stopped: what the administrator stopped stays stopped, for both
# formats; what runs is restarted.
upgraded_while_stopped() {
	local units="regentd-register.path regentd.socket regentd-credential.socket regentd.service" unit
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	cp packaging/rpm/post "$machines/masked/packages/rpm-post"
	m systemctl stop $units
	m dpkg -i /packages/regent_1.1.0_amd64.deb >/dev/null 2>&1
	m sh /packages/rpm-post 2 2>/dev/null
	for unit in $units; do exits 3 m systemctl is-active "$unit"; done
	m systemctl start $units
	unit=$(m systemctl show --property=MainPID --value regentd.service)
	m sh /packages/rpm-post 2 2>/dev/null
	[[ $unit != "$(m systemctl show --property=MainPID --value regentd.service)" ]] || fail "the daemon was not restarted"
	m dpkg --remove regent >/dev/null
	m dpkg -i /packages/regent_1.1.0_amd64.deb >/dev/null 2>&1
	m systemctl is-active --quiet regentd.service || fail "removed and installed again, it does not run"
	say "an upgrade starts nothing that was stopped, and restarts what ran"
}
