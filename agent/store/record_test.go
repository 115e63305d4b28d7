package store

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"pgregory.net/rapid"
)

func testSealer(t testing.TB) *sealer {
	t.Helper()
	b, err := newSealer(bytes.Repeat([]byte{7}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFormat1 is a record as the first release wrote it. If this fails, a new
// release no longer reads what is on the devices: raise the format instead.
func TestFormat1(t *testing.T) {
	file, err := os.ReadFile("testdata/format1.rec")
	if err != nil {
		t.Fatal(err)
	}
	rec, err := testSealer(t).open(file)
	if err != nil || rec.name != "cad/1" || rec.version != 2 || string(rec.value) != "written by the first release" {
		t.Errorf("got %+v, %v", rec, err)
	}
	if got := rec.encode(); !bytes.Equal(got, file[:rec.size]) {
		t.Errorf("encode: got %q, want %q", got, file[:rec.size])
	}
}

// TestHeaderIsBound moves a sealed part under another header of the same key.
func TestHeaderIsBound(t *testing.T) {
	b := testSealer(t)
	file := b.seal("a", 2, []byte("value"))
	sealed := file[nameAt+1:]
	for name, h := range map[string]header{
		"other name":    {keyID: b.keyID, version: 2, name: "b"},
		"longer name":   {keyID: b.keyID, version: 2, name: "aa"},
		"other version": {keyID: b.keyID, version: 3, name: "a"},
	} {
		if _, err := b.open(append(h.encode(), sealed...)); !errors.Is(err, ErrKey) {
			t.Errorf("%s: got %v, want %v", name, err, ErrKey)
		}
	}
	if rec, err := b.open(file); err != nil || string(rec.value) != "value" {
		t.Errorf("unchanged: got %q, %v", rec.value, err)
	}
}

func TestSealingTwiceDiffers(t *testing.T) {
	b := testSealer(t)
	if bytes.Equal(b.seal("a", 1, []byte("value")), b.seal("a", 1, []byte("value"))) {
		t.Error("two sealings of one value are equal: the nonce was used again")
	}
}

func TestFileNames(t *testing.T) {
	tests := []struct{ name, want string }{
		{"demo-host.com/cad/1", "r-demo-host.com%2fcad%2f1.rec"},
		{"A", "r-%41.rec"},
		{"con", "r-con.rec"},
		{"..", "r-...rec"},
		{`C:\*`, "r-%43%3a%5c%2a.rec"},
	}
	for _, tt := range tests {
		if got := fileOf(tt.name); got != tt.want {
			t.Errorf("fileOf(%q): got %q, want %q", tt.name, got, tt.want)
		}
	}
	for _, file := range []string{"", "r-.rec", "r-A.rec", "r-%4.rec", "r-%zz.rec", "r-%61.rec", "r-%4A.rec", "r-a", "a.rec", "r-%00.rec"} {
		if name, ok := nameOf(file); ok {
			t.Errorf("nameOf(%q): got %q, want a refusal", file, name)
		}
	}
}

// TestFileNamesAreApart holds for any two names, also where case is folded.
func TestFileNamesAreApart(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.StringMatching(`[ -~]{1,200}`)
		a, b := name.Draw(r, "a"), name.Draw(r, "b")
		file := fileOf(a)
		if len(file) > maxFileName || !isRecord(file) || isTemp(file) {
			r.Errorf("%q is no name for a file", file)
		}
		if got, ok := nameOf(file); ok && got != a {
			r.Errorf("nameOf(%q): got %q, want %q", file, got, a)
		}
		for i := range len(file) {
			if c := file[i]; !standsForItself(c) && c != '%' {
				r.Errorf("%q holds %q", file, c)
			}
		}
		if a != b && fileOf(b) == file {
			r.Errorf("%q and %q share %q", a, b, file)
		}
	})
}

func FuzzOpenRecord(f *testing.F) {
	b := testSealer(f)
	f.Add(b.seal("a", 1, nil))
	f.Add([]byte(magic))
	f.Add([]byte(magic + "\x02"))
	f.Fuzz(func(t *testing.T, file []byte) {
		h, err := decodeHeader(file)
		if err == nil {
			if CheckName(h.name) != nil || h.version == 0 || h.size+overhead > len(file) {
				t.Errorf("decodeHeader let pass %+v of %d bytes", h, len(file))
			}
			if got := h.encode(); !bytes.Equal(got, file[:h.size]) {
				t.Errorf("encode: got %q, want %q", got, file[:h.size])
			}
		}
		rec, openErr := b.open(file)
		switch {
		case openErr != nil && !errors.Is(openErr, ErrKey):
			t.Errorf("open: got %v, want one that wraps ErrKey", openErr)
		case openErr == nil && err != nil:
			t.Errorf("open let pass %q, whose header is refused: %v", rec.value, err)
		}
	})
}
