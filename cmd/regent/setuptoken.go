package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"regent/agent/token"
	"regent/platform/terminal"
	"regent/platform/tokenfile"
)

// readToken reads the registration token into the plan. It stays zero if no instance needs
// one, or the person gives it later.
func (a *setupAnswers) readToken(p *setupPlan, counts int) error {
	switch {
	case a.flags.tokenFile != "" || a.flags.tokenStdin:
		return a.readGivenToken(p, counts)
	case counts == 0 || a.flags.dryRun || p.stored && !a.canAsk():
		return nil
	case a.flags.yes: // given later
		return nil
	case !a.canAsk() || a.prompt == nil:
		a.missing = append(a.missing, "--token-file or --token-stdin")
		return nil
	}
	text := "Registration token (not shown; empty: give it later): "
	if p.stored {
		text = "Registration token (not shown; empty: use the stored one): "
	}
	return a.askToken(p, text)
}

// readGivenToken reads the token that a flag names, for at most --wait. It checks the file
// also if no instance needs the token.
func (a *setupAnswers) readGivenToken(p *setupPlan, counts int) (err error) {
	if p.unneeded = counts == 0; p.unneeded && a.flags.tokenFile == "" {
		p.origin.name = "stdin"
		return nil
	}
	ctx := a.cmd.Context()
	defer a.cmd.SetContext(ctx)
	if a.flags.wait > 0 && (a.flags.tokenFile != "" || a.prompt == nil) { // a person has time
		limited, cancel := context.WithTimeout(ctx, a.flags.wait)
		defer cancel()
		a.cmd.SetContext(limited)
	}
	p.secret, p.origin, err = registerFlags{file: a.flags.tokenFile, stdin: a.flags.tokenStdin}.read(a.cmd, a.runtimeEnv)
	switch {
	case p.unneeded && errors.Is(err, tokenfile.ErrMissing): // deleted after an earlier run
		p.origin = tokenOrigin{name: "file " + a.flags.tokenFile}
		return nil
	case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("read registration token: nothing came in %s, the limit of --wait", terminal.Duration(a.flags.wait))
	case err != nil:
		return err
	}
	p.doubt = token.FormatWarning(p.secret)
	if p.unneeded || a.flags.dryRun {
		p.secret = token.Secret{} // only its form is checked
	}
	return nil
}

// askToken asks until the form of the answer is that of a token. A token of another form is
// used if it is typed twice, since the form is not certain.
func (a *setupAnswers) askToken(p *setupPlan, text string) error {
	for doubted := (token.Secret{}); ; {
		answer, err := a.prompt(a.cmd.Context(), text)
		typed := strings.TrimSpace(string(answer))
		if err != nil || typed == "" {
			return err
		}
		secret, from, err := parseToken(answer, "terminal")
		doubt := ""
		if err == nil {
			doubt = token.FormatWarning(secret)
		}
		switch {
		case err == nil && (doubt == "" || secret.Equal(doubted)):
			p.secret, p.origin, p.doubt = secret, from, doubt
			return nil
		case isFileName(typed):
			doubt = "this is the name of a file. To use the file, run the command with --token-file"
		case err != nil:
			doubt = err.Error()
		default:
			doubted = secret
			doubt += ". If it is right, type it again"
		}
		terminal.Print(a.err, "  "+printable(doubt)+".\n")
	}
}

func isFileName(text string) bool {
	_, err := os.Stat(text)
	return err == nil
}

// tokenWarnings returns the problems of the registration token that was given.
func (p setupPlan) tokenWarnings() (all []string) {
	if p.doubt != "" {
		all = append(all, fmt.Sprintf("registration token from %s: %s", p.origin.name, p.doubt))
	}
	switch {
	case p.unneeded && p.origin.path != "":
		all = append(all, fmt.Sprintf("no instance needs the registration token from %s. It was not stored; the file stays", p.origin.name))
	case p.unneeded:
		all = append(all, fmt.Sprintf("no instance needs the registration token from %s. It was not read", p.origin.name))
	}
	return all
}
