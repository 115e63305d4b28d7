# A vendor's package brings its application, its rule and nothing else: no file
# of anybody else's is edited. Its rule is about its program, which a user runs
# whose processes the daemon, another user, can only look at.
story_vendor() {
	boot vendor
	emulator
	users
	site_config
	site_file /etc/regent/config.d/40-tenant.yaml <<<"tenant: $tenant"
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	vendor_package
	m dpkg -i /packages/acme-cad.deb >/dev/null
	await 60 'acme-cad' m regent instances
	say "the vendor's application is known $(tenths) after its package was installed"
	registration_token $site/made 5
	m regent register --file $site/made --erase --wait 2m >/dev/null

	[[ $(as alice /opt/acme/bin/cad ask -application acme-cad) == acme-cad/1 ]] || fail "the vendor's program got no token"
	exits 4 as alice regent token --application acme-cad
	exits 4 m regent token --application acme-cad
	sh_m 'cp /opt/acme/bin/cad /tmp/cad; chown alice /tmp/cad'
	exits 1 as alice /tmp/cad ask -application acme-cad
	expect '403 Forbidden' as alice /tmp/cad ask -application acme-cad
	say "its program got a token as alice; a copy of it, and root with another program, got none"

	m dpkg --remove acme-cad regent >/dev/null
	m dpkg --purge regent >/dev/null 2>&1
	[[ $(m find /etc/regent ! -type d) == /etc/regent/config.d/acme-cad.yaml ]] || fail "purging regent left $(m find /etc/regent)"
	site_file /etc/regent/config.d/40-tenant.yaml <<<"tenant: $tenant"
	m dpkg -i /packages/regent_1.0.0_amd64.deb /packages/acme-cad.deb >/dev/null 2>&1
	expect 'acme-cad' m regent instances
	m dpkg --purge acme-cad >/dev/null
	await 60 'unknown_application' m regent token --application acme-cad
	say "regent purged leaves the vendor's file, as the vendor's package purged takes it and the application along"
}

# vendor_package builds acme-cad, without a maintainer script.
vendor_package() {
	local tree=$machines/vendor/packages/acme
	mkdir -p "$tree"/{DEBIAN,etc/regent/config.d,opt/acme/bin}
	cp "$machines/probe" "$tree/opt/acme/bin/cad"
	cat >"$tree/etc/regent/config.d/acme-cad.yaml" <<-END
		applications:
		  - id: acme-cad
		    allow:
		      - executables: [{path: /opt/acme/bin/cad}]
	END
	cat >"$tree/DEBIAN/control" <<-END
		Package: acme-cad
		Version: 1
		Architecture: amd64
		Depends: regent
		Maintainer: Acme <acme@acme.invalid>
		Description: somebody's application
	END
	echo /etc/regent/config.d/acme-cad.yaml >"$tree/DEBIAN/conffiles"
	dpkg-deb --root-owner-group -b "$tree" "$machines/vendor/packages/acme-cad.deb" >/dev/null
}
