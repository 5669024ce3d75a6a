package outbox

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/wire"
)

// What may rest on each other leaves the queue together: what was carried out once is not repeated until the rest was too, and
// then all go once more.
func TestEvictionsThatBelongTogetherEndTogether(t *testing.T) {
	down := map[string]bool{"inner": true}
	var sent [][]string
	send := func(_ context.Context, calls ...*wire.Call) (done bool, err error) {
		var keys []string
		done = true
		for _, c := range calls {
			keys = append(keys, c.Key)
			c.Reply = outcome(!down[c.Key]).Reply
			done = done && !down[c.Key]
		}
		slices.Sort(keys)
		sent = append(sent, keys)
		if !done {
			return false, errLost
		}
		return true, nil
	}
	o := bare(t, func(c *Config) {
		c.Together = send
		c.Deliver = func(ctx context.Context, calls ...*wire.Call) error { _, err := send(ctx, calls...); return err }
	})
	o.Add(Eviction{Together: true}, errLost, keyspace.At("outer"), keyspace.At("inner"))
	o.Add(Eviction{}, errLost, keyspace.At("alone"))
	require.Equal(t, 2, o.ReplayOnce(t.Context()), "alone, and outer for the first time")
	require.True(t, o.Has("outer") && o.Has("inner"), "what outer was made of since may be old")
	require.False(t, o.Has("alone"))
	require.Zero(t, o.ReplayOnce(t.Context()))
	down["inner"] = false
	require.Equal(t, 1, o.ReplayOnce(t.Context()))
	require.True(t, o.Has("outer") && o.Has("inner"))
	require.Equal(t, 2, o.ReplayOnce(t.Context()))
	require.True(t, o.Empty())
	require.Equal(t, [][]string{{"alone"}, {"inner", "outer"}, {"inner"}, {"inner"}, {"inner", "outer"}}, sent)
	require.EqualValues(t, 3, o.Stats().Replayed)
}

// After a loss of data everything that is repeated is repeated together.
func TestWhatIsRecalledIsEvictedTogether(t *testing.T) {
	o := bare(t, func(*Config) {})
	o.Confirmed([]keyspace.Key{keyspace.At("a")}, []*wire.Call{outcome(true)}, 0, Eviction{})
	o.Add(Eviction{}, errLost, keyspace.At("b"))
	require.Equal(t, 1, o.Recall())
	alone, together, whole := o.due()
	require.Empty(t, alone)
	require.Len(t, together, 2)
	require.True(t, whole)
}
