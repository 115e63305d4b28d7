package doctor

var tokenCodes = []Entry{
	{
		RegistrationMissing, Failure, "no registration token was given yet",
		"Instances are configured that have no auth token, and there is no registration token to redeem for them.",
		"Ask the administrator of this device for a registration token.", "Ask the Contact Administrator for a registration token with a count for each instance that waits. Save it in a file, then run: " + registerStep + " Or name the file in registration_token_file.", "Make one with tmsctl registration-token create; count is devices times instances.",
	},
	{
		RegistrationFile, Warning, "the file or credential of a registration token needs attention",
		"Regent did not seal the file: its content is not a registration token, another program still writes it, or other users can read it. Or Regent sealed it, and cannot erase it yet.",
		tellIT, "Do what the evidence says. Regent did not change the file. Correct it in place, and regentd seals it within seconds. Or save the registration token in another file, then run: " + registerStep, noContactStep,
	},
	{
		RegistrationExpired, Failure, "the registration token is past its expiration date",
		"The service refused it as expired. Counts that were left have lapsed.",
		"Tell the administrator of this device that a new registration token is needed.", "Ask the Contact Administrator for a new registration token. Save it in a file, then run: " + registerStep, "Make a new one, or extend this one: tmsctl registration-token extend ID.",
	},
	{
		RegistrationExhausted, Failure, "the registration token has no count left",
		"Its count is smaller than the number of devices and instances that use it, or unexpected users used it.",
		"Tell the administrator of this device that the counts are used up.", "Ask the Contact Administrator for a new registration token with a count for each instance that waits. Save it in a file, then run: " + registerStep + " If the count of the old one is raised instead, it is tried again by itself within six hours, or at once with: regent instances redeem APPLICATION/NUMBER", "Find out who used the counts: tmsctl investigate. Then tmsctl registration-token raise-count ID, or make a new one.",
	},
	{
		RegistrationDisabled, Failure, "the registration token is disabled",
		"Somebody disabled it at the service, which says so in the evidence. No count was used.",
		"Tell the administrator of this device that the registration token is disabled.", "Ask the Contact Administrator to enable it, or for another one. Once it is enabled, it is tried again by itself within six hours, or at once with: regent instances redeem APPLICATION/NUMBER. Another one is saved in a file, then: " + registerStep, "Enable it, if that is meant: tmsctl registration-token enable ID.",
	},
	{
		RegistrationRefused, Failure, "the service refused the registration token",
		"It is not one of this tenant, was deleted, or is not whole: its text is in the evidence.",
		"Tell the administrator of this device that the registration token is refused.", "Compare the fingerprint and the tenant in the evidence with what tmsctl registration-token list shows to the Contact Administrator. Save the right one in a file, then run: " + registerStep, "Look for it in tmsctl registration-token list; make a new one if it is gone.",
	},
	{
		RedemptionUncertain, Failure, "it is not known whether a redemption used a count",
		"The answer to a redemption was lost, so the service may have given out an auth token that never arrived. Nothing is repeated blindly.",
		"Tell the administrator of this device the instance in the evidence.", "Ask the Contact Administrator whether tmsctl auth-token list shows IDENTIFIER. If it does, a count was used, and what it bought is lost: regent ledger resolve IDENTIFIER --consumed, then regent instances redeem APPLICATION/NUMBER, which costs a second count. If it does not: regent ledger resolve IDENTIFIER --not-consumed, and the instance is redeemed by itself, for one count.", "Look whether tmsctl auth-token list shows the identifier. If it does, that auth token can be deleted; no count comes back.",
	},
	{
		RedemptionUnconfirmed, Failure, "instances wait until somebody confirms the first redemption",
		"The service accepted one redemption, and its reply does not show the identifier or the names that Regent sent; or its reply was lost or could not be read. If the service ignored the names, its list does not show which device used the count. Regent therefore redeems no other instance.",
		"Tell the administrator of this device the instance in the evidence.", "Ask the Contact Administrator whether tmsctl auth-token list shows IDENTIFIER. If it does, run: regent ledger resolve IDENTIFIER --listed. Regent then redeems the waiting instances. If it does not, run: regent ledger resolve IDENTIFIER --not-listed. Regent then tries again, after an accepted redemption in the other form, which costs one count.", "Check whether tmsctl auth-token list shows the identifier. If it does, set contract.request and contract.request_confirmed for the fleet.",
	},
	{
		Revoked, Failure, "the service no longer accepts the auth token of an instance",
		"The service refuses to refresh it: it was deleted there, or its session was ended.",
		"Tell the administrator of this device that the instance has ended.", "Ask the Contact Administrator whether it was meant. If the instance is to work again: regent instances redeem APPLICATION/NUMBER, which costs one count. " + paymentStep, "Say whether it was meant; tmsctl auth-token list shows what is left.",
	},
	{
		RefreshLost, Failure, "the refresh token of an instance is lost",
		"The answer to a refresh was lost, and the service no longer accepts the old refresh token.",
		"Tell the administrator of this device the instance in the evidence.", "Redeem it again, which costs one count: regent instances redeem APPLICATION/NUMBER. " + paymentStep, "Delete the old auth token, if you like: tmsctl auth-token delete ID.",
	},
	{
		RefreshExpired, Failure, "the refresh token of an instance has reached its end",
		"The device was off for longer than the refresh token lives, or the service ended the session at its maximum.",
		"Tell the administrator of this device the instance in the evidence.", "Redeem it again, which costs one count: regent instances redeem APPLICATION/NUMBER. " + paymentStep + " For devices that are to do so by themselves, see refresh.on_refresh_expired. Where session_ends is found too, the next one ends as soon.", "Have the refresh tokens' life made longer; where sessions end, see session_ends.",
	},
}

var sessionCodes = []Entry{
	{
		RefreshUncertain, Failure, "the service refuses to refresh, and no refresh mode has worked at this tenant yet",
		"The vendor does not document how the service refreshes. The service refused each mode that refresh.mode allows. The mode may be wrong, or the service may have ended the auth token. Regent keeps the auth tokens and retries.",
		"Tell the administrator of this device this code and the evidence. Applications get the current access tokens until they expire.", "Find the tenant's refresh modes: sudo regent doctor --contract. If refresh.mode is not auto, set refresh.mode: auto. Ask the Contact Administrator whether tmsctl auth-token list still shows the auth token. Only if it is gone, run: regent instances forget APPLICATION/NUMBER. Then run: regent instances redeem APPLICATION/NUMBER. This costs one count.", "Check whether tmsctl auth-token list shows the auth token. Ask the vendor how this tenant refreshes.",
	},
	{
		SessionEnds, Warning, "the service ends every session after a time",
		"The identity provider has a session maximum: no refresh moves that end, and each auth token of the tenant is of no use after it. Offline tokens have no session, so they have no such end.",
		tellIT, "Ask the Contact Administrator for offline tokens. Until then each instance needs another count after each end. Run: regent instances redeem APPLICATION/NUMBER. Or set refresh.on_refresh_expired: redeem. Regent then redeems, at most once per instance in 30 days.", "Enable offline tokens (scope offline_access) at the tenant, or make the session maximum longer. tmsctl plan --session-max shows the cost in counts.",
	},
	{
		DeviceRenamed, Info, "the service knows this device by an earlier name",
		"The device was renamed, or its domain depends on the network. Regent still sends the name of the first redemption. So the Contact Administrator sees one device.",
		"Nothing: applications get access tokens as before.", "Nothing. To find this device at the service, run: tmsctl auth-token list --fqdn FQDN. To use the new name, register the device again. regent store reset shows what that costs.", "Look for the earlier name. The ref ID 2 of the auth tokens does not change with the name.",
	},
	{
		RefreshLimited, Warning, "access tokens expire before the next refresh is allowed",
		"The lifetime of access tokens is not longer than limits.refresh_floor. Applications wait from the expiry of one token until the next refresh. This also happens shortly before a session ends.",
		"Retry after a few seconds. If that does not help, tell the administrator of this device this code and the evidence.", "Ask the Contact Administrator for access tokens with a longer lifetime. If regent status says that sessions end, ask for offline tokens. You can also make limits.refresh_floor shorter: regent policy explain limits.refresh_floor.", "Set the lifetime of access tokens to 1 m or more. If sessions end, enable offline tokens (scope offline_access).",
	},
	{
		StatusDegraded, Warning, "regent status reports a problem, and doctor found no cause",
		"The evidence is the summary of regent status. Most often the problem ends within minutes, for example after the device was off.",
		"Wait a few minutes, then run regent doctor again. If the problem stays, tell the administrator of this device this code and the evidence.", "Wait a few minutes, then run regent doctor again. If the problem stays, run: regent status. It shows the last fault of each instance.", noContactStep,
	},
	{
		StatusNotServing, Failure, "no application gets a token, and doctor found no cause",
		"The evidence is the summary of regent status.",
		tellITStop, "Run: regent status. It shows the last fault of each instance. To explain its code, run: regent doctor explain CODE", noContactStep,
	},
}

var storeCodes = []Entry{
	{
		StoreLocked, Failure, "the data key is not given out now",
		"The keyring, or the credential of the service manager that opens it, does not answer or refuses.",
		tellITStop, "Unlock the keyring, then run: regent reload. Nothing was changed and no count used.", noContactStep,
	},
	{
		StoreUnreadable, Failure, "the sealed state is there and cannot be read",
		"A record or the ledger was damaged or altered, or the directory cannot be read.",
		tellITStop, "regent store status names the damage. Restore the state directory from a backup and run regent reload. Without a backup: regent store recover says what going on without it costs, and does it only with --yes.", noContactStep,
	},
	{
		StoreMissing, Failure, "the sealed records are there and the key to them is missing",
		"The key material was deleted, or only the records were restored or copied.",
		tellITStop, "Restore the key from a backup, then run regent reload. With the file keyring, the key is in STATE/keyring, and its passphrase in STATE/keyring.passphrase unless systemd keeps that. Without a backup: regent store recover says what going on without the records costs, and does it only with --yes.", "Auth tokens that this device gives up can be deleted: tmsctl auth-token delete.",
	},
	{
		StoreRolledBack, Failure, "the state directory is older than it should be",
		"An older copy of it was put back, as after a restore from a backup or a snapshot. Refresh tokens in it may have been used since.",
		tellITStop, "Put the newest copy back if there is one; else regent store recover says what going on costs, and does it only with --yes.", noContactStep,
	},
	{
		Quarantined, Failure, "this device looks like a copy of another one",
		"The state was made on another device: a cloned disk, a golden image that was not sealed, or an exchanged main board.",
		tellITStop, "Find out whether another device with this state is still running. If none is: regent store adopt, which costs nothing; but if one is, the two take each other's tokens away. If one is: regent store register-again, which costs one count for each instance, from a registration token. Each says first what it does, and does it only with --yes. Before making images: regent seal-image.", "Two devices with one ref ID 2 in tmsctl auth-token list are copies of each other.",
	},
	{
		DiskFull, Failure, "the file system of the state is full",
		"Nothing can be written, so nothing can be redeemed, and no new token be kept.",
		tellIT, "Free space on the file system in the evidence. Nothing else is needed: what could not be written is tried again.", noContactStep,
	},
	{
		StateNotWritable, Failure, "the state directory cannot be written",
		"Its owner or mode was changed, it was removed, or its file system is read-only.",
		tellIT, "Do what the evidence says, then run regent reload.", noContactStep,
	},
}
