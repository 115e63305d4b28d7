package keyring

import (
	"bytes"
	"errors"
	"testing"

	ring "github.com/99designs/keyring"
)

// newSystem returns a system keyring over the library's one in memory.
func newSystem(items itemStore) *Keyring {
	return openSystem(func() (itemStore, error) { return items, nil })
}

func openSystem(open func() (itemStore, error)) *Keyring {
	all := &systemItems{open: open, limit: maxItem}
	k := newKeyring("fake", 0)
	k.key, k.mark = all.item("data-key /state"), all.item("mark /state")
	return k
}

func TestSystemSetsDamagedItemsAside(t *testing.T) {
	lib := ring.NewArrayKeyring([]ring.Item{
		{Key: "data-key /state", Data: []byte("damaged")},
		{Key: "data-key /state.corrupt-1", Data: []byte("damaged before")},
		{Key: "data-key /other", Data: []byte("of another state directory")},
	})
	k := newSystem(lib)
	made, err := k.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.Key(t.Context()); err != nil || !bytes.Equal(got, made) {
		t.Errorf("Key: got another one, %v", err)
	}
	wantItem(t, lib, "data-key /state.corrupt-1", "damaged before")
	wantItem(t, lib, "data-key /state.corrupt-2", "damaged")
	if err := k.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantItem(t, lib, "data-key /other", "of another state directory")
	if left, err := lib.Keys(); err != nil || len(left) != 1 {
		t.Errorf("after Forget: got %q, %v, want one of another state directory", left, err)
	}
}

func TestSystemKeepsUnreadableItems(t *testing.T) {
	if _, err := newSystem(unreadableKeyring{}).Create(t.Context()); !errors.Is(err, errRefused) {
		t.Errorf("got %v, want %v", err, errRefused)
	}
}

func TestSystemThatDoesNotOpenIsLocked(t *testing.T) {
	opens := 0
	k := openSystem(func() (itemStore, error) { opens++; return nil, ring.ErrNoAvailImpl })
	for range 2 {
		if _, err := k.Key(t.Context()); !errors.Is(err, ErrLocked) {
			t.Errorf("Key: got %v, want %v", err, ErrLocked)
		}
	}
	if err := k.Delete(t.Context()); !errors.Is(err, ErrLocked) {
		t.Errorf("Forget: got %v, want %v", err, ErrLocked)
	}
	if opens != 3 {
		t.Errorf("tried to open %d times, want at each call", opens)
	}
}

func TestSystemWindowsSizeLimit(t *testing.T) {
	s := newSystem(ring.NewArrayKeyring(nil))
	if err := s.SaveMark(t.Context(), make([]byte, maxItem)); err != nil {
		t.Errorf("%d bytes: %v", maxItem, err)
	}
	if err := s.SaveMark(t.Context(), make([]byte, maxItem+1)); err == nil {
		t.Errorf("%d bytes: got no error", maxItem+1)
	}
}

var errRefused = errors.New("access denied")

// unreadableKeyring is a keyring that lets nobody read, but everybody write.
type unreadableKeyring struct{}

func (unreadableKeyring) Get(string) (ring.Item, error) { return ring.Item{}, errRefused }
func (unreadableKeyring) Set(ring.Item) error           { return nil }
func (unreadableKeyring) Remove(string) error           { return nil }

func wantItem(t *testing.T, lib *ring.ArrayKeyring, key, want string) {
	t.Helper()
	if got, err := lib.Get(key); err != nil || string(got.Data) != want {
		t.Errorf("%s: got %q, %v, want %q", key, got.Data, err, want)
	}
}
