package fault

// InstancePlaceholder stands in a text for the instance that it is about: [Fault.Prometheus]
// puts the name there, so that the text can be typed as it is.
const InstancePlaceholder = "APPLICATION/NUMBER"

var advice = map[Kind]string{
	InvalidRequest:        "the request is malformed; PROTOCOL.md, which is beside the guides, has the fields of each call",
	Denied:                "no rule admits this caller; an administrator can add one under the application's allow in the configuration",
	UnknownApplication:    "no application of this name is configured; an administrator adds it to config.yaml or config.d",
	UnknownInstance:       "the application has no instance of this number; see regent instances",
	NoFreeInstance:        "every instance is in use by a running process; end one, or have an administrator raise instances (each costs one count)",
	NotRegistered:         "waiting for a registration token; an administrator gives one with: regent register --file FILE",
	RegistrationExpired:   "the registration token is past its expiration date; ask the Contact Administrator for a new one, even if the old one has counts left",
	RegistrationExhausted: "the registration token has no count left: its count is smaller than the number of devices and instances that use it, or unexpected users used it; ask the Contact Administrator for a new one, or for more counts on this one",
	RegistrationRefused:   "the service refused the registration token; compare it with what the Contact Administrator gave out, and the tenant with its host",
	RedemptionUncertain:   "the answer to a redemption was lost, so a count may have been used; ask the Contact Administrator whether tmsctl auth-token list shows the identifier that regent ledger does, then say so: regent ledger resolve IDENTIFIER --consumed if it does, or --not-consumed if it does not",
	RedemptionUnconfirmed: "the service accepted one redemption, but its reply does not show the names of this device, was lost or could not be read; Regent redeems no other instance until somebody confirms it; regent ledger shows the IDENTIFIER: ask the Contact Administrator whether tmsctl auth-token list shows it too; if it does, run: regent ledger resolve IDENTIFIER --listed; if not, run: regent ledger resolve IDENTIFIER --not-listed",
	Revoked:               "the service takes this auth token no more: it was deleted there, or its session was ended; ask the Contact Administrator whether that was meant; it is not redeemed again by itself, and doing so costs one count: regent instances redeem " + InstancePlaceholder,
	RefreshLost:           "the answer to a refresh was lost and the service accepts the old refresh token no more; it is not redeemed again by itself, and doing so costs one count: regent instances redeem " + InstancePlaceholder,
	RefreshExpired:        "the refresh token has reached its end: the device was off for longer than it lives, or the service has ended the session; to redeem again costs one count: regent instances redeem " + InstancePlaceholder,
	RefreshUncertain:      "the service refuses to refresh, and no refresh mode has worked at this tenant yet; Regent keeps the auth token and retries; to see the refresh modes of the tenant, run: sudo regent doctor --contract; to replace the auth token, which costs one count, run: regent instances forget " + InstancePlaceholder + ", then regent instances redeem " + InstancePlaceholder,
	Throttled:             "asked too often; try again later",
	Unavailable:           "the service cannot be reached and no valid access token is held; check the network and the proxy",
	StoreLocked:           "the keyring does not give out the data key now; unlock it, then restart regentd; nothing was changed",
	StoreUnreadable:       "the state is there and cannot be read; nothing was changed; the daemon's log has the cause; an administrator mends it or restores the state directory, then restarts regentd",
	StoreMissing:          "the sealed records are there and the key to them is missing; nothing was changed; restore the key material",
	StoreRolledBack:       "the state directory is older than the keyring remembers, as after a restore from a backup; nothing was used",
	Quarantined:           "this device looks like a copy of another one, so nothing is served until an administrator decides",
	Internal:              "a defect in the agent; the daemon's log has the cause",
}

// Advice is what the kind means for its reader and the next step, in one
// sentence without a capital or a full stop. Every kind has one.
func (k Kind) Advice() string { return advice[k] }
