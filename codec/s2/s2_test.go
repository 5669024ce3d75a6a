package s2_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/codec/internal/codectest"
	"github.com/jollyjet/aside/codec/s2"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFraming(t *testing.T) {
	codectest.RunCompressed(t, "s2", func(inner codec.Codec, l codectest.Limits) codec.Codec {
		var opts []s2.Option
		if l.Min != nil {
			opts = append(opts, s2.MinSize(*l.Min))
		}
		if l.Max != nil {
			opts = append(opts, s2.MaxSize(*l.Max))
		}
		return s2.New(inner, opts...)
	})
}

func TestNilOption(t *testing.T) {
	assert.PanicsWithValue(t, "s2: option 2 of New is nil: leave it out to get the default", func() {
		s2.New(codec.JSON(), s2.MinSize(1), nil)
	})
}

func FuzzUnmarshal(f *testing.F) {
	c := s2.New(codec.JSON(), s2.MinSize(0), s2.MaxSize(1<<20))
	codectest.Fuzz(f, c, "", "\x00", "\x01", "\x00[1]", "\x02[1]", "\x01\xff\xff\xff\xff\x0f\x00", "\x01\x80\x80\x40\x00a")
}
