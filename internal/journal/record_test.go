package journal

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var moments = rapid.Custom(func(t *rapid.T) time.Time {
	return moment(rapid.Int64Range(0, 1<<52).Draw(t, "micros"))
})

var entries = rapid.Custom(func(t *rapid.T) Entry {
	return Entry{
		Key:    rapid.StringN(0, 30, 300).Draw(t, "key"),
		Number: rapid.Uint64().Draw(t, "number"),
		Since:  moments.Draw(t, "since"),
		Until:  moments.Draw(t, "until"),
	}
})

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := entries.Draw(t, "entry")
		c, err := decode(appendRecord(header("shop"), bodyWaits, &want), "shop")
		require.NoError(t, err)
		require.False(t, c.damaged)
		require.Equal(t, map[string]Entry{want.Key: want}, c.waiting)
	})
}

// A done record is about one eviction of a key, and one without a key about none.
func TestDoneRecordsAreAboutOneEviction(t *testing.T) {
	b := appendRecord(header("shop"), bodyWaits, &Entry{Key: "a", Number: 2})
	pending := func(more ...record) int {
		c, err := decode(encode(bytes.Clone(b), more), "shop")
		require.NoError(t, err)
		require.Equal(t, 2+len(more), c.records)
		return len(c.waiting)
	}
	require.Equal(t, 1, pending())
	require.Equal(t, 1, pending(record{bodyDone, Entry{Key: "a", Number: 1}}))
	require.Equal(t, 1, pending(waitedRecord(2*time.Microsecond)))
	require.Equal(t, 0, pending(record{bodyDone, Entry{Key: "a", Number: 2}}))
	c, err := decode(encode(b, []record{waitedRecord(time.Hour), {bodyDone, Entry{Number: math.MaxUint64}}}), "shop")
	require.NoError(t, err)
	require.Greater(t, c.waited, 100*365*24*time.Hour, "whatever is written there, it is not negative")
}

// file is a header and three records, and where each of them ends.
func file() (b []byte, ends []int) {
	b = header("shop")
	ends = append(ends, len(b))
	for i, key := range []string{"one", "two", "three"} {
		b = appendRecord(b, bodyWaits, &Entry{Key: key, Number: uint64(i + 1), Since: time.UnixMicro(1)})
		ends = append(ends, len(b))
	}
	return b, ends
}

// However many bytes are missing at the end, the records before them are read, and it is not damage.
func TestATornTailIsTolerated(t *testing.T) {
	b, ends := file()
	for n := range b {
		whole := 0
		for whole+1 < len(ends) && ends[whole+1] <= n {
			whole++
		}
		for name, tail := range map[string][]byte{
			"cut":     b[:n:n],
			"zeroed":  append(bytes.Clone(b[:n]), make([]byte, 5000)...),
			"clobber": append(b[:n:n], bytes.Repeat([]byte{0xFF}, 20)...),
		} {
			if name != "cut" && n < ends[0] {
				continue // it never had a header
			}
			c, err := decode(tail, "shop")
			require.NoError(t, err)
			require.Len(t, c.waiting, whole, "%s at %d", name, n)
			if name == "cut" {
				require.False(t, c.damaged, "%s at %d", name, n)
			}
		}
	}
}

// A flipped bit before the last record is damage, and nothing after it is used.
func TestDamageInTheMiddleIsNoticed(t *testing.T) {
	b, ends := file()
	for i := ends[0]; i < ends[2]; i++ {
		for bit := range 8 {
			bad := bytes.Clone(b)
			bad[i] ^= 1 << bit
			c, err := decode(bad, "shop")
			require.NoError(t, err)
			require.True(t, c.damaged, "byte %d bit %d", i, bit)
			require.NotContains(t, c.waiting, "three")
		}
	}
}

func TestWhatIsNoJournalOfTheOwnerIsAnError(t *testing.T) {
	b, _ := file()
	_, err := decode(b, "other")
	require.ErrorIs(t, err, errOwner)
	for _, raw := range []string{"hello", "aside journal 2\nxxxxxxxx", "\x01"} {
		_, err = decode([]byte(raw), "shop")
		require.ErrorIs(t, err, errForeign)
	}
	second := appendRecord(b, bodyOwner, &Entry{Key: "shop"})
	c, err := decode(second, "shop")
	require.NoError(t, err)
	require.True(t, c.damaged, "an owner in the middle")
}

// Whatever the bytes are, decode ends, and reads the same entries again after they were written.
func FuzzDecode(f *testing.F) {
	b, ends := file()
	f.Add(b)
	for _, end := range ends {
		f.Add(b[:end])
		f.Add(b[:end-1])
	}
	f.Add(appendRecord(bytes.Clone(b), bodyDone, &Entry{Key: "two", Number: 2}))
	f.Add([]byte(magic))
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := decode(raw, "shop")
		if err != nil {
			require.Empty(t, c.waiting)
			return
		}
		again := header("shop")
		for _, e := range c.waiting {
			again = appendRecord(again, bodyWaits, &e)
		}
		back, err := decode(again, "shop")
		require.NoError(t, err)
		require.False(t, back.damaged)
		require.Equal(t, c.waiting, back.waiting)
	})
}

// Whatever the bytes are: a file is either left alone, or says afterwards what is pending, and nothing it said is lost.
func FuzzOpen(f *testing.F) {
	b, ends := file()
	for _, end := range ends {
		f.Add(b[:end], uint16(end/2))
		f.Add(b[end/2:], uint16(0))
	}
	f.Add([]byte{}, uint16(0))
	f.Add(make([]byte, 100), uint16(50))
	f.Add([]byte(magic+"x"), uint16(3))
	path := filepath.Join(f.TempDir(), "journal")
	f.Fuzz(func(t *testing.T, raw []byte, cut uint16) {
		require.NoError(t, os.WriteFile(path, raw, 0o600))
		j := New(path, "shop")
		j.fsync = func(*os.File) error { return nil } // there is no crash here
		if err := j.Sync(0); err != nil {
			require.True(t, Mistaken(err), err)
			same, err := os.ReadFile(path)
			require.NoError(t, err)
			require.True(t, bytes.Equal(raw, same))
			return
		}
		left, _ := j.Left()
		mine := Entry{Key: "mine", Number: 1}
		j.Accept(append(left.Entries, mine))
		require.NoError(t, j.Sync(time.Second))
		want := map[string]bool{mine.Key: true}
		for _, e := range left.Entries {
			want[e.Key] = true
		}
		require.Len(t, keysOf(t, path), len(want))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(path, int64(cut)%info.Size()))
		require.NoError(t, j.Close(0))
		require.Len(t, keysOf(t, path), len(want))
	})
}
