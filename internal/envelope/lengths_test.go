package envelope

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A record whose checksum is right may still come from a writer with a fault. A length or duration beyond what there can be is
// damage, and no part of such a record is used.
func TestARecordThatPromisesMoreThanItHasIsCorrupt(t *testing.T) {
	const huge = 1 << 62
	for name, tail := range map[string][]uint64{
		"time to live":       {huge},
		"time to live, just": {uint64(1<<63-1)/uint64(time.Millisecond) + 1, 0, 0, 0, 0},
		"cost":               {0, huge},
		"versions":           {0, 0, huge},
		"versions, one more": {0, 0, 2},
		"key":                {0, 0, 0, huge},
		"key, one byte more": {0, 0, 0, 1},
		"tags":               {0, 0, 0, 0, huge},
		"tags, one more":     {0, 0, 0, 0, 1},
		"a tag":              {0, 0, 0, 0, 1, huge},
		"a field is missing": {0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := Append(nil, &Entry{Kind: Value})[:headerLen]
			for _, v := range tail {
				b = binary.AppendUvarint(b, v)
			}
			binary.BigEndian.PutUint32(b[IdentityLen:], checksum(b))
			e, err := Parse(b)
			require.ErrorIs(t, err, ErrCorrupt)
			require.Zero(t, e)
		})
	}
}

// A hold is its prefix, a flag and whole records of writers, at least one.
func TestAHoldHasWholeRecords(t *testing.T) {
	head := append([]byte(HoldPrefix()), 'C')
	record := bytes.Repeat([]byte{'1'}, holdRecord)
	for n := range 2*holdRecord + 2 {
		b := append(bytes.Clone(head), bytes.Repeat(record, 3)[:n]...)
		want := Unknown
		if n == holdRecord || n == 2*holdRecord {
			want = Hold
		}
		require.Equal(t, want, KindOf(b), "%d bytes of records", n)
	}
	require.Equal(t, Unknown, KindOf(head[:PrefixLen]))
}
