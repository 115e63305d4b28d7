package device

import "time"

// ReadBoot returns a name for this boot, which no other boot of this machine has,
// and a clock that tells how long ago it was. The clock counts sleep, nobody can
// set it, and it never goes back; it is safe for concurrent use. The name is ""
// where the system has none: then times cannot be compared across processes.
func ReadBoot() (id string, since func() time.Duration, err error) { return readBoot() }

// ReportsAllResumes says whether WatchResumes reports every resume and every change of the
// clock, so polling is not needed.
const ReportsAllResumes = reportsAllResumes

// WatchResumes returns a channel that receives after the machine has resumed from sleep,
// until stop; nil where nobody is told, which is everywhere but on Linux. It is closed
// when nothing will be told any more. A resume that nobody has received yet is told once.
func WatchResumes() (woke <-chan struct{}, stop func() error, err error) { return watchResumes() }
