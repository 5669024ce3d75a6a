package cacheable_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
)

func TestOptionsThatCanNotBeMeantPanicAndSayWhatToUse(t *testing.T) {
	always := func(error) bool { return true }
	for _, tt := range []struct {
		make func() cacheable.Option
		want string
	}{
		{func() cacheable.Option { return cacheable.TTL(0) }, "cacheable: TTL: a time to live of 0s: use one from 1ms to "},
		{func() cacheable.Option { return cacheable.TTL(-1) }, "cacheable: TTL: a time to live of -1ns"},
		{func() cacheable.Option { return cacheable.TTL(time.Millisecond - 1) }, "cacheable: TTL"},
		{func() cacheable.Option { return cacheable.TTL(math.MaxInt64) }, "cacheable: TTL"},
		{func() cacheable.Option { return cacheable.NotFound(always, 0) }, "cacheable: NotFound: a time to live of 0s"},
		{func() cacheable.Option { return cacheable.NotFound(nil, time.Second) }, "cacheable: NotFound(nil, ...)"},
		{func() cacheable.Option { return cacheable.Jitter(math.NaN()) }, "cacheable: Jitter(NaN): use a fraction from 0 to less than 1"},
		{func() cacheable.Option { return cacheable.Jitter(1) }, "cacheable: Jitter(1)"},
		{func() cacheable.Option { return cacheable.Jitter(-1) }, "cacheable: Jitter(-1)"},
		{func() cacheable.Option { return cacheable.Jitter(math.Inf(1)) }, "cacheable: Jitter(+Inf)"},
		{func() cacheable.Option { return cacheable.Key[string](nil) }, "cacheable: Key(nil): leave the option out"},
		{func() cacheable.Option { return cacheable.Tags[string](nil) }, "cacheable: Tags(nil)"},
		{func() cacheable.Option { return cacheable.StoreIf[string, int](nil) }, "cacheable: StoreIf(nil)"},
		{func() cacheable.Option { return cacheable.Codec(nil) }, "cacheable: Codec(nil)"},
		{func() cacheable.Option { return cacheable.MaxConcurrentLoads(-1) }, "cacheable: MaxConcurrentLoads(-1): use 1 or more"},
		{func() cacheable.Option { return cacheable.MaxBytes(0) }, "cacheable: MaxBytes(0): use 1 or more, such as 1<<20 for a megabyte; leave the option out for no bound"},
		{func() cacheable.Option { return cacheable.MaxBytes(-1) }, "cacheable: MaxBytes(-1): use 1 or more"},
		{func() cacheable.Option { return cacheable.HardTimeout(-1) }, "cacheable: HardTimeout(-1ns): use a positive"},
	} {
		require.Contains(t, panics(t, func() { tt.make() }), tt.want)
	}
}

func TestOptionsOfOtherTypesPanicAndNameBoth(t *testing.T) {
	st := mini(t)
	for _, tt := range []struct {
		option cacheable.Option
		want   string
	}{
		{cacheable.Key(func(int) string { return "" }), `cacheable: New("c"): Key is a func(int) string, want a func(string) string`},
		{cacheable.Tags(func(int) []string { return nil }), `cacheable: New("c"): Tags is a func(int) []string, want a func(string) []string`},
		{cacheable.StoreIf(func(string, string) bool { return true }), `cacheable: New("c"): StoreIf is a func(string, string) bool, want a func(string, int) bool`},
	} {
		require.Equal(t, tt.want, panics(t, func() { cacheable.New(st, "c", constant(1), tt.option) }))
	}
}

func TestNewPanicsOnWhatIsMissing(t *testing.T) {
	st := mini(t)
	require.Contains(t, panics(t, func() { cacheable.New(nil, "c", constant(1)) }), `cacheable: New("c"): the store and the loader must not be nil`)
	require.Contains(t, panics(t, func() { cacheable.New[string, int](st, "c", nil) }), "must not be nil")
	require.Contains(t, panics(t, func() { cacheable.New(st, "c", constant(1), cacheable.TTL(time.Second), nil) }), "option 2 is nil")
	for _, name := range []string{"", "a b", "a:b", "{a}", "#a", "-a", "ä", strings.Repeat("a", 101)} {
		require.Contains(t, panics(t, func() { cacheable.New(st, name, constant(1)) }), "use up to 100 letters, digits and . _ / -", name)
	}
	for _, name := range []string{"a", "A9", "a.b_c/d-e", strings.Repeat("a", 100)} {
		cacheable.New(st, name, constant(1))
	}
}

func TestTheTimeToLiveIsJitteredDownwardsOnly(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	st := open(t, rdb)
	for _, tt := range []struct {
		name          string
		options       []cacheable.Option
		least, most   time.Duration
		alwaysTheSame bool
	}{
		{"default", nil, 270 * time.Second, 300 * time.Second, false},
		{"none", []cacheable.Option{cacheable.TTL(time.Hour), cacheable.Jitter(0)}, time.Hour - time.Minute, time.Hour, true},
		{"half", []cacheable.Option{cacheable.TTL(time.Hour), cacheable.Jitter(0.5)}, 29 * time.Minute, time.Hour, false},
		{"longest", []cacheable.Option{cacheable.TTL(10 * 365 * 24 * time.Hour), cacheable.Jitter(0)}, 9 * 365 * 24 * time.Hour, 10 * 365 * 24 * time.Hour, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := cacheable.New(st, tt.name, func(context.Context, int) (int, error) { return 1, nil }, tt.options...)
			shortest, longest := time.Duration(math.MaxInt64), time.Duration(0)
			for k := range 100 {
				began := time.Now()
				require.NoError(t, c.Put(t.Context(), k, k))
				left, err := rdb.PTTL(t.Context(), c.EntryKey(k).String()).Result()
				require.NoError(t, err)
				passed := time.Since(began) + time.Millisecond // to which Redis rounds
				shortest, longest = min(shortest, left+passed), max(longest, left)
			}
			require.GreaterOrEqual(t, shortest, tt.least)
			require.LessOrEqual(t, longest, tt.most)
			if !tt.alwaysTheSame {
				require.Greater(t, longest-shortest, tt.most/50, "they differ")
			}
		})
	}
}

func TestStoreIfDecidesWhatIsStored(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	var src source
	c := cacheable.New(st, "c", src.load, cacheable.StoreIf(func(_ string, v int64) bool { return v >= 0 }))
	src.value.Store(-1)
	for range 2 {
		_, info, err := c.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, cacheable.SourceMiss, info.Source)
	}
	src.value.Store(1)
	_, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	_, info, err := c.GetInfo(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, cacheable.SourceHit, info.Source)

	require.NoError(t, c.Put(t.Context(), "k", -5), "a Put that is rejected evicts")
	_, ok, err := c.Peek(t.Context(), "k")
	require.NoError(t, err)
	require.False(t, ok)

	_, err = c.Get(t.Context(), "k")
	require.NoError(t, err)
	src.value.Store(-2)
	v, err := c.Refresh(t.Context(), "k")
	require.NoError(t, err)
	require.EqualValues(t, -2, v)
	_, ok, err = c.Peek(t.Context(), "k")
	require.NoError(t, err)
	require.False(t, ok, "a refresh that is rejected does not leave the older value")
}

func TestTTLOfAndBypass(t *testing.T) {
	type ctxKey struct{}
	m, st := &moody{}, openStore(t, miniClient(t))
	c := cacheable.New(st, "ttl", m.load, cacheable.Jitter(0),
		cacheable.TTLOf(func(key string, _ int64) time.Duration {
			if key == "never" {
				return 0
			}
			return time.Hour
		}),
		cacheable.Bypass(func(ctx context.Context) bool { return ctx.Value(ctxKey{}) != nil }))
	for range 2 {
		_, err := c.Get(t.Context(), "never")
		require.NoError(t, err)
		_, err = c.Get(t.Context(), "kept")
		require.NoError(t, err)
	}
	require.EqualValues(t, 3, m.loads.Load())
	_, info, err := c.GetInfo(context.WithValue(t.Context(), ctxKey{}, true), "kept")
	require.NoError(t, err)
	require.Equal(t, cacheable.SourceBypass, info.Source)
	require.EqualValues(t, 4, m.loads.Load())
}
