package cacheable

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/tracing"
)

// refreshAllAhead loads the values of the items again in the background, with one call of the loader, but for those
// that somebody is loading already.
func (m *Many[K, V]) refreshAllAhead(ctx context.Context, due []*item[K, V]) {
	var parts []*part[K, V]
	for _, it := range due {
		if m.refresher.begin(it.job.ref.Key) {
			it.job.cause = tracing.CauseAhead
			parts = append(parts, &part[K, V]{job: &it.job})
		}
	}
	if len(parts) == 0 {
		return
	}
	if !m.space.Lifecycle().Load(func() { m.refreshParts(ctx, parts) }) {
		for _, p := range parts {
			m.refresher.end(p.job.ref.Key, 0)
		}
	}
}

func (m *Many[K, V]) refreshParts(ctx context.Context, parts []*part[K, V]) {
	ctx, cancel := m.space.Lifecycle().LoadContext(ctx, 0)
	defer cancel()
	p := &place{slots: m.slots}
	defer p.leave()
	if !p.take(ctx) { // the store closes
		for _, one := range parts {
			m.refresher.end(one.job.ref.Key, 0)
		}
		return
	}
	refs, seen := make([]*entry.Ref, len(parts)), make([]entry.Entry, len(parts))
	for i, p := range parts {
		refs[i], seen[i] = p.job.ref, p.job.seen
	}
	claims, views, errs := m.space.AcquireAll(ctx, refs, seen)
	var claimed []*part[K, V]
	for i, p := range parts {
		if p.claim = claims[i]; p.claim != nil {
			claimed = append(claimed, p)
		} else {
			m.refresher.end(p.job.ref.Key, pauseAfter(views[i], errs[i]))
		}
	}
	if len(claimed) == 0 {
		return
	}
	results := m.loadParts(ctx, p, claimed)
	pauses, longest := make([]time.Duration, len(claimed)), time.Duration(0)
	for i, p := range claimed {
		m.space.Count(entry.CountRefresh)
		if r := results[i]; r.err != nil && !r.absent {
			m.space.Count(entry.CountRefreshFailed)
			pauses[i] = m.refresher.failed(p.job.ref.Key)
			longest = max(longest, pauses[i])
		}
	}
	m.finishParts(context.WithoutCancel(ctx), claimed, results, longest)
	for i, p := range claimed {
		m.refresher.end(p.job.ref.Key, pauses[i])
	}
}
