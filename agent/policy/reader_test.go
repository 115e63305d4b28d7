package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/authz"
	"regent/agent/policy"
	"regent/agent/tms/contract"
)

func local(text string) policy.Layer {
	return policy.Layer{Name: "config.yaml", Rank: policy.Local, Data: []byte(text)}
}

func dropin(name, text string) policy.Layer {
	return policy.Layer{Name: name, Rank: policy.Dropin, Data: []byte(text)}
}

func managed(text string) policy.Layer {
	return policy.Layer{Name: "policy.yaml", Rank: policy.Managed, Data: []byte(text)}
}

// texts returns the problems as people see them.
func texts(problems []policy.Problem) []string {
	var all []string
	for _, p := range problems {
		all = append(all, p.Error())
	}
	return all
}

const everyKey = `
tenant: HTTPS://Demo-Host.com:443/
registration_token_file: /etc/regent/registration-token
keep_registration_token: true
applications:
  - id: cad
    tenant: other-host.com
    registration_token_file: C:\ProgramData\Regent\token
    instances: 2
    redeem: on_demand
    allow:
      - users: [alice, 1000]
        groups: [engineering]
        executables: [{path: /opt/cad/bin/cad, sha256: "` + "ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789" + `"}]
        units: [cad-render.service]
        signers: ['o="Example, Inc.", c=US']
  - id: viewer
    allow: [{everyone: true}]
network: {proxy: "HTTP://Proxy:3128/", ca_file: /etc/regent/ca.pem, timeout: 1m30s}
refresh: {mode: tms, on_refresh_expired: redeem}
contract: {base_path: /tms/api/v6, reply: bare, access_token_name: accessToken, registration_header: bearer, request: bare, request_confirmed: true}
store: {keyring: file, on_clone: adopt, on_uninstall: remove}
limits: {redeem_uncertain_retries: 0, redeem_splay: 0, refresh_floor: 20s, refresh_rate: 3}
audit: required
log: {level: debug, format: json}
metrics_textfile: /var/lib/metrics/regent.prom
support: {user_names: true}
`

func TestEveryKeyIsRead(t *testing.T) {
	got, problems := policy.Resolve(local(everyKey))
	if len(problems) > 0 {
		t.Fatalf("problems: %v", texts(problems))
	}
	want := policy.Settings{
		Tenant:                "https://demo-host.com",
		RegistrationTokenFile: "/etc/regent/registration-token",
		KeepRegistrationToken: true,
		Applications: []policy.Application{
			{
				ID: "cad", Tenant: "https://other-host.com", RegistrationTokenFile: `C:\ProgramData\Regent\token`,
				Instances: 2, Redeem: policy.OnDemand, Origin: "config.yaml:6", InstancesOrigin: "config.yaml:9",
				Allow: []authz.Rule{{
					Users: []string{"alice", "1000"}, Groups: []string{"engineering"}, Units: []string{"cad-render.service"}, Signers: []string{`O="Example, Inc.", C=US`},
					Executables: []authz.Executable{{Path: "/opt/cad/bin/cad", SHA256: strings.Repeat("abcdef0123456789", 4)}},
					Origin:      "config.yaml:12",
				}},
			},
			{
				ID: "viewer", Tenant: "https://demo-host.com", Instances: 1, Redeem: policy.Eager, Origin: "config.yaml:17", InstancesOrigin: "config.yaml:17",
				Allow: []authz.Rule{{Everyone: true, Origin: "config.yaml:18"}},
			},
		},
		Network:         policy.Network{Proxy: "http://proxy:3128", CAFile: "/etc/regent/ca.pem", Timeout: 90 * time.Second},
		Refresh:         policy.Refresh{Mode: contract.ModeTMS, OnRefreshExpired: policy.RedeemAgain},
		Contract:        policy.Contract{BasePath: "/tms/api/v6", Reply: contract.Bare, AccessTokenName: "accessToken", RegistrationHeader: contract.Bearer, Request: contract.Bare, RequestConfirmed: true},
		Store:           policy.Store{Keyring: policy.FileKeyring, OnClone: policy.AdoptClone, OnUninstall: policy.Remove},
		Limits:          policy.Limits{RefreshFloor: 20 * time.Second, RefreshRate: 3},
		Audit:           policy.Required,
		Log:             policy.Log{Level: "debug", Format: "json"},
		MetricsTextfile: "/var/lib/metrics/regent.prom",
		Support:         policy.Support{UserNames: true},
	}
	if diff := cmp.Diff(got.Settings, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

// application puts text, indented as a key of an item, into a sound file whose
// line 4 it then begins in.
func application(text string) string {
	return "tenant: demo-host.com\napplications:\n  - id: cad\n    " + text + "\n"
}

func TestBadFile(t *testing.T) {
	const (
		utf8Again = "; save it as UTF-8 without a byte order mark"
		rule      = "config.yaml:4: applications.cad.allow[0]"
	)
	tests := []struct {
		name string
		text string
		want []string // all problems, without the warning that cad has no allow
	}{
		{"utf-8 with bom", "\xef\xbb\xbftenant: a", []string{"config.yaml: the file begins with a byte order mark" + utf8Again}},
		{"utf-16 with bom", "\xff\xfet\x00", []string{"config.yaml: the file is UTF-16 or UTF-32" + utf8Again}},
		{"utf-16 big-endian with bom", "\xfe\xff\x00t", []string{"config.yaml: the file is UTF-16 or UTF-32" + utf8Again}},
		{"utf-16 without bom", "t\x00e\x00", []string{"config.yaml: the file is UTF-16 or UTF-32" + utf8Again}},
		{"latin-1", "# gr\xfc\xdfe\n", []string{"config.yaml: the file is not UTF-8" + utf8Again}},
		{"too large", strings.Repeat("#", policy.MaxLayer+1), []string{"config.yaml: the file is larger than 1048576 bytes (1 MiB); split it"}},
		{"two documents", "tenant: a\n---\ntenant: b\n", []string{"config.yaml:2: a second document begins here; write one document and no --- line"}},
		{"only a text", "s3cret\n", []string{"config.yaml:1: the file is not a list of settings; write lines such as tenant: https://demo-host.com/"}},
		{"alias", "tenant: &t a\naudit: *t\n", []string{
			"config.yaml:1: an anchor (&name) is not allowed; write the value out, or quote it if it begins with &",
			"config.yaml:2: an alias (*name) is not allowed; write the value out",
		}},
		{"unknown alias", "tenant: *s3cret\n", []string{
			"config.yaml: not YAML: an alias (*name) is not allowed; quote the value if it begins with *; check this line and the lines around it",
		}},
		{"merge key", "network:\n  <<: {timeout: 1s}\n", []string{"config.yaml:2: a merge key (<<) is not allowed; write the keys out"}},
		{"tag", "tenant: !s3cret a\n", []string{"config.yaml:1: a tag (!name) is not allowed; remove it, or quote the value if it begins with !"}},
		{"deep", "tenant: " + strings.Repeat("[", 40) + strings.Repeat("]", 40), []string{"config.yaml:1: nested deeper than 16 levels; correct the indentation or the brackets"}},
		{"near key", "tenent: s3cret\n", []string{"config.yaml:1: tenent: is not a known key; did you mean tenant?"}},
		{"near key in a section", "network:\n  timeuot: 1s\n", []string{"config.yaml:2: network.timeuot: is not a known key; did you mean timeout?"}},
		{"key of another place", "timeout: 1s\ninstances: 2\n", []string{
			"config.yaml:1: timeout: is not a known key here; it belongs to network.timeout",
			"config.yaml:2: instances: is not a known key here; it belongs to applications[].instances",
		}},
		{"unknown key", "log:\n  colour: s3cret\n", []string{"config.yaml:2: log.colour: is not a known key; the keys here are format, level"}},
		{"star is no key", "\"*\": s3cret\n", []string{"config.yaml:1: (a key): is not a known key; the keys here are " +
			"administration, applications, audit, contract, keep_registration_token, limits, log, metrics_textfile, network, refresh, registration_token_file, store, support, tenant"}},
		{"list as a key", "? [s3cret]\n: 1\n", []string{"config.yaml:1: has a key that is a list; a key is one word"}},
		{"duplicate key", "tenant: a\naudit: required\ntenant: b\n", []string{"config.yaml:3: tenant: is set a second time, first in line 1; keep one of the two"}},
		{"section that is text", "network: s3cret\n", []string{"config.yaml:1: network: is text, not a list of keys; write the keys below it, each with a colon"}},
		{"number for a text", "tenant: [s3cret]\n", []string{"config.yaml:1: tenant: is a list, not one text; write one value"}},
		{"truth for a text", "tenant: true\n", []string{"config.yaml:1: tenant: is a truth value; quote it if that text is meant"}},
		{"nothing for a text", "tenant:\n", []string{"config.yaml:1: tenant: has no value; write one, or remove the key"}},
		{"line break", "tenant: \"a\\nb\"\n", []string{"config.yaml:1: tenant: has a line break or another control character; write it in one line"}},
		{"long text", "tenant: " + strings.Repeat("a", 5000), []string{"config.yaml:1: tenant: is longer than 4096 bytes; write a shorter one"}},
		{"yes", "keep_registration_token: yes\n", []string{"config.yaml:1: keep_registration_token: is text; write true or false, without quotes"}},
		{"capital truth", "keep_registration_token: True\n", []string{"config.yaml:1: keep_registration_token: is a truth value; write true or false, without quotes"}},
		{"quoted truth", "keep_registration_token: \"true\"\n", []string{"config.yaml:1: keep_registration_token: is text; write true or false, without quotes"}},
		{"word", "audit: s3cret\n", []string{"config.yaml:1: audit: is not a valid value; write best_effort or required"}},
		{"list for a word", "audit: [required]\n", []string{"config.yaml:1: audit: is not a valid value; write best_effort or required"}},
		{"duration without unit", "network: {timeout: 30}\n", []string{"config.yaml:1: network.timeout: has no unit; write a duration such as 30s or 5m, from 1s to 10m"}},
		{"duration too short", "network: {timeout: 999ms}\n", []string{"config.yaml:1: network.timeout: is out of bounds; write a duration from 1s to 10m"}},
		{"duration too long", "limits: {redeem_splay: 1h0m1s}\n", []string{"config.yaml:1: limits.redeem_splay: is out of bounds; write a duration from 0s to 1h"}},
		{"no duration", "limits: {redeem_splay: soon}\n", []string{"config.yaml:1: limits.redeem_splay: is not a duration; write one such as 30s or 5m, from 0s to 1h"}},
		{"number too large", "limits: {redeem_uncertain_retries: 6}\n", []string{"config.yaml:1: limits.redeem_uncertain_retries: is out of bounds; write a number from 0 to 5"}},
		{"negative number", "limits: {redeem_uncertain_retries: -1}\n", []string{"config.yaml:1: limits.redeem_uncertain_retries: is out of bounds; write a number from 0 to 5"}},
		{"octal", "limits: {redeem_uncertain_retries: 0o3}\n", []string{"config.yaml:1: limits.redeem_uncertain_retries: is a number; write a whole number from 0 to 5, without quotes"}},
		{"leading zero", "limits: {redeem_uncertain_retries: 03}\n", []string{"config.yaml:1: limits.redeem_uncertain_retries: is a number; write a whole number from 0 to 5, without quotes"}},
		{"quoted number", "limits: {redeem_uncertain_retries: \"3\"}\n", []string{"config.yaml:1: limits.redeem_uncertain_retries: is text; write a whole number from 0 to 5, without quotes"}},
		{"metrics that collectors skip", "metrics_textfile: /s3cret/a.txt\n", []string{`config.yaml:1: metrics_textfile: does not end in .prom, so collectors skip the file; add .prom to its name`}},
		{"relative path", "metrics_textfile: s3cret/a\n", []string{`config.yaml:1: metrics_textfile: is not an absolute path; write one such as /etc/regent/name or C:\ProgramData\Regent\name`}},
		{"applications as keys", "applications: {cad: {}}\n", []string{"config.yaml:1: applications: is a list of keys, not a list; write one item for each application, beginning with: - id: NAME"}},
		{"application as a word", "applications: [cad]\n", []string{"config.yaml:1: applications[0]: is text, not an application; begin it with: - id: NAME"}},
		{"no id", "applications: [{instances: 2}]\n", []string{"config.yaml:1: applications[0]: has no id; begin it with: - id: NAME"}},
		{"bad id", "applications: [{id: CAD}]\n", []string{`config.yaml:1: applications[0].id: application id "CAD": only a-z, 0-9 and - are allowed, and - is not first`}},
		{"two ids", "applications: [{id: cad, id: dac}]\n", []string{"config.yaml:1: applications[0]: has more than one id; keep one"}},
		{"application twice", "tenant: a\napplications:\n  - id: cad\n  - id: cad\n", []string{
			"config.yaml:4: applications.cad: is listed a second time in this file, first in line 3; make one item of the two",
		}},
		{"no instances", application("instances: 0"), []string{"config.yaml:4: applications.cad.instances: is out of bounds; write a number from 1 to 10000"}},
		{"too many instances", application("instances: 10001"), []string{"config.yaml:4: applications.cad.instances: is out of bounds; write a number from 1 to 10000"}},
		{"near word", application("redeem: egar"), []string{"config.yaml:4: applications.cad.redeem: is not a valid value; write eager or on_demand"}},
		{"allow without a list", application("allow: {everyone: true}"), []string{"config.yaml:4: applications.cad.allow: is a list of keys, not a list; write items such as - {groups: [engineering]}"}},
		{"allow nothing", application("allow:"), []string{"config.yaml:4: applications.cad.allow: is empty, not a list; write items such as - {groups: [engineering]}"}},
		{"rule without a condition", application("allow: [{}]"), []string{rule + ": has no condition; name users, groups, executables, units or signers, or write everyone: true"}},
		{"everyone false", application("allow: [{everyone: false}]"), []string{rule + ": has no condition; name users, groups, executables, units or signers, or write everyone: true"}},
		{"everyone beside others", application("allow: [{everyone: true, users: [a]}]"), []string{rule + ": has everyone and other conditions; remove everyone, or the others"}},
		{"empty condition", application("allow: [{users: [], groups: [a]}]"), []string{rule + ".users: is an empty list; name at least one, or remove the key"}},
		{"one user", application("allow: [{users: alice}]"), []string{rule + ".users: is text, not a list; write items such as - alice"}},
		{"user that is nothing", application("allow: [{users: [~]}]"), []string{rule + ".users[0]: has no value; write one, or remove the key"}},
		{"user with a space", application(`allow: [{users: [alice, " bob"]}]`), []string{rule + ".users[1]: is empty or has spaces around it; write a name or a decimal id"}},
		{"unit without its kind", application("allow: [{units: [cad]}]"), []string{rule + ".units[0]: is not a unit's full name; write one such as cad-render.service"}},
		{"executable without path", application("allow: [{executables: [{}]}]"), []string{rule + ".executables[0]: has no path; write {path: /opt/cad/bin/cad}"}},
		{"executable as a text", application("allow: [{executables: [/a]}]"), []string{rule + ".executables[0]: is text, not a list of keys; write the keys below it, each with a colon"}},
		{"no executables", application("allow: [{executables: []}]"), []string{rule + ".executables: is an empty list; name at least one, or remove the key"}},
		{"bad digest", application("allow: [{executables: [{path: /a, sha256: abc}]}]"), []string{rule + ".executables[0].sha256: is not 64 hex digits; write the output of sha256sum for the file"}},
		{"signer by name alone", application("allow: [{signers: [Example GmbH]}]"), []string{rule + ".signers[0]: is not a subject of a certificate. Write the output of (Get-AuthenticodeSignature FILE).SignerCertificate.Subject in quotes, or sha256: and the certificate's SHA-256"}},
		{"a subject that YAML splits", application("allow: [{signers: [O=Example GmbH, C=DE]}]"), []string{rule + ".signers[1]: has neither O (the organization) nor CN, so it would admit many signers. Add one of them, and put all of it in quotes"}},
		{"no signers", application("allow: [{signers: []}]"), []string{rule + ".signers: is an empty list; name at least one, or remove the key"}},
		{"all together", "tenent: a\naudit: loud\nlog: {level: 3}\n", []string{
			"config.yaml:1: tenent: is not a known key; did you mean tenant?",
			"config.yaml:2: audit: is not a valid value; write best_effort or required",
			"config.yaml:3: log.level: is not a valid value; write debug, info, warn or error",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := policy.Resolve(local(tt.text))
			var got []string
			for _, p := range problems {
				if p.Fatal {
					got = append(got, p.Error())
				}
				if strings.Contains(p.Error(), "s3cret") {
					t.Errorf("the problem repeats a value: %v", p)
				}
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("-got +want\n%s", diff)
			}
			if policy.Fatal(problems) == nil {
				t.Error("nothing stops the start")
			}
		})
	}
}

func TestSyntaxErrorHasItsLine(t *testing.T) {
	_, problems := policy.Resolve(local("tenant: a\naudit: [required\n"))
	if len(problems) != 1 || problems[0].Origin.Line == 0 || !strings.Contains(problems[0].Text, "not YAML") {
		t.Errorf("got %v, want one problem with a line", texts(problems))
	}
}

func TestSecretInTheFile(t *testing.T) {
	for _, key := range []string{"registration_token", "RegistrationToken", "token", "password", "client_secret"} {
		t.Run(key, func(t *testing.T) {
			_, problems := policy.Resolve(local(key + ": s3cret-s3cret\n"))
			if len(problems) != 1 {
				t.Fatalf("got %d problems, want 1", len(problems))
			}
			got := problems[0].Error()
			if !strings.HasPrefix(got, "config.yaml:1: "+key+": must not contain a secret") || !strings.Contains(got, "regent register --file FILE") {
				t.Errorf("got %q, want it to say where the token belongs", got)
			}
			if strings.Contains(got, "s3cret") {
				t.Errorf("got %q: it repeats the secret", got)
			}
		})
	}
}

func TestPastedTokenIsNotRepeated(t *testing.T) {
	token := strings.Repeat("s3cret", 10)
	for _, text := range []string{token + ": x\n", "network:\n  " + token + ":\n", "s3cret+/=: x\n", "registration_token_file: " + token, "tenant: https://" + token + "@a/"} {
		_, problems := policy.Resolve(local(text))
		if len(problems) == 0 {
			t.Errorf("%q has no problem", text)
		}
		for _, got := range texts(problems) {
			if strings.Contains(got, "s3cret") {
				t.Errorf("got %q: it repeats the token", got)
			}
		}
	}
}

func TestProblemsOfOneFileAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	_, problems := policy.Resolve(local(b.String()))
	if got, want := len(problems), 51; got != want {
		t.Fatalf("got %d problems, want %d", got, want)
	}
	if got, want := problems[50].Error(), "config.yaml:51: there are more problems; correct the ones above first"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSoundFiles(t *testing.T) {
	tests := []struct{ name, text string }{
		{"empty", ""},
		{"only a comment", "# nothing\n"},
		{"only a document marker", "---\n"},
		{"null", "null\n"},
		{"sections without keys", "network:\nlog:\napplications:\n"},
		{"no tenant", "tenant: \"\"\n"},
		{"carriage returns", "audit: best_effort\r\nlog:\r\n  level: info\r\n"},
	}
	want, _ := policy.Resolve()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, problems := policy.Resolve(local(tt.text))
			if len(problems) > 0 {
				t.Errorf("problems: %v", texts(problems))
			}
			if diff := cmp.Diff(got.Settings, want.Settings); diff != "" {
				t.Errorf("-got +want\n%s", diff)
			}
		})
	}
}
