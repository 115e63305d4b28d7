package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"regent/agent/fault"
)

// maxSkew is the largest clock error that Cloud LM accepts.
const maxSkew = 15 * time.Minute

// interceptors are words in the issuers of products that open TLS connections. A
// certificate for a name that does not exist is better evidence, but a proxy may hide it.
var interceptors = []string{
	"zscaler", "netskope", "fortigate", "fortinet", "palo alto", "blue coat", "bluecoat", "forcepoint", "websense", "sophos",
	"check point", "barracuda", "watchguard", "mcafee web gateway", "cisco umbrella", "untangle", "squid", "mitmproxy", "kaspersky", "eset ssl", "avast",
	"bitdefender", "charles proxy", "fiddler",
}

func (w ServiceCheck) intercepted() bool {
	issuer := strings.ToLower(w.Issuer)
	return w.Minted || slices.ContainsFunc(interceptors, func(name string) bool { return strings.Contains(issuer, name) })
}

// judgeNetwork finds problems of the connection to each service.
func judgeNetwork(f Facts) []diagnosis {
	var out []diagnosis
	for _, w := range f.Daemon.ServiceChecks {
		if code, why := w.fault(); code != "" {
			host, _, _ := strings.Cut(w.Host, ":")
			d := diagnosis{code: code, subject: w.Host, evidence: why, placeholders: []string{"HOST", host}}
			out = append(out, asProxyNotConfigured(f, w, d))
		}
	}
	return out
}

// asProxyNotConfigured changes d if the connection failed because the service does not use
// the proxy of the user's programs.
func asProxyNotConfigured(f Facts, w ServiceCheck, d diagnosis) diagnosis {
	if w.Stage != fault.StageDNS && w.Stage != fault.StageConnect && d.code != ProxyUnreachable {
		return d
	}
	for _, p := range f.Proxies {
		if p.Host != w.Host || p.Proxy == w.Proxy && p.Proxy != "" {
			continue
		}
		d.code = ProxyNotConfigured
		if p.Proxy != "" {
			d.placeholders = append(d.placeholders, "PROXY", p.Proxy)
		}
		d.evidence = fmt.Sprintf("%s; the service connects %s; in %s: %s", d.evidence, by(w.Proxy), p.Where, p.describe())
		return d
	}
	return d
}

func (p Proxy) describe() string {
	if p.Flaw != "" {
		return "an invalid proxy: it " + p.Flaw
	}
	return cmp.Or(p.Proxy, "a script for proxies")
}

func by(proxy string) string {
	if proxy == "" {
		return "without a proxy"
	}
	return "through the proxy " + proxy
}

// stageCodes are the codes for a connection that failed at a stage, without further
// evidence.
var stageCodes = map[fault.Stage]Code{
	fault.StageSettings:          NetworkSettings,
	fault.StageDNS:               DNSFailed,
	fault.StageConnect:           TCPUnreachable,
	fault.StageTrust:             TLSUnknownCA,
	fault.StageName:              TLSName,
	fault.StageCertificate:       TLSCertificate,
	fault.StageVersion:           TLSVersion,
	fault.StageClientCertificate: TLSClientCertificate,
	fault.StageHandshake:         TLSHandshake,
	fault.StageTLS:               NotTheService,
}

// fault returns the problem of the connection and its evidence; "" without one.
func (w ServiceCheck) fault() (Code, string) {
	switch {
	case w.Stage == fault.StageProxy:
		return w.proxyFault()
	case w.Stage == fault.StageAnswer:
		return w.answerFault()
	case w.Stage == fault.StageTrust && w.intercepted():
		return TLSInterception, w.certificateEvidence()
	case w.Stage == fault.StageDone && w.intercepted():
		return TLSInterceptionTrusted, w.certificateEvidence()
	case w.Stage == fault.StageTrust, w.Stage == fault.StageName, w.Stage == fault.StageCertificate:
		return stageCodes[w.Stage], w.certificateEvidence()
	}
	return stageCodes[w.Stage], w.failureText()
}

func (w ServiceCheck) proxyFault() (Code, string) {
	switch w.ProxyStatus {
	case 0:
		return ProxyUnreachable, fmt.Sprintf("proxy %s: %s", w.Proxy, w.failureText())
	case 407:
		return ProxyAuthentication, fmt.Sprintf("proxy %s answered 407 to CONNECT %s", w.Proxy, w.Host)
	}
	return ProxyRefused, fmt.Sprintf("proxy %s answered %d to CONNECT %s", w.Proxy, w.ProxyStatus, w.Host)
}

func (w ServiceCheck) answerFault() (Code, string) {
	if w.Status == 429 || w.Status >= 500 && w.ServiceShape {
		return ServiceUnavailable, fmt.Sprintf("%s answered %d", w.Host, w.Status)
	}
	if w.Status == 0 {
		return NotTheService, w.failureText()
	}
	return NotTheService, fmt.Sprintf("%s answered %d to a request that every tenant answers", w.Host, w.Status)
}

// certificateEvidence returns the evidence from a certificate.
func (w ServiceCheck) certificateEvidence() string {
	if w.Issuer == "" {
		return w.failureText()
	}
	text := fmt.Sprintf("the certificate is from %q", w.Issuer)
	if w.Minted {
		text += ", which also signed a name that does not exist; only an inspecting product does so"
	}
	if w.Failure != "" {
		text += "; " + w.failureText()
	}
	return text
}

// failureText returns the failure without the host and the operation, which the finding
// has.
func (w ServiceCheck) failureText() string {
	text := strings.TrimPrefix(strings.TrimPrefix(w.Failure, "tms: "), "discover: ")
	text = strings.TrimPrefix(text, "sent to "+w.Host+", but no answer came that can be read: ")
	text = strings.TrimPrefix(text, "sent to "+w.Host+", and the answer could not be read: ")
	return strings.TrimPrefix(text, "nothing was sent to "+w.Host+": ")
}

func judgeClock(f Facts) []diagnosis {
	if skew, host := skewOf(f); skew.Abs() > maxSkew {
		return []diagnosis{{code: ClockWrong, subject: host, evidence: clockError(skew)}}
	}
	return nil
}

// clockError describes the error of this device's clock, compared with the service's.
func clockError(skew time.Duration) string {
	side := "behind"
	if skew < 0 {
		side = "ahead of"
	}
	return fmt.Sprintf("this device's clock is %s %s the service's", skew.Abs(), side)
}

func judgeProviders(f Facts) []diagnosis {
	var out []diagnosis
	for _, w := range f.Daemon.ServiceChecks {
		if w.Provider != "" && len(w.Remembered) > 0 {
			out = append(out, diagnosis{code: ProviderMismatch, subject: w.Host, evidence: fmt.Sprintf("the tenant names %s now; auth tokens are from %s", w.Provider, strings.Join(w.Remembered, ", ")), placeholders: onlyInstance(redeemedInstances(f, w.Host))})
		}
	}
	return out
}
