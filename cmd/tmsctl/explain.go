package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"regent/agent/tms"
	"regent/agent/tms/admin"
)

// explain is an error in one or two lines: what is wrong, and what to do next. What
// the service or a file put into it cannot move the terminal's cursor.
func explain(err error) []string {
	lines := strings.Split(strings.Join(explained(err), "\n"), "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return lines
}

func explained(err error) []string {
	if errors.Is(err, context.Canceled) {
		return []string{"interrupted: " + err.Error()}
	}
	if odd, ok := errors.AsType[*admin.NotAsAskedError](err); ok {
		return []string{err.Error(), oddStep(odd)}
	}
	if errors.Is(err, admin.ErrBrowser) {
		return []string{err.Error(), "log in again with: tmsctl login --browser"}
	}
	f, ok := errors.AsType[*tms.Failure](err)
	if !ok {
		return []string{err.Error()}
	}
	what := err.Error()
	if f.Message != "" {
		what += ": " + f.Message
	}
	if next := nextStep(f); next != "" {
		return []string{what, next}
	}
	return []string{what}
}

// oddStep is what a person does about something else than was asked for.
func oddStep(odd *admin.NotAsAskedError) string {
	if odd.Nothing {
		return "the service may ignore a body in this form: look at it, and try --request " + tms.Other(odd.Form)
	}
	return "the service may add a count to what there is, or somebody else changed it: look with tmsctl registration-token show before you repeat it"
}

// nextStep is what a person does about a failure.
func nextStep(f *tms.Failure) string {
	if step := connectStep(f.Stage()); step != "" {
		return step
	}
	switch f.Reach {
	case tms.NotSent:
		return "check --tenant, the network, and --proxy"
	case tms.Lost:
		return lostStep(f)
	}
	return refusedStep(f)
}

// connectStep is what a person does about a TLS handshake that failed.
func connectStep(at tms.Stage) string {
	switch at {
	case tms.StageTrust:
		return "is it the right --tenant? If its certificate comes from an authority of your own, name that authority's certificate with --ca-file FILE"
	case tms.StageName:
		return "check --tenant: it must be a host that the certificate is for"
	case tms.StageCertificate:
		return "check this computer's date; if it is right, whoever runs the server has to issue another certificate"
	case tms.StageVersion:
		return "ask whoever runs the server to enable TLS 1.2 or 1.3"
	case tms.StageClientCertificate:
		return "check --tenant: the Token Management Service does not ask for client certificates, a gateway may"
	case tms.StageHandshake:
		return "check --tenant, and whether a firewall blocks it; openssl s_client -connect HOST:443 shows the handshake"
	case tms.StageTLS:
		return "check --tenant, its port, and --proxy"
	}
	return ""
}

func lostStep(f *tms.Failure) string {
	if strings.HasPrefix(f.Op, "create") {
		return "it may have been made all the same: look with tmsctl registration-token list before you try again"
	}
	if strings.HasPrefix(f.Op, "delete") {
		return "it may be deleted all the same: look with list before you try again"
	}
	return "is it the right --tenant, and no proxy or login page in between? Else try again"
}

func refusedStep(f *tms.Failure) string {
	switch {
	case f.HasRetryAfter:
		return fmt.Sprintf("try again in %s", f.RetryAfter)
	case f.Status/100 == 3 || !f.ServiceShape && f.Status < 500:
		return "this does not look like the service's answer: check --tenant, and whether a proxy or login page is in between"
	case f.Op == "log in" && f.Status < 500:
		return "check the user and the password, or the client's id and secret\n" +
			"else try --user endUser-NAME, --client-credentials, or tmsctl login --browser, as your tenant has it"
	case f.Op == "log in with a browser" && f.Status < 500:
		return "check --client-id and --issuer; the client must be public and allow http://127.0.0.1/ as redirect address"
	case f.Status == http.StatusUnauthorized:
		return "the login was not accepted, or has ended meanwhile: try again"
	case f.Status == http.StatusForbidden:
		return "this needs the rights of a Contact Administrator"
	case f.Status == http.StatusNotFound && strings.HasPrefix(f.Op, "list"):
		return "the service does not have this list, or not for you; is it the right --tenant?"
	case f.Status == http.StatusNotFound:
		return "see list for the ids that there are"
	case f.Status == http.StatusBadRequest && (strings.HasPrefix(f.Op, "create") || strings.HasPrefix(f.Op, "change")):
		return "if these words do not say what is wrong, the service may take another form of body: see --request"
	case f.Status >= 500:
		return "the service is in trouble: try again later"
	}
	return ""
}
