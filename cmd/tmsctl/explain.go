package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"regent/agent/fault"
	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/platform/terminal"
)

// explain returns an error in one or two lines: the reason, and the next step. Control
// characters from the service or from a file are escaped.
func (g globalFlags) explain(err error) []string {
	lines := strings.Split(strings.Join(g.explained(err), "\n"), "\n")
	for i, line := range lines {
		lines[i] = terminal.Printable(line)
	}
	return lines
}

// joinedErrors is the type that errors.Join returns. fmt.Errorf makes one sentence of
// several errors.
var joinedErrors = reflect.TypeOf(errors.Join(context.Canceled))

func (g globalFlags) explained(err error) []string {
	if many, ok := err.(interface{ Unwrap() []error }); ok && reflect.TypeOf(err) == joinedErrors {
		var lines []string
		for _, one := range many.Unwrap() {
			lines = append(lines, g.explained(one)...)
		}
		return lines
	}
	if errors.Is(err, context.Canceled) {
		return []string{"interrupted: " + strings.ReplaceAll(err.Error(), "context canceled", "the command was stopped")}
	}
	if odd, ok := errors.AsType[*admin.MismatchError](err); ok {
		return []string{err.Error(), oddStep(odd)}
	}
	if _, part := errors.AsType[*admin.IncompleteError](err); part {
		return []string{err.Error(), "tmsctl stopped, because it does not know the missing rows. " + incompleteStep}
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
	if next := g.nextStep(f); next != "" {
		return []string{what, next}
	}
	return []string{what}
}

// incompleteStep is the next step after an incomplete list.
const incompleteStep = "Do not use this list to decide --not-consumed. Repeat the command, and compare its list with the service's own pages"

// oddStep is the next step when the service did something else.
func oddStep(odd *admin.MismatchError) string {
	switch odd.Unverified {
	case "":
	case "state":
		return "to check, open the service's own pages, or redeem on one device. If that works, the registration token is enabled, and one count is used"
	default:
		return "to check, open the service's own pages"
	}
	if odd.Unchanged {
		return "the service may ignore this form of body. Run tmsctl registration-token show, then try --request " + tms.OtherForm(odd.Form)
	}
	return "the service may add the number, or somebody else changed the registration token. Run tmsctl registration-token show before you retry"
}

// nextStep is the next step after a failure; "" for none.
func (g globalFlags) nextStep(f *tms.Failure) string {
	if step, ok := connectSteps[f.Stage()]; ok {
		return step
	}
	switch f.Reach {
	case tms.NotSent:
		return "check --tenant, the network, and --proxy"
	case tms.Lost:
		return lostStep(f)
	}
	if strings.HasPrefix(f.Op, "create") && !f.ServiceShape && admin.OutcomeUnknown(f) {
		return lostStep(f) + "\nif the list does not show it: " + g.refusedStep(f)
	}
	step := g.refusedStep(f)
	if strings.HasPrefix(f.Op, "create") && f.Status/100 == 4 {
		step = strings.TrimPrefix(step+"\n"+listOf(f.Op)+" shows whether it exists", "\n")
	}
	return step
}

// connectSteps are a person's next steps after a failed TLS handshake.
var connectSteps = map[fault.Stage]string{
	fault.StageTrust:             "check --tenant. For a private certificate authority, add its certificate with --ca-file FILE",
	fault.StageName:              "check --tenant: the certificate must be for this host",
	fault.StageCertificate:       "check this computer's date. If it is right, the operator of the server must issue another certificate",
	fault.StageVersion:           "ask the operator of the server to enable TLS 1.2 or 1.3",
	fault.StageClientCertificate: "check --tenant: it may be a gateway. The Token Management Service does not ask for client certificates",
	fault.StageHandshake:         "check --tenant and the firewall. To see the handshake, run: openssl s_client -connect HOST:443",
	fault.StageTLS:               "check --tenant, its port, and --proxy",
}

func lostStep(f *tms.Failure) string {
	if strings.HasPrefix(f.Op, "create") {
		return "the service may have created it. Run tmsctl registration-token list before you retry"
	}
	if strings.HasPrefix(f.Op, "delete") {
		return "the service may have deleted it. Run " + listOf(f.Op) + " before you retry"
	}
	return "check --tenant, and whether a proxy or login page intercepts the connection. Then retry"
}

// redeemStep is the next step after a refused redemption. Its only login is the
// registration token.
func redeemStep(f *tms.Failure) string {
	if f.Status == http.StatusBadRequest {
		return "the service refused the request and not your login. Give the report above to its operator" + otherForm(f, ". It was sent %s; try: tmsctl trial --request %s")
	}
	return "the service refused the registration token and not your login: it may be disabled, expired or used up. Ask the operator of the service what it needs"
}

// otherForm formats text with the form that was tried, and the other form. It is "" if
// none or both were tried.
func otherForm(f *tms.Failure, text string) string {
	if f.Form == "" {
		return ""
	}
	return fmt.Sprintf(text, f.Form, tms.OtherForm(f.Form))
}

// loginStep is the next step after a refused login. It names the other ways to log in.
func (g globalFlags) loginStep() string {
	switch {
	case g.ClientCredentials:
		return "check the client's id and secret, or log in another way: --user NAME, or tmsctl login --browser"
	case strings.HasPrefix(g.User, endUser):
		return "check the user and the password, or log in another way: --client-credentials, or tmsctl login --browser"
	}
	return "check the user and the password, or log in another way: --user " + endUser + "NAME, --client-credentials, or tmsctl login --browser"
}

// endUser begins the names of some users (O: elsewhere in the API).
const endUser = "endUser-"

// listOf is the command that lists the objects of an operation such as "show client".
func listOf(op string) string {
	switch {
	case strings.HasSuffix(op, "client"):
		return "tmsctl clients"
	case strings.HasSuffix(op, "auth token"):
		return "tmsctl auth-token list"
	}
	return "tmsctl registration-token list"
}

func (g globalFlags) refusedStep(f *tms.Failure) string {
	switch {
	case f.HasRetryAfter:
		return "try again in " + terminal.Duration(f.RetryAfter)
	case f.Status/100 == 3 || !f.ServiceShape && f.Status < 500:
		return "this reply is not from the service. Check --tenant, and whether a proxy or login page intercepts the connection"
	case f.Op == "discover" && f.Status == http.StatusNotFound:
		return "check --tenant: it must be the address of the tenant, such as https://company.example. If it is, ask its operator whether the Token Management Service runs there"
	case f.Op == "redeem" && f.Status < 500:
		return redeemStep(f)
	case f.Op == "log in" && f.Status < 500:
		return g.loginStep()
	case f.Op == "log in with a browser" && f.Status < 500:
		return "check --client-id and --issuer; the client must be public and allow http://127.0.0.1/ as redirect address"
	case f.Status == http.StatusUnauthorized:
		return "the service did not accept the login, or the login expired: retry"
	case f.Status == http.StatusForbidden:
		return "this needs the rights of a Contact Administrator"
	case f.Status == http.StatusNotFound && strings.HasPrefix(f.Op, "list"):
		return "the service has no such list, or you may not read it. Check --tenant"
	case f.Status == http.StatusNotFound:
		return "run " + listOf(f.Op) + " to see the ids"
	case f.Status == http.StatusBadRequest && (strings.HasPrefix(f.Op, "create") || strings.HasPrefix(f.Op, "change")):
		return otherForm(f, "if this message does not help, the service may need the other form of body: sent %s; try --request %s")
	case f.Status == http.StatusMethodNotAllowed:
		return "the service does not offer this call, or does not allow it to you. Ask its operator. To see what it offers: tmsctl contract"
	case f.Status >= 500:
		return "the service is in trouble: try again later"
	}
	return ""
}
