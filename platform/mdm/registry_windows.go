package mdm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// Read returns the key's values, sorted by name. A subkey is a value that is a
// map: that is how Group Policy writes lists. No key is no values.
func (r Registry) Read() ([]Value, error) {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, r.Path, registry.READ|registry.WOW64_64KEY)
	if errors.Is(err, registry.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer k.Close()                           //nolint:errcheck // opened for reading only
	names, err := k.ReadValueNames(maxValues) // io.EOF: those were all
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("list the values: %w", err)
	}
	var values []Value
	for _, name := range names {
		values = append(values, Value{Name: name, Source: r.String() + `\` + name, Data: value(k, name)})
	}
	subkeys, err := k.ReadSubKeyNames(maxValues)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("list the subkeys: %w", err)
	}
	for _, name := range subkeys {
		m, err := list(k, name)
		if err != nil {
			return nil, fmt.Errorf("read the subkey %s: %w", name, err)
		}
		values = append(values, Value{Name: name, Source: r.String() + `\` + name, Data: m})
	}
	slices.SortFunc(values, func(a, b Value) int { return strings.Compare(a.Name, b.Name) })
	return values, nil
}

// list returns the values of a subkey.
func list(k registry.Key, name string) (map[string]any, error) {
	sub, err := registry.OpenKey(k, name, registry.READ|registry.WOW64_64KEY)
	if err != nil {
		return nil, err
	}
	defer sub.Close() //nolint:errcheck // opened for reading only
	names, err := sub.ReadValueNames(maxValues)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	m := map[string]any{}
	for _, n := range names {
		m[n] = value(sub, n)
	}
	return m, nil
}

// value returns a value's data, nil if it is of a kind that no setting has.
// REG_EXPAND_SZ is not expanded: the environment is not part of policy.
func value(k registry.Key, name string) any {
	_, kind, err := k.GetValue(name, nil)
	if err != nil {
		return nil
	}
	switch kind {
	case registry.SZ:
		if s, _, err := k.GetStringValue(name); err == nil {
			return s
		}
	case registry.DWORD, registry.QWORD:
		if n, _, err := k.GetIntegerValue(name); err == nil && int64(n) >= 0 { //nolint:gosec // checked right here
			return int64(n) //nolint:gosec // checked above
		}
	case registry.MULTI_SZ:
		texts, _, err := k.GetStringsValue(name)
		if err != nil {
			return nil
		}
		all := make([]any, len(texts))
		for i, s := range texts {
			all[i] = s
		}
		return all
	}
	return nil
}

const (
	// registryPoll is the longest time between two looks: no notice is known to
	// be given of everything.
	registryPoll = 5 * time.Second
	// registrySettle gives whoever writes several values time to write them all.
	registrySettle = time.Second
)

// Watch calls changed whenever the key, or what is below it, may have changed,
// until ctx is done. The key may come, go and come again.
func (r Registry) Watch(ctx context.Context, changed func()) error {
	return r.watch(ctx, registryPoll, changed)
}

// watch keeps one thread, since a notice ends with the thread that asked for it.
func (r Registry) watch(ctx context.Context, poll time.Duration, changed func()) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	stop, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return fmt.Errorf("watch %s: %w", r, err)
	}
	woken := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		_ = windows.SetEvent(stop) // if it fails, the poll finds ctx done
		close(woken)
	})
	defer func() {
		if !unhook() {
			<-woken
		}
		_ = windows.CloseHandle(stop) // nothing follows
	}()
	for ctx.Err() == nil {
		if err := r.wait(ctx, stop, poll, changed); err != nil {
			return fmt.Errorf("watch %s: %w", r, err)
		}
		settled := time.NewTimer(registrySettle)
		select {
		case <-ctx.Done():
			settled.Stop()
		case <-settled.C:
		}
	}
	return nil
}

// wait arms the notices, has everything looked at that happened before, and
// returns when one is given, or after poll.
func (r Registry) wait(ctx context.Context, stop windows.Handle, poll time.Duration, changed func()) error {
	notices := []windows.Handle{stop}
	key, err := openToWatch(r.Path)
	switch {
	case err == nil:
		defer key.Close() //nolint:errcheck // opened for notices only
		if notices, err = armNotice(notices, key, true); err != nil {
			return err
		}
	case !errors.Is(err, registry.ErrNotExist):
		return err
	}
	// Above it: that the key comes is a change there, and that it goes is told
	// by some systems there only.
	above, err := nearestAbove(r.Path)
	if err != nil {
		return err
	}
	defer above.Close() //nolint:errcheck // opened for notices only
	if notices, err = armNotice(notices, above, false); err != nil {
		return err
	}
	defer func() {
		for _, h := range notices[1:] {
			_ = windows.CloseHandle(h) // nothing follows
		}
	}()
	if ctx.Err() == nil {
		changed()
	}
	_, err = windows.WaitForMultipleObjects(notices, false, uint32(poll/time.Millisecond)) //nolint:gosec // a positive constant
	return err
}

// armNotice asks for a notice of the next change and appends its event. A key that
// was deleted since it was opened gives none, and needs none.
func armNotice(notices []windows.Handle, k registry.Key, whole bool) ([]windows.Handle, error) {
	const filter = windows.REG_NOTIFY_CHANGE_NAME | windows.REG_NOTIFY_CHANGE_LAST_SET
	notice, err := windows.CreateEvent(nil, 0, 0, nil)
	if err != nil {
		return notices, err
	}
	err = windows.RegNotifyChangeKeyValue(windows.Handle(k), whole, filter, notice, true)
	if err != nil {
		_ = windows.CloseHandle(notice) // nothing follows
		if errors.Is(err, windows.ERROR_KEY_DELETED) {
			return notices, nil
		}
		return notices, err
	}
	return append(notices, notice), nil
}

func openToWatch(path string) (registry.Key, error) {
	return registry.OpenKey(registry.LOCAL_MACHINE, path, registry.NOTIFY|registry.WOW64_64KEY)
}

// nearestAbove opens the nearest key above path that exists.
func nearestAbove(path string) (registry.Key, error) {
	for {
		path = path[:max(strings.LastIndexByte(path, '\\'), 0)]
		k, err := openToWatch(path)
		if err == nil || path == "" || !errors.Is(err, registry.ErrNotExist) {
			return k, err
		}
	}
}
