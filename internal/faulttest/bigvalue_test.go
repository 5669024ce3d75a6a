package faulttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

const (
	bigCallers   = 4
	smallKeys    = 200
	smallCallers = 32
	bigFor       = 2 * time.Second

	// smallLoads is how many loads of small values a busy machine excuses. Where big and small values
	// share pipelines without a bound there are a few hundred.
	smallLoads = 15
)

// text is a codec of strings that costs almost nothing.
type text struct{}

func (text) Name() string { return "text" }

func (text) Marshal(v any) ([]byte, error) {
	s, ok := v.(string)
	if !ok {
		return nil, errors.New("no string")
	}
	return []byte(s), nil
}

func (text) Unmarshal(data []byte, v any) error {
	s, ok := v.(*string)
	if !ok {
		return errors.New("no string")
	}
	*s = string(data)
	return nil
}

// bigMix is the result of reading a big value and small ones at the same time.
type bigMix struct {
	big, small, hits, loads, errors, trips int64
	slowest                                time.Duration // of the small ones
}

// mixed has some callers read one big value, and many read small ones, for a while. A slow link carries rate bytes per
// second for each connection.
func mixed(t *testing.T, s *redistest.Server, size, rate int, options ...store.Option) (got bigMix) {
	t.Helper()
	addr, throttle := s.Addr(), func() {}
	if rate > 0 {
		proxy := redistest.StartProxy(t, s.Addr())
		addr, throttle = proxy.Addr(), func() { proxy.Throttle(rate) }
	}
	st := fed(t, dialed(t, addr), redistest.Unique(t), options...)
	value := strings.Repeat("x", size)
	big := cacheable.New(st, "big", func(context.Context, int) (string, error) { return value, nil },
		cacheable.TTL(time.Hour), cacheable.Codec(text{}))
	small := cacheable.New(st, "small", func(context.Context, int) (string, error) { return "small", nil },
		cacheable.TTL(time.Hour), cacheable.Codec(text{}))
	redistest.Eventually(t, "all values", func() bool {
		_, info, err := big.GetInfo(t.Context(), 0)
		require.NoError(t, err)
		for k := range smallKeys {
			_, of, err := small.GetInfo(t.Context(), k)
			require.NoError(t, err)
			if of.Source != cacheable.SourceHit {
				info = of
			}
		}
		return info.Source == cacheable.SourceHit
	})
	before := st.Stats()
	throttle()
	var all sync.WaitGroup
	var n, m, slowest atomic.Int64
	began := time.Now()
	for range bigCallers {
		all.Go(func() {
			for ; time.Since(began) < bigFor; n.Add(1) {
				_, err := big.Get(t.Context(), 0)
				assert.NoError(t, err)
			}
		})
	}
	for i := range smallCallers {
		all.Go(func() {
			for k := i; time.Since(began) < bigFor; k++ {
				start := time.Now()
				_, err := small.Get(t.Context(), k%smallKeys)
				assert.NoError(t, err)
				slowest.Store(max(slowest.Load(), int64(time.Since(start))))
				m.Add(1)
			}
		})
	}
	all.Wait()
	after := st.Stats()
	a, b := after.Caches["small"], before.Caches["small"]
	return bigMix{
		big: n.Load(), small: m.Load(), hits: a.Hits - b.Hits, loads: a.Loads - b.Loads, errors: a.RedisErrors - b.RedisErrors,
		trips: after.Breakers.Trips - before.Breakers.Trips, slowest: time.Duration(slowest.Load()),
	}
}

func (m bigMix) String() string {
	return fmt.Sprintf("%d reads of the big value; %d of small ones, the slowest %v: %d hits, %d loads, %d errors of Redis; %d trips of the breaker",
		m.big, m.small, m.slowest.Round(time.Millisecond), m.hits, m.loads, m.errors, m.trips)
}

// within reports whether the small values were read as fast as can be expected beside so many loads and trips.
func (m bigMix) within(loads, trips int64) bool { return m.loads <= loads && m.trips <= trips }

// A big value does not slow down readers of small ones who share pipelines, compared with those who don't. The better of
// two runs counts: a busy machine may need longer than the time-out for 32 MB.
func TestBigValueBesideSmallOnes(t *testing.T) {
	const size = 32 << 20
	best := false
	for run := 0; run < 2 && !best; run++ {
		alone := mixed(t, redistest.Start(t), size, 0, store.AutoPipeline(0))
		shared := mixed(t, redistest.Start(t), size, 0)
		t.Logf("without sharing:   %v", alone)
		t.Logf("with the defaults: %v", shared)
		best = shared.within(smallLoads+2*alone.loads, alone.trips)
	}
	assert.True(t, best, "small values were loaded, or the breaker opened, because of a big one")
}

// A value whose transfer takes longer than the time-out keeps nobody from reading small ones: Redis does answer.
func TestValueSlowerThanTheTimeout(t *testing.T) {
	const size = 8 << 20
	for how, options := range map[string][]store.Option{"without sharing": {store.AutoPipeline(0)}, "with the defaults": nil} {
		t.Run(how, func(t *testing.T) {
			best := false
			for run := 0; run < 3 && !best; run++ {
				got := mixed(t, redistest.Start(t), size, size, options...) // in a second
				t.Log(got)
				best = got.within(smallLoads, 0)
			}
			assert.True(t, best, "small values were loaded, or the breaker opened, because of a big one")
		})
	}
}
