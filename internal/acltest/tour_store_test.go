package acltest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/store"
)

type cache = cacheable.Many[string, int]

// shop is a store with its caches.
type shop struct {
	*visitor
	st                  *store.Store
	plain, tagged, kept *cache
	health              *consistency.Health
}

// stores tours packages store, cacheable, evict and consistency.
func stores(t *testing.T, v *visitor) []step {
	t.Helper()
	s := openShop(t, v)
	return []step{
		{"feed", func(ctx context.Context) error {
			return until(ctx, "the feed is up", func() bool { return s.st.Stats().Feed.Up })
		}},
		{"read", s.read},
		{"long load", s.longLoad},
		{"failed load", s.failedLoad},
		{"foreign value", s.foreign},
		{"evict", s.evict},
		{"write around", s.around},
		{"by pattern", s.byPattern},
		{"audit", s.audit},
		{"changes", s.changes},
		{"health", func(ctx context.Context) error {
			var r consistency.HealthReport
			if err := until(ctx, "health is ok", func() bool { r = s.health.Check(ctx); return r.Status == consistency.OK }); err != nil {
				return fmt.Errorf("%w: %+v", err, r)
			}
			return nil
		}},
	}
}

func openShop(t *testing.T, v *visitor, options ...store.Option) *shop {
	t.Helper()
	st, err := store.Open(t.Context(), v.rdb, append([]store.Option{
		store.Namespace(v.namespace), store.Logger(v.lines.Logger()), store.Hooks(v.sent.Hook()),
		store.Timeout(patience), store.DrainTime(time.Millisecond), store.LeaseTime(300 * time.Millisecond),
	}, options...)...)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := st.Close(); !errors.Is(err, store.ErrUndrained) {
			require.NoError(t, err)
		}
	})
	tags := cacheable.Tags(func(key string) []string { return []string{"tag " + key} })
	return &shop{
		visitor: v, st: st, health: consistency.NewHealth(st, consistency.AnswerWithin(patience)),
		plain: cacheable.NewMany(st, "plain", lengths),
		tagged: cacheable.NewMany(st, "tagged", lengths, tags, cacheable.Near(100, time.Minute), cacheable.Sliding(time.Minute),
			cacheable.TagsOf(func(_ string, n int) []string { return []string{fmt.Sprint("length ", n)} })),
		kept: cacheable.NewMany(st, "kept", failing, cacheable.FailSafe(time.Hour)),
	}
}

func lengths(_ context.Context, keys []string) (map[string]int, error) {
	all := map[string]int{}
	for _, key := range keys {
		all[key] = len(key)
	}
	return all, nil
}

func failing(context.Context, []string) (map[string]int, error) { return nil, errors.New("away") }

// source reads a key and checks where the value came from.
func source(ctx context.Context, what string, c *cache, key string, want cacheable.Source) error {
	n, info, err := c.GetInfo(ctx, key)
	if err := is(what, n, len(key), err); err != nil {
		return err
	}
	return is(what, info.Source, want, nil)
}

// cached loads a key and reads it again.
func cached(ctx context.Context, c *cache, key string, want cacheable.Source) error {
	if _, err := c.Get(ctx, key); err != nil {
		return err
	}
	return source(ctx, "read again: "+key, c, key, want)
}

func (s *shop) read(ctx context.Context) error {
	keys := []string{"a", "bb", "ccc"}
	all, err := s.plain.GetAll(ctx, keys)
	if err := is("batch", len(all), 3, err); err != nil {
		return err
	}
	_, err = s.tagged.GetAll(ctx, keys)
	if err := errors.Join(err, s.near(ctx), s.plain.Put(ctx, "put", 3)); err != nil {
		return err
	}
	if _, err := s.plain.Refresh(ctx, "a"); err != nil {
		return err
	}
	return errors.Join(cached(ctx, s.plain, "a", cacheable.SourceHit), cached(ctx, s.plain, "put", cacheable.SourceHit))
}

// near reads a key until it is kept in this process.
func (s *shop) near(ctx context.Context) error {
	return until(ctx, "a value is near", func() bool { return source(ctx, "near", s.tagged, "dddd", cacheable.SourceNear) == nil })
}

// longLoad is a load whose lease is renewed: apart from pings, nothing else is sent meanwhile.
func (s *shop) longLoad(ctx context.Context) error {
	slow := cacheable.NewMany(s.st, "slow", func(ctx context.Context, keys []string) (map[string]int, error) {
		before := s.sent.Count("evalsha")
		if err := until(ctx, "renewals", func() bool { return s.sent.Count("evalsha") >= before+2 }); err != nil {
			return nil, err
		}
		return lengths(ctx, keys)
	})
	return cached(ctx, slow, "slow", cacheable.SourceHit)
}

// failedLoad reads an old value while the source is down.
func (s *shop) failedLoad(ctx context.Context) error {
	if err := errors.Join(s.kept.Put(ctx, "old", 3), s.kept.Expire(ctx, "old")); err != nil {
		return err
	}
	return source(ctx, "old value", s.kept, "old", cacheable.SourceStale)
}

// foreign reads a key whose value aside did not write.
func (s *shop) foreign(ctx context.Context) error {
	if err := s.admin.RPush(ctx, s.plain.EntryKey("foreign").String(), "x").Err(); err != nil {
		return err
	}
	return cached(ctx, s.plain, "foreign", cacheable.SourceHit)
}

func (s *shop) evict(ctx context.Context) error {
	if err := cached(ctx, s.plain, "gone", cacheable.SourceHit); err != nil {
		return err
	}
	err := errors.Join(s.plain.Evict(ctx, "gone"), evict.ByTag(ctx, s.st, "tag a", "length 2"))
	if err != nil {
		return err
	}
	err = errors.Join(source(ctx, "evicted", s.plain, "gone", cacheable.SourceMiss),
		source(ctx, "tag evicted", s.tagged, "a", cacheable.SourceMiss), source(ctx, "tag of value evicted", s.tagged, "bb", cacheable.SourceMiss))
	all := evict.AfterErr(func(context.Context, string) error { return nil }, evict.All[string](s.plain))
	if err := errors.Join(err, all(ctx, ""), source(ctx, "all evicted", s.plain, "gone", cacheable.SourceMiss)); err != nil {
		return err
	}
	return errors.Join(evict.Everything(ctx, s.st), source(ctx, "everything evicted", s.plain, "gone", cacheable.SourceMiss))
}

// around holds an entry for a write, while somebody else evicts it.
func (s *shop) around(ctx context.Context) error {
	self := func(key string) string { return key }
	write := evict.AroundErr(func(ctx context.Context, key string) error { return s.plain.Evict(ctx, key) },
		evict.Key(s.plain, self), evict.HoldFor(time.Millisecond), evict.RefuseUnheld())
	replace := evict.Around(func(_ context.Context, key string) (int, error) { return len(key), nil },
		evict.Replace(s.plain, func(key string, n int) (string, int) { return key, n }), evict.RefuseUnheld())
	_, err := replace(ctx, "replaced")
	return errors.Join(err, write(ctx, "held"), source(ctx, "replaced", s.plain, "replaced", cacheable.SourceHit))
}

func (s *shop) byPattern(ctx context.Context) error {
	if _, err := s.plain.GetAll(ctx, []string{"p1", "p2"}); err != nil {
		return err
	}
	n, err := evict.ByPattern(ctx, s.st, "plain:p[12]")
	return is("evicted by pattern", n, 2, err)
}

func (s *shop) audit(ctx context.Context) error {
	if _, err := s.plain.Get(ctx, "audited"); err != nil {
		return err
	}
	r, err := consistency.Audit(ctx, s.plain, consistency.Grace(10*time.Millisecond), consistency.Fix())
	if err := is("audit done", r.Done, true, err); err != nil {
		return err
	}
	return is("entries audited", r.Entries > 0 && r.Checks.Equal > 0 && r.Checks.Differs == 0, true, nil)
}

// changes follows a stream that has one change.
func (s *shop) changes(ctx context.Context) error {
	if _, err := s.plain.Get(ctx, "changed"); err != nil {
		return err
	}
	rows := rows{make(chan string)}
	c := evict.FromChanges(ctx, s.st, "changes", rows.open, evict.Key(s.plain, func(key string) string { return key }))
	defer c.Close()
	if err := until(ctx, "leading", func() bool { return c.Stats().Leading && c.Stats().Resets == 1 }); err != nil {
		return err
	}
	if _, err := s.plain.Get(ctx, "changed"); err != nil {
		return err
	}
	rows.ids <- "changed"
	if err := until(ctx, "a change", func() bool { return c.Stats().Changes == 1 }); err != nil {
		return err
	}
	return source(ctx, "changed", s.plain, "changed", cacheable.SourceMiss)
}

// rows are a source of changes.
type rows struct{ ids chan string }

func (r rows) open(context.Context, string) (evict.Stream[string], error) { return r, nil }
func (r rows) Close() error                                               { return nil }

func (r rows) Next(ctx context.Context) (evict.Change[string], error) {
	select {
	case id := <-r.ids:
		return evict.Change[string]{Event: id, Position: id, At: time.Now()}, nil
	case <-ctx.Done():
		return evict.Change[string]{}, ctx.Err()
	}
}
