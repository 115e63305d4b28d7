package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"regent/agent"
	"regent/agent/address"
	"regent/agent/audit"
	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/status"
	"regent/agent/store"
	"regent/agent/store/admin"
	"regent/agent/tms"
	"regent/platform/device"
	"regent/platform/keyring"
	"regent/platform/layout"
	"regent/platform/peer"
	"regent/platform/statedir"
)

// keyringTimeout bounds one call of a keyring: some providers never answer.
const keyringTimeout = 10 * time.Second

// daemon has the objects that run opens and must close.
type daemon struct {
	agent   *agent.Agent
	store   *admin.Manager // nil without a keyring
	guard   status.Store
	audit   *audit.Limiter
	image   bool // this machine is a golden image: the daemon writes nothing into it
	uid     int
	closers []func() error // in the order of opening
}

func (d *daemon) close() error {
	var errs []error
	for _, closeOne := range slices.Backward(d.closers) {
		errs = append(errs, closeOne())
	}
	return errors.Join(errs...)
}

// open locks the state directory, unlocks the store and creates the agent. An unusable
// store does not prevent the start: the agent then reports it to every caller.
func (o *options) open(ctx context.Context, s policy.Settings, problems []policy.Problem, log *slog.Logger) (d *daemon, err error) {
	d = &daemon{uid: os.Getuid()}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	dir, err := statedir.Open(o.stateDir)
	if err != nil {
		return d, err
	}
	d.closers = append(d.closers, dir.Close)
	deps, err := o.deps(s, problems, log)
	if err != nil {
		return d, err
	}
	// 1. The pending store operation, while no file of the directory is open.
	custodian, locked := o.prepareStore(ctx, s.Store, &deps)
	// 2. The audit log. A golden image has none.
	if err := o.openAudit(d, &deps); err != nil {
		return d, err
	}
	d.watchResumes(ctx, &deps)
	if locked == nil {
		locked = unlock(ctx, custodian, d, &deps)
	}
	if locked != nil {
		deps.Unusable = unusable(ctx, log, locked)
	}
	d.agent, err = agent.New(ctx, deps)
	if f, ok := errors.AsType[*fault.Fault](err); ok && deps.Unusable == nil {
		deps.Unusable = unusable(ctx, log, f)
		deps.StoreStatus.State = string(store.Unreadable)
		d.agent, err = agent.New(ctx, deps)
	}
	d.storeStarted()
	d.guard = deps.StoreStatus
	return d, err
}

// storeStarted tells the store that the start has read its records.
func (d *daemon) storeStarted() {
	if d.store != nil && d.store.Store() != nil {
		d.store.Store().Started()
	}
}

// watchResumes reports each resume from sleep to the agent, if the system does so.
func (d *daemon) watchResumes(ctx context.Context, deps *agent.Deps) {
	woke, stop, err := device.WatchResumes()
	if err != nil {
		deps.Log.WarnContext(ctx, "the system does not report a resume from sleep; regentd notices it up to 30 s later", "err", err)
		return
	}
	deps.Wakeups, deps.WakeupsComplete = woke, device.ReportsAllResumes
	d.closers = append(d.closers, stop)
}

// openAudit opens the audit log for the agent.
func (o *options) openAudit(d *daemon, deps *agent.Deps) (err error) {
	if d.image, err = admin.InImage(o.stateDir, deps.Clock.BootID()); err != nil {
		return fmt.Errorf("read the state directory: %w", err)
	}
	var records audit.Log = discardAudit{}
	if !d.image {
		file, err := audit.OpenFile(filepath.Join(o.stateDir, "audit.jsonl"))
		if err != nil {
			return err
		}
		d.closers = append(d.closers, file.Close)
		records = file
	}
	d.audit = audit.NewLimiter(mirrorToJournal(records, deps.Log), now, deps.Log)
	d.closers = append(d.closers, d.audit.Close)
	deps.Audit = d.audit
	return nil
}

// discardAudit is the audit log of a golden image. Copies of the image must not have a
// history.
type discardAudit struct{}

func (discardAudit) Record(context.Context, audit.Event) error { return nil }

func unusable(ctx context.Context, log *slog.Logger, err error) *fault.Fault {
	log.ErrorContext(ctx, "cannot use the store; regentd denies every request and changes nothing", "err", err)
	return fault.From(err)
}

// deps returns the agent's dependencies that need no store.
func (o *options) deps(s policy.Settings, problems []policy.Problem, log *slog.Logger) (agent.Deps, error) {
	clock, err := device.ReadClock()
	if err != nil {
		return agent.Deps{}, fmt.Errorf("read the boot clock: %w", err)
	}
	called, err := hostNames(log)
	if err != nil {
		return agent.Deps{}, err
	}
	return agent.Deps{
		Version: version, Clock: clock, Settings: s, Problems: forStatus(problems), ConfigFile: absolute(o.config), SetupCommand: layout.SetupCommand,
		StateDir: o.stateDir, Service: newService(log), Log: log,
		DeviceNames: called,
		Random:      mathrand.Float64, NewID: newID, ReopenProcess: adopt, Executable: peer.Executable, IsDiskFull: statedir.IsDiskFull,
	}, nil
}

// hostNames returns a function that reads the current names of this device. If a later read
// fails, it returns the previous names.
func hostNames(log *slog.Logger) (func() agent.DeviceNames, error) {
	first, err := device.ReadNames()
	if err != nil {
		return nil, fmt.Errorf("read the names of this host: %w", err)
	}
	var last atomic.Pointer[device.Names]
	last.Store(&first)
	return func() agent.DeviceNames {
		if now, err := device.ReadNames(); err != nil {
			log.Warn("cannot read the names of this host; using the earlier names", "err", err)
		} else {
			last.Store(&now)
		}
		return agent.DeviceNames(*last.Load())
	}, nil
}

// prepareStore opens the keyring and runs the pending store operation.
func (o *options) prepareStore(ctx context.Context, s policy.Store, deps *agent.Deps) (admin.Deps, error) {
	noted, unread := o.loadFacts()
	if unread != nil {
		deps.Log.WarnContext(ctx, "cannot use the host facts that root has written", "err", unread)
	}
	ring, err := openKeyring(keyring.Options{
		Kind: s.Keyring, StateDir: o.stateDir, CredentialsDir: os.Getenv("CREDENTIALS_DIRECTORY"), Timeout: keyringTimeout,
		CredentialSealer: keyring.Sealer(noted.CredentialSealer),
	})
	if err != nil {
		deps.StoreStatus = status.Store{State: string(store.Unreadable), Guard: s.Keyring, Detail: err.Error()}
		return admin.Deps{}, fault.Errorf("open the keyring", fault.StoreUnreadable, "%v", err).WithCause(err)
	}
	deps.StoreStatus = status.Store{Guard: ring.Kind(), Detail: ring.Description()}
	custodian := admin.Deps{
		Dir: o.stateDir, Lock: statedir.LockName, Keyring: ring, Facts: admin.Facts(noted.Facts), BootID: deps.Clock.BootID(),
		OnClone: s.OnClone, Clock: deps.Clock, Log: deps.Log,
	}
	o.jobs.runPending(ctx, custodian)
	return custodian, nil
}

// unlock opens the store with the data key from the keyring.
func unlock(ctx context.Context, custodian admin.Deps, d *daemon, deps *agent.Deps) error {
	d.store = admin.New(custodian)
	d.closers = append(d.closers, d.store.Close)
	err := d.store.Open(ctx)
	deps.StoreStatus.State = string(d.store.State())
	if err != nil {
		return err
	}
	if d.store.Binding() == admin.Off {
		deps.StoreStatus.Detail += "; not bound to this device: too few of its facts are known to notice a copy, for example in a container"
	}
	deps.Store = d.store.Store()
	deps.LedgerKey, err = d.store.LedgerKey()
	return err
}

// loadFacts returns the facts of this device from root's file, or those that this process
// can read itself.
func (o *options) loadFacts() (device.RootFacts, error) {
	n, err := device.ReadFactsFile(o.hostFacts)
	if err != nil {
		n = readFacts()
	}
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return n, err
}

// newService returns a function that creates clients of the remote service.
func newService(log *slog.Logger) func(string, policy.Settings, func(time.Time)) (agent.Service, error) {
	return func(base string, s policy.Settings, observe func(time.Time)) (agent.Service, error) {
		n := s.Network
		extra, err := readTrusted("network.ca_file", n.CAFile, readCertificates)
		if err != nil {
			return nil, err
		}
		credentials, err := readTrusted("network.proxy_credentials_file", n.ProxyCredentialsFile, readCredentials)
		if err != nil {
			return nil, err
		}
		return tms.New(tms.Options{
			Tenant: base, Proxy: n.Proxy, Environment: address.FromEnvironment(os.Getenv), ProxyCredentials: credentials, ExtraCA: extra, Timeout: n.Timeout,
			Forms: forms(s.Contract), UserAgent: "regentd/" + version, Now: now, Observe: observe, Log: log,
		})
	}
}

// readTrusted reads a file that a key of the configuration names. It refuses a file that
// other users may write. For an empty name it returns the zero value. The error contains
// nothing of the file's content.
func readTrusted[T any](key, name string, read func(name string) (T, error)) (none T, err error) {
	if name == "" {
		return none, nil
	}
	content, err := read(name)
	if err == nil {
		_, err = checkOwnWriters(name)
	}
	if err != nil {
		return none, fmt.Errorf("%s %s: %w", key, name, err)
	}
	return content, nil
}

// readCertificates reads a file of further CA certificates. The error does not name it.
func readCertificates(name string) ([]byte, error) {
	extra, err := readFile(name)
	if err == nil {
		_, err = tms.ReadBundle(extra, now())
	}
	if err != nil {
		return nil, fmt.Errorf("%w; put the certificate there, or correct the key", err)
	}
	return extra, nil
}

// readFile reads a regular file. The error does not name it.
func readFile(name string) ([]byte, error) { return readRegular(name, os.Stat) }

// forms converts the settings of the contract to the client's type. Neither package imports
// the other.
func forms(c policy.Contract) tms.Forms {
	return tms.Forms{Path: c.BasePath, Reply: c.Reply, AccessToken: c.AccessTokenName, Authorization: c.RegistrationHeader}
}

// newID returns 64 bits from the system's source of randomness, as hex.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}
