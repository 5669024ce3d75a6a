package codec_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/codec/internal/codectest"
)

func TestJSONName(t *testing.T) {
	assert.Equal(t, "json", codec.JSON().Name())
}

// TestJSONLosses pins down the losses that the doc comment admits.
func TestJSONLosses(t *testing.T) {
	c := codec.JSON()
	through := func(in any) (out any) {
		data, err := c.Marshal(in)
		require.NoError(t, err)
		require.NoError(t, c.Unmarshal(data, &out))
		return out
	}
	assert.Equal(t, float64(1<<53), through(int64(1<<53+1)))
	assert.Equal(t, "AP8=", through([]byte{0, 255}))
	assert.Equal(t, "1970-01-01T00:00:01Z", through(time.Unix(1, 0).UTC()))
	assert.Equal(t, "\ufffd", through("\xff"))

	_, err := c.Marshal(math.NaN())
	assert.Error(t, err)
}

func FuzzJSON(f *testing.F) { codectest.Fuzz(f, codec.JSON(), "[[[[", "{\"a\":1e999}", "\"\\ud800\"") }
