package fault

// Stage is how far a request to the service came. Its text is wire format.
type Stage string

// The stages, in their order. Those from StageTrust to StageTLS end in the TLS
// handshake. At StageDone there is no failure.
const (
	StageSettings          Stage = "settings"    // a network setting is invalid
	StageProxy             Stage = "proxy"       // no connection to the proxy, or it refused
	StageDNS               Stage = "dns"         // the name was not found
	StageConnect           Stage = "connect"     // no connection
	StageTrust             Stage = "trust"       // the certificate is signed by an unknown authority
	StageName              Stage = "name"        // the certificate or the server does not have this name
	StageCertificate       Stage = "certificate" // the certificate is not valid today, or not for this use
	StageVersion           Stage = "tls_version" // no common TLS version or cipher suite
	StageClientCertificate Stage = "tls_client"  // the server asks for a client certificate
	StageHandshake         Stage = "handshake"   // any other failure of the handshake
	StageTLS               Stage = "tls"         // the server does not speak TLS
	StageAnswer            Stage = "answer"      // the answer is not the service's
	StageDone              Stage = "reachable"   // the service gave its usual answer
)
