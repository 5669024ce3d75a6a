package codec_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/codec/cbor"
	"github.com/jollyjet/aside/codec/internal/codectest"
	"github.com/jollyjet/aside/codec/msgpack"
	"github.com/jollyjet/aside/codec/s2"
	"github.com/jollyjet/aside/codec/zstd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plain are the codecs to compose, with what they keep.
func plain() map[codec.Codec]codectest.Traits {
	return map[codec.Codec]codectest.Traits{
		codec.JSON():  {ZoneOffset: true},
		msgpack.New(): {ZoneOffset: false},
		cbor.New():    {ZoneOffset: true},
	}
}

func TestConformance(t *testing.T) {
	for c, traits := range plain() {
		all := []codec.Codec{
			c,
			zstd.New(c), zstd.New(c, zstd.MinSize(0), zstd.MaxSize(1<<20)),
			s2.New(c), s2.New(c, s2.MinSize(0), s2.MaxSize(1<<20)),
			zstd.New(s2.New(c, s2.MinSize(0)), zstd.MinSize(0)),
		}
		for _, c := range all {
			t.Run(c.Name(), func(t *testing.T) { codectest.Run(t, c, traits) })
		}
	}
}
