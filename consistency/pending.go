package consistency

import (
	"context"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/pause"
)

// maxPending bounds how many suspicions wait for their grace to be over.
const maxPending = 1000

// pending are the suspicions that wait, in the order in which their time comes.
type pending[K comparable] struct {
	grace time.Duration
	wake  chan struct{} // the first one has changed

	mu    sync.Mutex
	byKey map[K]*suspicion[K] // also those that are being looked at
	queue []waiting[K]
}

type waiting[K comparable] struct {
	s     *suspicion[K]
	until time.Time
}

func newPending[K comparable](grace time.Duration) *pending[K] {
	return &pending[K]{grace: grace, wake: make(chan struct{}, 1), byKey: make(map[K]*suspicion[K])}
}

// joined reports whether there is a suspicion about the key already. Its outcome is that of one answer more then.
func (p *pending[K]) joined(key K) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.byKey[key]
	if s != nil {
		s.hits++
	}
	return s != nil
}

// add lets a suspicion wait. It reports false if there are too many. If another about the same key came first, that one
// goes on for both.
func (p *pending[K]) add(s *suspicion[K]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.byKey[s.key]; other != nil && other != s {
		other.hits += s.hits
		return true
	}
	if p.byKey[s.key] == nil && len(p.byKey) >= maxPending {
		return false
	}
	p.byKey[s.key] = s
	p.queue = append(p.queue, waiting[K]{s, time.Now().Add(p.grace)})
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return true
}

// concluded removes a suspicion, after which its hits do not change any more.
func (p *pending[K]) concluded(s *suspicion[K]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byKey, s.key)
}

// feed sends each suspicion to due when its time has come, until ctx ends.
func (p *pending[K]) feed(ctx context.Context, due chan<- *suspicion[K]) {
	for {
		s, left := p.next()
		switch {
		case s == nil && left == 0:
			select {
			case <-p.wake:
			case <-ctx.Done():
				return
			}
		case s == nil:
			if !pause.For(ctx, left) {
				return
			}
		default:
			select {
			case due <- s:
			case <-ctx.Done():
				return
			}
		}
	}
}

// next takes the first suspicion whose time has come, or says how long it is until then; 0 if none waits.
func (p *pending[K]) next() (*suspicion[K], time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return nil, 0
	}
	if left := time.Until(p.queue[0].until); left > 0 {
		return nil, left
	}
	s := p.queue[0].s
	p.queue = p.queue[1:]
	return s, 0
}
