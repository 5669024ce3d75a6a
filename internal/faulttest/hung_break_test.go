package faulttest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
)

// After as many failures as the breaker asks for, reads of what is on a server that hangs don't wait any more; it is so for
// a Cluster as for a single node, and for entries that only have a tag there. Reads of what does not need it are hits.
func TestHungServerIsLeftAlone(t *testing.T) {
	const breakAfter, reads = 5, 15
	for place, start := range hungPlaces {
		for _, kind := range []string{"entry", "tag"} {
			if place == "single" && kind == "tag" {
				continue
			}
			t.Run(place+", "+kind, func(t *testing.T) {
				p := start(t)
				n := p.node(t, breakAfter)
				redistest.Eventually(t, "the feed", func() bool { return n.st.Stats().Feed.Up })
				atOnce(8, func() { _, _ = n.c.GetAll(t.Context(), slices.Concat(p.ofHung, p.tagOfHung, p.living)) })
				keys := p.ofHung
				if kind == "tag" {
					keys = p.tagOfHung
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
				all := time.Since(began)
				hits := 0
				for i := range reads * min(1, len(p.living)) {
					_, info, err := n.c.GetInfo(t.Context(), p.living[i%len(p.living)])
					require.NoError(t, err)
					if info.Source == cacheable.SourceHit {
						hits++
					}
				}
				t.Logf("%d of %d reads waited, %v at most and %v in all; then the breakers of %d servers were open; %d of %d reads of others were hits",
					slow, reads, worst.Round(time.Millisecond), all.Round(time.Millisecond), len(n.st.Stats().Breakers.Open), hits, reads*min(1, len(p.living)))
				assert.LessOrEqual(t, slow, breakAfter)
				assert.Equal(t, []string{p.hung.Addr()}, n.st.Stats().Breakers.Open)
				if len(p.living) > 0 {
					assert.Equal(t, reads, hits)
				}
			})
		}
	}
}
