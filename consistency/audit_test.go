package consistency_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

const shortGrace = 20 * time.Millisecond

// An audit compares all entries of a cache, whatever their keys look like, and none of other caches. Fix evicts wrong
// entries and no others.
func TestAuditFindsAndFixes(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		long := "price of " + strings.Repeat("x{y},%", 60)
		keys := append(names("name-%d", 300), "", "a,b", "{%41~ }", long)
		st, source := open(t, rdb), newTable(keys...)
		c := cacheable.NewMany(st, "row", source.loadAll, cacheable.NotFound(noRows, time.Hour))
		other := cacheable.New(st, "row2", newTable("name-1").load)
		_, err := c.GetAll(t.Context(), append(keys, "none"))
		require.NoError(t, err)
		_, err = other.Get(t.Context(), "name-1")
		require.NoError(t, err)
		require.NoError(t, rdb.Set(t.Context(), c.EntryKey("garbage").String(), "garbage", time.Minute).Err())

		loads := source.loads.Load()
		r, err := consistency.Audit(t.Context(), c, consistency.Grace(shortGrace))
		require.NoError(t, err)
		require.True(t, r.Done)
		require.EqualValues(t, 306, r.Entries)
		require.Equal(t, store.CheckStats{Equal: 305, Gone: 1}, r.Checks)
		require.LessOrEqual(t, source.loads.Load()-loads, int64(2+2*r.Masters), "the loader is asked in batches")

		source.set("name-7", 2)
		source.set("a,b", 0)
		source.set("none", 5)
		source.set(long, 2)
		var reported []consistency.Finding
		for _, fix := range []bool{false, true} {
			options := []consistency.Option{consistency.Grace(shortGrace), consistency.OnFinding(func(f consistency.Finding) { reported = append(reported, f) })}
			if fix {
				options = append(options, consistency.Fix())
			}
			r, err = consistency.Audit(t.Context(), c, options...)
			require.NoError(t, err)
			require.EqualValues(t, 4, r.Checks.Differs)
			require.Equal(t, fix, r.Checks.Repaired == 4)
			require.Equal(t, reported, r.Findings)
			found := make(map[string]bool)
			for _, f := range r.Findings {
				require.Equal(t, fix, f.Repaired)
				found[f.Key] = true
			}
			for _, key := range []string{"name-7", "a,b", "none", long} {
				require.True(t, found[c.EntryKey(key).String()], key)
			}
			reported = nil
		}
		r, err = consistency.Audit(t.Context(), c, consistency.Grace(shortGrace))
		require.NoError(t, err)
		require.EqualValues(t, 302, r.Entries)
		require.Equal(t, store.CheckStats{Equal: 301, Gone: 1}, r.Checks)
		require.Empty(t, r.Findings)
	})
}

// An interrupted audit resumes where it stopped, also in another process, and misses no entry.
func TestAuditResumes(t *testing.T) {
	for name, rdb := range map[string]redis.UniversalClient{
		"one node": redistest.Start(t).Client(t), "cluster": redistest.StartCluster(t).Client(t),
	} {
		t.Run(name, func(t *testing.T) {
			keys := names("k%d", 5000)
			namespace, source := redistest.Unique(t), newTable(keys...)
			c := cacheable.NewMany(join(t, rdb, namespace), "row", source.loadAll)
			_, err := c.GetAll(t.Context(), keys)
			require.NoError(t, err)
			for _, key := range keys {
				source.set(key, 2)
			}
			found := make(map[string]bool)
			text, runs := "", 0
			for done := false; !done; runs++ {
				require.Less(t, runs, 100)
				st := join(t, rdb, namespace) // another process
				again := cacheable.NewMany(st, "row", source.loadAll)
				var at consistency.Position
				require.NoError(t, at.UnmarshalText([]byte(text)))
				ctx, cancel := context.WithCancel(t.Context())
				steps := 0
				r, err := consistency.Audit(ctx, again, consistency.Grace(time.Millisecond), consistency.Rate(1e6), consistency.Resume(at),
					consistency.OnFinding(func(f consistency.Finding) { found[f.Key] = true }),
					consistency.Progress(func(r consistency.AuditReport) {
						require.LessOrEqual(t, r.Walked, r.Masters)
						if steps++; steps == 2 {
							cancel()
						}
					}))
				cancel()
				done = err == nil
				require.Equal(t, done, r.Done)
				if !done {
					require.ErrorIs(t, err, context.Canceled)
					require.NotEmpty(t, r.Position.String())
				}
				raw, err := json.Marshal(r)
				require.NoError(t, err)
				var kept struct{ Position string }
				require.NoError(t, json.Unmarshal(raw, &kept))
				text = kept.Position
			}
			require.Greater(t, runs, 2)
			require.Empty(t, text, "the next one begins anew")
			require.Len(t, found, len(keys))
		})
	}
}

// A server that was restarted returns its keys in another order, so it is walked from the beginning.
func TestAuditBeginsAnewAfterARestart(t *testing.T) {
	server := redistest.Start(t, "appendonly yes", "appendfsync always")
	keys, source := names("k%d", 4000), newTable(names("k%d", 4000)...)
	rdb := server.Client(t)
	c := cacheable.NewMany(open(t, rdb), "row", source.loadAll)
	eventually(t, "all are cached, also on a slow disk", func() bool {
		_, err := c.GetAll(t.Context(), keys)
		return err == nil && rdb.DBSize(t.Context()).Val() > int64(len(keys))
	})
	ctx, cancel := context.WithCancel(t.Context())
	first, err := consistency.Audit(ctx, c, consistency.Rate(1e6), consistency.Progress(func(consistency.AuditReport) { cancel() }))
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, first.Entries, int64(4000))
	server.Kill()
	_, err = consistency.Audit(t.Context(), c, consistency.Resume(first.Position))
	require.ErrorIs(t, err, store.ErrUnavailable)
	server.Restart()
	eventually(t, "Redis is back", func() bool {
		_, _, err := c.Peek(t.Context(), "k0")
		return err == nil
	})
	again, err := consistency.Audit(t.Context(), c, consistency.Rate(1e6), consistency.Resume(first.Position))
	require.NoError(t, err)
	require.GreaterOrEqual(t, again.Entries, int64(4000))

	wrong := cacheable.New(c.Store(), "other", source.load)
	_, err = consistency.Audit(t.Context(), wrong, consistency.Resume(first.Position))
	require.ErrorContains(t, err, "not the position of a walk")
}

// With ParseKey, keys that are not the arguments themselves can be parsed.
func TestAuditParsesKeys(t *testing.T) {
	st := open(t, miniClient(t))
	load := func(_ context.Context, id float64) (string, error) { return fmt.Sprint(id), nil }
	c := cacheable.New(st, "float", load, cacheable.Key(func(id float64) string { return fmt.Sprintf("no. %g", id) }))
	for i := range 5 {
		_, err := c.Get(t.Context(), float64(i)/2)
		require.NoError(t, err)
	}
	r, err := consistency.Audit(t.Context(), c)
	require.NoError(t, err)
	require.EqualValues(t, 5, r.Unknown)
	r, err = consistency.Audit(t.Context(), c, consistency.ParseKey(func(text string) (id float64, err error) {
		if text == "no. 1" {
			return 0, errors.New("can't be parsed")
		}
		_, err = fmt.Sscanf(text, "no. %g", &id)
		if id == 2 {
			id = 3 // wrong, which is noticed
		}
		return id, err
	}))
	require.NoError(t, err)
	require.EqualValues(t, 2, r.Unknown)
	require.Equal(t, store.CheckStats{Equal: 3}, r.Checks)
}

// A source that does not answer counts as failed, and the report has the reason. The rate is kept.
func TestAuditOfASourceThatFails(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		source := newTable(names("k%d", 500)...)
		st, err := store.Open(t.Context(), rdb, store.Logger(quiet))
		require.NoError(t, err)
		defer func() { require.NoError(t, st.Close()) }()
		c := cacheable.NewMany(st, "row", source.loadAll)
		_, err = c.GetAll(t.Context(), names("k%d", 500))
		require.NoError(t, err)
		source.fail(errors.New("the source is down"))
		began := time.Now()
		r, err := consistency.Audit(t.Context(), c, consistency.Rate(100))
		require.NoError(t, err)
		require.Equal(t, store.CheckStats{Failed: 500}, r.Checks)
		require.Contains(t, r.Problem, "the source is down")
		require.InDelta(t, 2.5, time.Since(began).Seconds(), 0.1, "the second half waits for the first")
		require.Contains(t, r.String(), "failed: the source is down")
		require.Contains(t, r.String(), "done after 2.5s, 1 of 1 masters")
	})
}
