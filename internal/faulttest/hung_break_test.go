package faulttest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
)

// After as many failures as open the breaker, reads that need a hung server don't wait any more. This holds for a Cluster
// and for a single node, for entries that only have a tag there, and where no connections exist yet. Reads that don't need
// the server are hits.
func TestHungServerIsLeftAlone(t *testing.T) {
	for place, start := range hungPlaces {
		for _, kind := range []string{"entry", "tag"} {
			for _, warm := range []bool{true, false} {
				if place == "single" && kind == "tag" {
					continue
				}
				t.Run(fmt.Sprintf("%s, %s, connections: %t", place, kind, warm), func(t *testing.T) {
					p := start(t)
					keys := p.ofHung
					if kind == "tag" {
						keys = p.tagOfHung
					}
					p.leftAlone(t, keys, warm)
				})
			}
		}
	}
}

// leftAlone reads the keys while the server hangs, and then the keys that don't need it.
func (p *hungPlace) leftAlone(t *testing.T, keys []int, warm bool) {
	t.Helper()
	const breakAfter, reads = 5, 15
	n := p.node(t, breakAfter)
	redistest.Eventually(t, "the feed", func() bool { return n.st.Stats().Feed.Up })
	if warm {
		burst(8, func() { _, _ = n.c.GetAll(t.Context(), slices.Concat(p.ofHung, p.tagOfHung, p.living)) })
	}
	p.hung.Pause()
	defer p.hung.Resume()
	slow, worst, began := 0, time.Duration(0), time.Now()
	for i := range reads {
		before := time.Now()
		_, err := n.c.Get(t.Context(), keys[i%len(keys)])
		require.NoError(t, err)
		took := time.Since(before)
		worst = max(worst, took)
		if took > hungTimeout/2 {
			slow++
		}
	}
	all, hits, others := time.Since(began), 0, reads*min(1, len(p.living))
	for i := range others {
		_, info, err := n.c.GetInfo(t.Context(), p.living[i%len(p.living)])
		require.NoError(t, err)
		if info.Source == cacheable.SourceHit {
			hits++
		}
	}
	t.Logf("%d of %d reads waited, %v at most and %v in all; breakers open of %v; %d of %d reads of others were hits",
		slow, reads, worst.Round(time.Millisecond), all.Round(time.Millisecond), n.st.Stats().Breakers.Open, hits, others)
	assert.LessOrEqual(t, slow, breakAfter)
	assert.LessOrEqual(t, all, breakAfter*(hungTimeout+hungSlack))
	assert.Equal(t, []string{p.hung.Addr()}, n.st.Stats().Breakers.Open)
	assert.Equal(t, others, hits)
}
