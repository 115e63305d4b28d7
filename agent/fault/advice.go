package fault

// AnInstance stands in a text for the instance that it is about: [Fault.Text]
// puts the name there, so that the text can be typed as it is.
const AnInstance = "APPLICATION/NUMBER"

var advice = map[Kind]string{
	InvalidRequest:        "the request is malformed; see ipc/PROTOCOL.md for the fields of each call",
	Denied:                "no rule admits this caller; an administrator can add one under the application's allow in the configuration",
	UnknownApplication:    "no application of this name is configured; an administrator adds it to config.yaml or config.d",
	UnknownInstance:       "the application has no instance of this number; see regent instances",
	NoFreeInstance:        "every instance is in use by a running process; end one, or have an administrator raise instances (each costs one count)",
	NotRegistered:         "waiting for a registration token; an administrator gives one with: regent register --file FILE",
	RegistrationExpired:   "the registration token is past its expiration date; ask the Contact Administrator for a new one, even if the old one has counts left",
	RegistrationExhausted: "the registration token has no count left: either its count is smaller than the number of devices and instances that use it, or unexpected users used it; the Contact Administrator can see who with tmsctl auth-token list, and make a new registration token",
	RegistrationRefused:   "the service refused the registration token; compare it with what the Contact Administrator gave out, and the tenant with its host",
	RedemptionUncertain:   "the answer to a redemption was lost, so a count may have been used; look whether tmsctl auth-token list shows the identifier that regent ledger does, then say so: regent ledger resolve IDENTIFIER --consumed, or --not-consumed",
	Revoked:               "an administrator of the service withdrew this auth token; only a person may redeem again, which costs one count: regent instances redeem " + AnInstance,
	RefreshLost:           "the answer to a refresh was lost and the service accepts the old refresh token no more; a person may redeem again, which costs one count: regent instances redeem " + AnInstance,
	RefreshExpired:        "the device was off for longer than the refresh token lives; a person may redeem again, which costs one count: regent instances redeem " + AnInstance,
	Throttled:             "asked too often; try again later",
	Unavailable:           "the service cannot be reached and no valid access token is held; check the network and the proxy",
	StoreLocked:           "the keyring does not give out the data key now; unlock it, then restart regentd; nothing was changed",
	StoreUnreadable:       "the state is there and cannot be read; nothing was changed; the daemon's log has the cause; an administrator mends it or restores the state directory, then restarts regentd",
	StoreMissing:          "the records are there and their key is not; restore the key material; nothing was changed",
	StoreRolledBack:       "the state directory is older than the keyring remembers, as after a restore from a backup; nothing was used",
	Quarantined:           "this device looks like a copy of another one, so nothing is served until an administrator decides",
	Internal:              "a defect in the agent; the daemon's log has the cause",
}

// Advice is what the kind means for its reader and the next step, in one
// sentence without a capital or a full stop. Every kind has one.
func (k Kind) Advice() string { return advice[k] }
