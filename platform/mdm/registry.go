package mdm

// Registry names a key below HKEY_LOCAL_MACHINE, in the 64-bit view: only
// administrators write there. What belongs to a user is never looked at, since
// no user's hive may steer a service.
type Registry struct{ Path string }

// String returns the key's full name.
func (r Registry) String() string { return `HKLM\` + r.Path }
