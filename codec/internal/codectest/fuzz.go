package codectest

import (
	"runtime/metrics"
	"testing"

	"github.com/jollyjet/aside/codec"
)

// What decoding may allocate: a constant for pools and buffers that are made
// on first use, and a multiple of the input for the values themselves. A
// [Record] takes some 500 bytes and can be asked for by one byte of input.
const (
	allowFixed   = 16 << 20
	allowPerByte = 8 << 10
)

// Fuzz checks that Unmarshal of arbitrary bytes neither panics nor allocates
// out of proportion. Extra seeds are added to the valid encodings.
func Fuzz(f *testing.F, c codec.Codec, seeds ...string) {
	for _, v := range []any{Record{}, Full(), OneKB(), nil, "text", []int{1, 2}, map[string]any{"a": 1.5}} {
		data, err := c.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}

	f.Fuzz(func(t *testing.T, data []byte) {
		before := allocated()
		for _, v := range []any{new(Record), new([]Record), new(any), new(map[any]any), new(map[string]string)} {
			if err := c.Unmarshal(data, v); err != nil {
				continue
			}
			// encoding/json cannot write a map[any]any, so that an error is
			// fine here; a panic is not.
			_, _ = c.Marshal(v)
		}
		if n, most := allocated()-before, uint64(allowFixed+allowPerByte*len(data)); n > most {
			t.Errorf("allocated %d bytes for %d bytes of input, want at most %d", n, len(data), most)
		}
	})
}

// allocated is the total of bytes allocated so far. Unlike
// runtime.ReadMemStats it does not stop the world, at the price of noticing
// small allocations late.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
