package cacheable_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
)

// A value that is read, from Redis or from this process, stays until its time to live ends. A value that is not read is
// gone after idle. The clock is a fake: in real time a busy machine might not read often enough.
func TestSliding(t *testing.T) {
	const idle = 800 * time.Millisecond
	for name, options := range map[string][]cacheable.Option{
		"far":  nil,
		"near": {cacheable.Near(100, time.Hour)},
	} {
		for how, put := range map[string]func(*testing.T, *cacheable.Many[string, shoe], *shelf){
			"loaded": func(*testing.T, *cacheable.Many[string, shoe], *shelf) {},
			"put": func(t *testing.T, m *cacheable.Many[string, shoe], src *shelf) {
				require.NoError(t, m.Put(t.Context(), "k", shoe{}))
				src.loads.Add(1)
			},
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
					src, st := newShelf(), openStore(t, rdb)
					m := cacheable.NewMany(st, "shoe", src.loadAll, append(options, cacheable.TTL(time.Hour), cacheable.Sliding(idle))...)
					put(t, m, src)
					for i := range 24 {
						if i%2 == 0 {
							src.get(t, m.Cacheable, 0, 1)
						} else {
							got, err := m.GetAll(t.Context(), []string{"k"})
							require.NoError(t, err)
							require.Len(t, got, 1)
						}
						time.Sleep(idle / 8) // the pace of the reads
					}
					require.EqualValues(t, 1, src.loads.Load())
					time.Sleep(idle)
					require.Zero(t, rdb.Exists(t.Context(), m.EntryKey("k").String()).Val())
					eventually(t, "the next load", func() bool { // without a feed what was near goes within a second
						_, err := m.Get(t.Context(), "k")
						return err == nil && src.loads.Load() == 2
					})
				})
			})
		}
	}
}

// Sliding does not keep a value beyond its time to live, and touches nothing but values.
func TestSlidingKeepsToTheTimeToLive(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, src := openStore(t, rdb), newShelf()
		c := cacheable.New(st, "shoe", src.load, cacheable.TTL(time.Minute), cacheable.Jitter(0), cacheable.Sliding(time.Hour))
		src.get(t, c, 0, 1)
		key := c.EntryKey("k").String()
		require.LessOrEqual(t, rdb.PTTL(t.Context(), key).Val(), time.Minute)
		src.get(t, c, 0, 1)
		require.LessOrEqual(t, rdb.PTTL(t.Context(), key).Val(), time.Minute)

		short := cacheable.New(st, "short", src.load, cacheable.TTL(time.Hour), cacheable.Sliding(time.Minute))
		_, err := short.Get(t.Context(), "k")
		require.NoError(t, err)
		key = short.EntryKey("k").String()
		require.LessOrEqual(t, rdb.PTTL(t.Context(), key).Val(), time.Minute)
		require.NoError(t, rdb.PExpire(t.Context(), key, 20*time.Second).Err())
		_, err = short.Get(t.Context(), "k")
		require.NoError(t, err)
		eventually(t, "the touch", func() bool { return rdb.PTTL(t.Context(), key).Val() > 50*time.Second })

		h, err := st.Engine().Evictor.Hold(t.Context(), short.EntryKey("l"))
		require.NoError(t, err)
		before := rdb.PTTL(t.Context(), short.EntryKey("l").String()).Val()
		require.NoError(t, st.Engine().Entries.Cache("short", 1, time.Hour).Touch(t.Context(), short.EntryKey("l"), time.Hour))
		require.LessOrEqual(t, rdb.PTTL(t.Context(), short.EntryKey("l").String()).Val(), before)
		require.NoError(t, h.End(t.Context(), 0))
	})
}

func TestSlidingRefusesAnIdleThatIsTooShort(t *testing.T) {
	require.PanicsWithValue(t, "cacheable: Sliding(1ms): use 100ms or more, and no more than 87600h0m0s", func() { cacheable.Sliding(time.Millisecond) })
}
