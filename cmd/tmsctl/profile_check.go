package main

import (
	"errors"
	"maps"
	"os"
	"reflect"
	"regexp"
	"strings"

	"regent/agent/suggest"
	"regent/platform/files"
)

// checkProfilesFile refuses a file of profiles that others can change: it names the host
// that gets the password. A profile command notes a file that others can read.
func (t *tool) checkProfilesFile(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return usagef("profiles: %v", err)
	}
	owner, others, err := files.ModeAccess(info)
	if err != nil {
		return err
	}
	switch {
	case others&0o022 != 0:
		return usagef("other users can write %s (mode %04o), so tmsctl does not use it\ncheck what it contains, then run: chmod 600 %[1]s", name, info.Mode().Perm())
	case owner != os.Geteuid() && owner != 0:
		return usagef("%s belongs to another user, who can change it, so tmsctl does not use it\ncheck what it contains, then make it yours: sudo chown \"$(id -u)\" %[1]s", name)
	case others != 0 && strings.HasPrefix(t.command, "tmsctl profile"):
		t.say("tmsctl: note: other users can read %s (mode %04o); run: chmod 600 %[1]s\n", name, info.Mode().Perm())
	}
	return nil
}

// withoutPassword returns a proxy with xxxxx for its password.
func withoutPassword(proxy string) string {
	at := strings.LastIndexByte(proxy, '@')
	if at < 0 {
		return proxy
	}
	scheme, userinfo, found := strings.Cut(proxy[:at], "://")
	if !found {
		scheme, userinfo = "", proxy[:at]
	} else {
		scheme += "://"
	}
	user, _, has := strings.Cut(userinfo, ":")
	if !has {
		return proxy
	}
	return scheme + user + ":xxxxx" + proxy[at:]
}

// printable returns the profiles without the passwords of proxies. It warns about each of
// them.
func (t *tool) printable(p profiles, file string) map[string]profile {
	all := maps.Clone(p.Profiles)
	for _, name := range p.names() {
		one := all[name]
		if masked := withoutPassword(one.Proxy); masked != one.Proxy {
			t.say("tmsctl: warning: profile %s in %s has a password in proxy. Remove proxy there, and set HTTPS_PROXY instead\n", tableCell(name), file)
			one.Proxy = masked
			all[name] = one
		}
	}
	return all
}

var (
	unknownKey = regexp.MustCompile(`^(?:yaml: unmarshal errors:\s+)?line (\d+): field (.+) not found in type main\.(profiles?)`)
	yamlLine   = regexp.MustCompile(`line (\d+): `)
)

const seeProfileForm = "\nto see the form of the file: tmsctl profile list --help"

// profilesError describes the decoder's error about the file of profiles. It quotes no
// value, which may be a secret.
func profilesError(err error) error {
	text := err.Error()
	if m := unknownKey.FindStringSubmatch(text); m != nil {
		keys, place := keysOf(profile{}), "a profile"
		if m[3] == "profiles" {
			keys, place = keysOf(profiles{}), "the file"
		}
		next := seeProfileForm
		switch m[2] {
		case "password":
			next = "\nwrite the password into a file of its own, and name it: password_file: FILE"
		case "client_secret", "secret":
			next = "\nwrite the secret into a file of its own, and name it: client_secret_file: FILE"
		default:
			next = suggest.DidYouMean(m[2], keys) + next
		}
		return errors.New("line " + m[1] + ": there is no key \"" + m[2] + "\" in " + place + next)
	}
	what := "not valid YAML"
	switch {
	case strings.Contains(text, "cannot unmarshal"):
		what = "the value has another form than tmsctl reads"
	case strings.Contains(text, "already defined at line"):
		what = "the key is there twice"
	case strings.Contains(text, "cannot start any token"):
		what += ": it may begin with a tab, or with a character that needs quotes"
	case strings.Contains(text, "did not find expected"):
		what += ": a bracket, a quote or a space after a colon may be missing, here or before"
	}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		what = "line " + m[1] + ": " + what
	}
	return errors.New(what + seeProfileForm)
}

// keysOf are the keys of a mapping in the file.
func keysOf(v any) (keys []string) {
	for f := range reflect.TypeOf(v).Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		keys = append(keys, key)
	}
	return keys
}
