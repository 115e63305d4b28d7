package doctor

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// maxSkew is what Cloud LM takes of a clock that is off.
const maxSkew = 15 * time.Minute

// interceptors are words of the issuers that products sign with which open TLS
// connections. They are evidence beside a certificate for a name that nobody
// has, and the only one behind a proxy that hides that.
var interceptors = [...]string{
	"zscaler", "netskope", "fortigate", "fortinet", "palo alto", "blue coat", "bluecoat", "forcepoint", "websense", "sophos",
	"check point", "barracuda", "watchguard", "mcafee web gateway", "cisco umbrella", "untangle", "squid", "mitmproxy", "kaspersky", "eset ssl", "avast",
	"bitdefender", "charles proxy", "fiddler",
}

func (w Way) intercepted() bool {
	issuer := strings.ToLower(w.Issuer)
	for _, name := range interceptors {
		if strings.Contains(issuer, name) {
			return true
		}
	}
	return w.Minted
}

// judgeWays says what stands between the device and each service.
func judgeWays(f Facts) []doubt {
	var out []doubt
	for _, w := range f.Daemon.Ways {
		if code, why := w.trouble(); code != "" {
			host, _, _ := strings.Cut(w.Host, ":")
			d := doubt{code: code, subject: w.Host, evidence: why, known: []string{"HOST", host}}
			out = append(out, unseenProxy(f, w, d))
		}
	}
	return out
}

// unseenProxy is d in other words if the way failed for want of a proxy that the
// programs of the user go by.
func unseenProxy(f Facts, w Way, d doubt) doubt {
	if w.Step != AtDNS && w.Step != AtConnect && d.code != ProxyUnreachable {
		return d
	}
	for _, p := range f.Proxies {
		if p.Host != w.Host || p.Proxy == w.Proxy && p.Proxy != "" {
			continue
		}
		d.code = ProxyUnseen
		if p.Proxy != "" {
			d.known = append(d.known, "PROXY", p.Proxy)
		}
		d.evidence = fmt.Sprintf("%s; the service goes %s, and in %s stands %s", d.evidence, by(w.Proxy), p.Where, p.words())
		return d
	}
	return d
}

func (p Proxy) words() string {
	if p.Flaw != "" {
		return "what is no proxy: it " + p.Flaw
	}
	return cmp.Or(p.Proxy, "a script that decides")
}

func by(proxy string) string {
	if proxy == "" {
		return "without a proxy"
	}
	return "by the proxy " + proxy
}

// trouble is the one thing that is wrong with the way, "" if nothing is.
func (w Way) trouble() (Code, string) {
	switch w.Step {
	case AtSettings:
		return NetworkSettings, w.why()
	case AtDNS:
		return DNSFailed, w.why()
	case AtConnect:
		return TCPUnreachable, w.why()
	case AtProxy:
		return w.proxyTrouble()
	case AtTrust:
		if w.intercepted() {
			return TLSInterception, w.handshake()
		}
		return TLSUnknownCA, w.handshake()
	case AtName:
		return TLSName, w.handshake()
	case AtCertificate:
		return TLSCertificate, w.handshake()
	case AtVersion:
		return TLSVersion, w.why()
	case AtClient:
		return TLSClientCertificate, w.why()
	case AtHandshake:
		return TLSHandshake, w.why()
	case AtTLS:
		return NotTheService, w.why()
	case AtAnswer:
		return w.answerTrouble()
	case Reachable:
		if w.intercepted() {
			return TLSInterceptionTrusted, w.handshake()
		}
	}
	return "", ""
}

func (w Way) proxyTrouble() (Code, string) {
	switch w.ProxyStatus {
	case 0:
		return ProxyUnreachable, fmt.Sprintf("proxy %s: %s", w.Proxy, w.why())
	case 407:
		return ProxyAuthentication, fmt.Sprintf("proxy %s answered 407 to CONNECT %s", w.Proxy, w.Host)
	}
	return ProxyRefused, fmt.Sprintf("proxy %s answered %d to CONNECT %s", w.Proxy, w.ProxyStatus, w.Host)
}

func (w Way) answerTrouble() (Code, string) {
	if w.Status == 429 || w.Status >= 500 && w.ServiceShape {
		return ServiceIll, fmt.Sprintf("%s answered %d", w.Host, w.Status)
	}
	if w.Status == 0 {
		return NotTheService, w.why()
	}
	return NotTheService, fmt.Sprintf("%s answered %d to a question that every tenant answers", w.Host, w.Status)
}

// handshake is the evidence of a certificate.
func (w Way) handshake() string {
	if w.Issuer == "" {
		return w.why()
	}
	text := fmt.Sprintf("the certificate is from %q", w.Issuer)
	if w.Minted {
		text += ", who also made one for a name that does not exist, which only an inspecting product does"
	}
	if w.Failure != "" {
		text += "; " + w.why()
	}
	return text
}

// why is the failure without what the finding says already: the host, and that it
// was only looked at.
func (w Way) why() string {
	text := strings.TrimPrefix(strings.TrimPrefix(w.Failure, "tms: "), "discover: ")
	text = strings.TrimPrefix(text, "sent to "+w.Host+", but no answer came that can be read: ")
	text = strings.TrimPrefix(text, "sent to "+w.Host+", and the answer could not be read: ")
	return strings.TrimPrefix(text, "nothing was sent to "+w.Host+": ")
}

func judgeClock(f Facts) []doubt {
	for _, w := range f.Daemon.Ways {
		if skew := time.Duration(w.SkewSeconds) * time.Second; skew.Abs() > maxSkew {
			return []doubt{{code: ClockWrong, subject: w.Host, evidence: wrongBy(skew)}}
		}
	}
	return nil
}

// wrongBy says how wrong this device's clock is: the service's is right.
func wrongBy(skew time.Duration) string {
	side := "behind"
	if skew < 0 {
		side = "ahead of"
	}
	return fmt.Sprintf("this device's clock is %s %s the service's", skew.Abs(), side)
}

func judgeProviders(f Facts) []doubt {
	var out []doubt
	for _, w := range f.Daemon.Ways {
		if w.Provider != "" && len(w.Remembered) > 0 {
			out = append(out, doubt{code: ProviderMismatch, subject: w.Host, evidence: fmt.Sprintf("the tenant names %s now; auth tokens are from %s", w.Provider, strings.Join(w.Remembered, ", ")), known: theOne(refreshed(f, w.Host))})
		}
	}
	return out
}
