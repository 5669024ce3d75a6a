package consistency

import (
	"context"
	"time"

	"github.com/jollyjet/aside/store"
)

// verdict is what came of a comparison.
type verdict struct {
	outcome store.Check
	pending bool // a difference that may still be explained: look again after the grace
	err     error
}

// suspicion is an entry that differs from the source, perhaps because a write is under way.
type suspicion[K comparable] struct {
	ctx    context.Context //nolint:containedctx // of the reader, for its values
	key    K
	entry  store.Copy // as it was at the first look; it counts only while it stands
	source store.Copy // the last answer
	looks  int
	since  time.Time
	hits   int64 // the answers that its outcome is that of
}

// maxLooks bounds how often the source is looked at, Grace apart, when it never says the same.
const maxLooks = 3

// first compares what there is for the keys with the source.
func (c *comparer[K, V]) first(ctx context.Context, keys []K, entries []store.Copy) ([]verdict, []*suspicion[K]) {
	verdicts, suspicions := make([]verdict, len(keys)), make([]*suspicion[K], len(keys))
	var asked []K
	var of []int
	for i := range entries {
		switch entry := &entries[i]; {
		case entry.Err != nil:
			verdicts[i] = verdict{outcome: store.CheckFailed, err: entry.Err}
		case !entry.Current():
			verdicts[i].outcome = store.CheckGone
		default:
			asked, of = append(asked, keys[i]), append(of, i)
		}
	}
	if len(asked) == 0 {
		return verdicts, suspicions
	}
	began := time.Now()
	for n, source := range c.sources(ctx, asked) {
		i := of[n]
		verdicts[i] = c.glance(entries[i], source)
		if verdicts[i].pending {
			suspicions[i] = &suspicion[K]{
				ctx: ctx, key: keys[i], entry: entries[i], source: source, looks: 1, since: began, hits: 1,
			}
		}
	}
	return verdicts, suspicions
}

// glance compares for the first time.
func (c *comparer[K, V]) glance(entry, source store.Copy) verdict {
	if source.Err != nil {
		return verdict{outcome: store.CheckFailed, err: source.Err}
	}
	switch same, err := c.same(entry, source); {
	case err != nil:
		return verdict{outcome: store.CheckFailed, err: err}
	case same:
		return verdict{outcome: store.CheckEqual}
	default:
		return verdict{pending: true}
	}
}

// again looks at suspicions once more. The source is asked first: if the entry still stands after that, it stood at
// every moment since the first look.
func (c *comparer[K, V]) again(ctx context.Context, near bool, suspicions []*suspicion[K]) []verdict {
	keys := make([]K, len(suspicions))
	for i, s := range suspicions {
		keys[i] = s.key
	}
	sources := c.sources(ctx, keys)
	entries := c.cache.Look(ctx, near, keys...)
	verdicts := make([]verdict, len(suspicions))
	for i, s := range suspicions {
		s.looks++
		verdicts[i] = c.judge(ctx, s, entries[i], sources[i])
		s.source = sources[i]
	}
	return verdicts
}

func (c *comparer[K, V]) judge(ctx context.Context, s *suspicion[K], entry, source store.Copy) verdict {
	switch {
	case source.Err != nil:
		return verdict{outcome: store.CheckFailed, err: source.Err}
	case entry.Err != nil:
		return verdict{outcome: store.CheckFailed, err: entry.Err}
	case !entry.Current() || entry.Version != s.entry.Version:
		return verdict{outcome: store.CheckExplained} // whatever was wrong, somebody has put an end to it
	}
	s.entry.Age = entry.Age
	if now := c.glance(entry, source); !now.pending {
		if now.outcome == store.CheckEqual {
			now.outcome = store.CheckExplained // the source was between two states, or is read from replicas that lag
		}
		return now
	}
	return c.settle(ctx, s, source)
}

// settle decides on a difference that has lasted: the source must say the same twice.
func (c *comparer[K, V]) settle(ctx context.Context, s *suspicion[K], source store.Copy) verdict {
	steady, err := c.same(s.source, source)
	if err == nil && !steady {
		if s.looks < maxLooks {
			return verdict{pending: true}
		}
		again := c.source(ctx, s.key)
		if again.Err != nil {
			return verdict{outcome: store.CheckFailed, err: again.Err}
		}
		steady, err = c.same(source, again)
	}
	switch {
	case err != nil:
		return verdict{outcome: store.CheckFailed, err: err}
	case !steady:
		return verdict{outcome: store.CheckUnsettled}
	case s.entry.Age <= c.tolerate:
		return verdict{outcome: store.CheckExplained}
	default:
		return verdict{outcome: store.CheckDiffers}
	}
}
