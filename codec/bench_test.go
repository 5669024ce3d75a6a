package codec_test

import (
	"testing"

	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/codec/cbor"
	"github.com/jollyjet/aside/codec/internal/codectest"
	"github.com/jollyjet/aside/codec/msgpack"
	"github.com/jollyjet/aside/codec/s2"
	"github.com/jollyjet/aside/codec/zstd"
)

// benchmarked compresses everything: the record is near the default threshold.
func benchmarked() []codec.Codec {
	var all []codec.Codec
	for _, c := range []codec.Codec{codec.JSON(), msgpack.New(), cbor.New()} {
		all = append(all, c, s2.New(c, s2.MinSize(0)), zstd.New(c, zstd.MinSize(0)))
	}
	return all
}

func BenchmarkMarshal(b *testing.B) {
	for _, c := range benchmarked() {
		b.Run(c.Name(), func(b *testing.B) {
			b.ReportAllocs()
			r := codectest.OneKB()
			var data []byte
			var err error
			for b.Loop() {
				if data, err = c.Marshal(&r); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(data)), "encoded-B")
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	for _, c := range benchmarked() {
		b.Run(c.Name(), func(b *testing.B) {
			b.ReportAllocs()
			data, err := c.Marshal(codectest.OneKB())
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				var r codectest.Record
				if err := c.Unmarshal(data, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
