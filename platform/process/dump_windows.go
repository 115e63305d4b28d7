package process

// disableDump does nothing: Windows Error Reporting is the administrator's to
// configure, and keeps no dumps of services unless told to.
func disableDump() error { return forbidDump() }
