package stories

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// ourPrograms have a help that names their commands and flags.
var ourPrograms = []string{"regent", "regentd", "tmsctl", "tms-emulator"}

// otherPrograms are those of a system that a document may use.
var otherPrograms = strings.Fields(`
	age ansible-playbook apt apt-get awk bash cat cd chgrp chmod chown cloud-init copy cp curl cut date dd debconf-set-selections
	dnf docker dpkg dpkg-reconfigure echo export for done do find git gpasswd gpg grep head id install ip jq journalctl kill
	ls mkdir mktemp mount mv npm npx openapi-python-client openssl pip podman printf ps pwd rm rpm rsync sed seq sh sha256sum sleep sort ssh stat
	systemctl systemd-analyze systemd-creds systemd-run tail tar tee test timeout touch true uniq useradd usermod wc wget xargs zcat
	Get-AuthenticodeSignature Get-ChildItem Get-Content Get-EventLog Get-ItemProperty Get-Service Get-WinEvent
	New-Item New-ItemProperty Restart-Service Select-Object Select-String Set-Content Set-ItemProperty Start-Process
	Start-Service Stop-Service Test-Path Where-Object Format-List Remove-Item Copy-Item Get-Acl
	Add-Content Set-ExecutionPolicy Split-Path
	gpupdate icacls lgpo msiexec reg sc.exe wevtutil net`)

var (
	commandOperators = regexp.MustCompile(`^(\|\|?|&&?|;|\(|\)[.\w]*|\$\()`)
	commandWord      = regexp.MustCompile(`^("(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'|&;()\\])+`)
	redirection      = regexp.MustCompile(`^[0-9&]*(>>?|<<?<?)(&[0-9])? ?([^\s|&;]*)`)
	assignment       = regexp.MustCompile(`^\$?[\w:]+=`)
	makeTarget       = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
)

// simpleCommands splits a command line into the commands that a shell runs of it. It knows as
// much of the language as documents need.
func simpleCommands(line string) (all [][]string) {
	line = strings.NewReplacer("\\\n", " ", "`\n", " ").Replace(line)
	if at := strings.Index(line, "<<"); at >= 0 { // the text of a here document is none of commands
		line, _, _ = strings.Cut(line, "\n")
	}
	var words []string
	for line != "" {
		switch {
		case line[0] == '\n' || commandOperators.MatchString(line):
			all, words = append(all, words), nil
			line = line[max(1, len(commandOperators.FindString(line))):]
		case line[0] == ' ' || line[0] == '\t':
			line = line[1:]
		case line[0] == '#':
			_, line, _ = strings.Cut(line, "\n")
		case redirection.MatchString(line):
			line = line[len(redirection.FindString(line)):]
		default:
			word := commandWord.FindString(line)
			if word == "" { // a quote that is open
				word = line
			}
			words = append(words, word)
			line = line[len(word):]
		}
	}
	return slices.DeleteFunc(append(all, words), func(words []string) bool { return len(words) == 0 })
}

// checkCommands checks that the programs of a block are known, and the commands and flags of
// ours.
func (c *guideChecker) checkCommands(g *guide, b *guideBlock) {
	if len(b.text) == 0 || len(b.commands()) == 0 {
		c.faults.add(g, b.line, "a block without a command")
	}
	for _, command := range b.commands() {
		for _, words := range simpleCommands(command.text) {
			c.checkCommand(g, command.line, words)
		}
	}
}

func (c *guideChecker) checkCommand(g *guide, line int, words []string) {
	for len(words) > 0 && (words[0] == "sudo" || words[0] == "env" || words[0] == "&" || assignment.MatchString(words[0])) {
		words = words[1:]
		if len(words) > 1 && words[0] == "-u" {
			words = words[2:]
		}
	}
	if len(words) == 0 {
		return
	}
	program := strings.TrimPrefix(strings.TrimSuffix(words[0], ".exe"), "bin/")
	switch {
	case slices.Contains(ourPrograms, program):
		c.checkOurs(g, line, append([]string{program}, words[1:]...))
	case program == "make":
		targets := makeTarget.FindAllStringSubmatch(readTree(c.t, "Makefile"), -1)
		for _, word := range words[1:] {
			if !strings.Contains(word, "=") && !slices.ContainsFunc(targets, func(m []string) bool { return m[1] == word }) {
				c.faults.add(g, line, "make has no target %s", word)
			}
		}
	case !slices.Contains(otherPrograms, words[0]):
		c.faults.add(g, line, "%q is no program that a document may use", words[0])
	}
}

// commandHelp is what the help of a command names.
type commandHelp struct {
	commands []string
	flags    map[string]bool // with dashes; whether it takes a value
}

var (
	helpFlag    = regexp.MustCompile(`(?m)^ +(?:(-\w), )?(--[\w-]+)( \S+)?(?: {2,}|$)`)
	helpCommand = regexp.MustCompile(`(?m)^  ([\w-]+) `)
)

// checkOurs checks a command line of one of our programs, whose first word it is.
func (c *guideChecker) checkOurs(g *guide, line int, words []string) {
	command := words[:1]
	valued := false // the word before is a flag that takes a value
	for _, word := range words[1:] {
		help := c.helpOf(command)
		name, _, hasValue := strings.Cut(word, "=")
		takes, known := help.flags[name]
		switch {
		case word == "--":
			return
		case strings.HasPrefix(word, "-") && word != "-" && !known:
			c.faults.add(g, line, "%s has no flag %s", strings.Join(command, " "), name)
			valued = false
		case strings.HasPrefix(word, "-") && word != "-":
			valued = takes && !hasValue
		case valued:
			valued = false
		case slices.Contains(help.commands, word):
			command = append(slices.Clip(command), word)
		case len(help.commands) > 0 && word == strings.ToLower(word):
			c.faults.add(g, line, "%s has no command %s", strings.Join(command, " "), word)
			return
		}
	}
}

// helpOf asks a program for the help of a command.
func (c *guideChecker) helpOf(command []string) *commandHelp {
	key := strings.Join(command, " ")
	if h := c.help[key]; h != nil {
		return h
	}
	cmd := exec.CommandContext(c.t.Context(), filepath.Join(c.bin, command[0]), append(slices.Clone(command[1:]), "--help")...)
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("%s: %v", cmd, err)
	}
	h := &commandHelp{flags: map[string]bool{"-h": false, "--help": false, "--version": false}}
	_, list, _ := strings.Cut(string(out), "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	for _, m := range helpCommand.FindAllStringSubmatch(list, -1) {
		h.commands = append(h.commands, m[1])
	}
	for _, m := range helpFlag.FindAllStringSubmatch(string(out), -1) {
		h.flags[m[2]] = m[3] != ""
		if m[1] != "" {
			h.flags[m[1]] = m[3] != ""
		}
	}
	c.help[key] = h
	return h
}
