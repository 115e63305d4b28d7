package fault

import "strings"

// InstancePlaceholder stands in a text for the name of the instance. [Fault.Text] replaces
// it, so that a reader can copy the command.
const InstancePlaceholder = "APPLICATION/NUMBER"

// redeemAgain ends the texts of ended auth tokens.
const redeemAgain = ". To redeem again, which costs one count, run: sudo regent instances redeem " + InstancePlaceholder

// WithoutRedeemAgain removes the command that redeems an instance again from a text, for an
// instance that a person asked to redeem.
func WithoutRedeemAgain(text string) string {
	before, _, _ := strings.Cut(text, Commands(strings.TrimSuffix(redeemAgain, InstancePlaceholder)))
	return before
}

var advice = map[Kind]string{
	InvalidRequest:        "the request is malformed. PROTOCOL.md, which is beside the guides, has the fields of each call",
	Denied:                "no allow rule admits this caller. An administrator can add one under allow of the application",
	UnknownApplication:    "no application of this name is configured. An administrator adds it with: sudo regent setup",
	UnknownInstance:       "the application has no instance of this number. To see the instances, run: regent instances",
	NoFreeInstance:        "every instance is in use by a running process. End one, or ask an administrator to raise instances (each costs one count)",
	NotRegistered:         "waiting for a registration token. An administrator runs: sudo regent register --file FILE",
	RegistrationExpired:   "the registration token has expired. Ask the Contact Administrator for a new one, even if the old one has counts left",
	RegistrationExhausted: "the registration token has no count left: its count is smaller than the number of devices and instances, or unexpected users used it. Ask the Contact Administrator for a new one, or for more counts on this one",
	RegistrationRefused:   "the service refused the registration token. It may be incomplete, or of another tenant. Save it again, then run: sudo regent register --file FILE",
	RedemptionUncertain:   "the answer to a redemption was lost, so it may have used a count. Ask the Contact Administrator whether tmsctl auth-token list shows the IDENTIFIER that regent ledger shows. If it does, run: sudo regent ledger resolve IDENTIFIER --consumed. If not, run it with --not-consumed",
	RedemptionUnconfirmed: "the service accepted one redemption, but no reply showed the names of this device. Regent redeems no other instance until you confirm it. Ask the Contact Administrator whether tmsctl auth-token list shows the IDENTIFIER that regent ledger shows. If it does, run: sudo regent ledger resolve IDENTIFIER --listed. If not, run it with --not-listed",
	Revoked:               "the service no longer accepts this auth token: it was deleted at the service, or its session ended. Regent does not redeem it again by itself. Ask the Contact Administrator whether that was intended" + redeemAgain,
	RefreshLost:           "the answer to a refresh was lost, and the service no longer accepts the old refresh token. Regent does not redeem it again by itself" + redeemAgain,
	RefreshExpired:        "the refresh token has expired: the device was off for too long, or the service ended the session" + redeemAgain,
	RefreshUncertain:      "the service refuses to refresh, and no refresh mode has worked at this tenant yet. Regent keeps the auth token and retries. To see the refresh modes, run: sudo regent doctor --contract. To replace the auth token, which costs one count, run: sudo regent instances forget " + InstancePlaceholder + ", then sudo regent instances redeem " + InstancePlaceholder,
	Throttled:             "too many requests",
	Unavailable:           "the service cannot be reached, and no valid access token is stored. Check the network and the proxy",
	StoreLocked:           "the keyring is locked, so the data key cannot be read; nothing was changed. Unlock it, then restart regentd",
	StoreUnreadable:       "the state cannot be read; nothing was changed. Correct the cause, which is in the log of regentd, or restore the state directory. Then restart regentd",
	StoreMissing:          "the sealed records are there, but their key is missing; nothing was changed. Restore the key material",
	StoreRolledBack:       "the state directory is older than the keyring remembers, as after a restore from a backup, so Regent uses nothing from it. If there is a newer copy, restore it, then run: sudo regent reload. If not, run: sudo regent store recover",
	Quarantined:           "this device looks like a copy of another one, so Regent issues no token until an administrator decides. If no other device with this state runs, an administrator runs: sudo regent store adopt. If one does, they run: sudo regent store register-again",
	Internal:              "this is a defect of regentd. The cause is in its log: journalctl -u regentd, or on Windows the event log (source regentd)",
}

// Advice is the meaning of the kind and the next step: one to four sentences, the first
// without a capital, the last without a full stop. Every kind has one.
func (k Kind) Advice() string { return advice[k] }
