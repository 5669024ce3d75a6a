package redistest

import (
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// Proxy forwards TCP connections to one upstream, and can behave like a bad
// network. Its methods may be called from any goroutine.
type Proxy struct {
	tb    testing.TB
	lease *lease
	addr  string
	wg    sync.WaitGroup

	mu       sync.Mutex
	upstream string       // of new links; guarded by mu, as all below
	listener net.Listener // nil while cut
	links    map[*link]struct{}
	flow     chan struct{} // closed while data flows
	delay    time.Duration
	rate     int  // bytes of replies a second, for each link; 0: no bound
	closed   bool // the test has ended: Heal does nothing
}

// StartProxy runs a proxy in front of the upstream address until the end of
// the test.
func StartProxy(tb testing.TB, upstream string) *Proxy {
	tb.Helper()
	l, err := leasePort()
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{
		tb: tb, upstream: upstream, lease: l, addr: loopback(l.port),
		links: map[*link]struct{}{}, flow: make(chan struct{}),
	}
	close(p.flow)
	tb.Cleanup(func() {
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.Cut()
		p.wg.Wait()
		p.lease.release()
	})
	p.Heal()
	return p
}

// Addr is the proxy's address, the same for its whole life.
func (p *Proxy) Addr() string { return p.addr }

// Redirect leads new connections to another upstream. Open connections keep
// theirs, as behind a DNS name or a load balancer.
func (p *Proxy) Redirect(upstream string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.upstream = upstream
}

// Links is the number of connections that are open.
func (p *Proxy) Links() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// Cut closes all connections and refuses new ones until Heal.
func (p *Proxy) Cut() {
	p.mu.Lock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	p.mu.Unlock()
	p.CutAll()
}

// CutAll closes all connections; clients may connect again at once.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	links := slices.Collect(maps.Keys(p.links))
	p.mu.Unlock()
	for _, l := range links {
		l.cancel(errCut)
		<-l.closed
	}
}

// Hang stops all traffic until Heal: connections stay open and new ones are
// accepted, but no byte passes, in either direction. As with a network that
// drops packets, what was sent meanwhile arrives after Heal.
func (p *Proxy) Hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flow:
		p.flow = make(chan struct{})
	default:
	}
}

// Heal ends Cut, Hang, Delay and Throttle.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay, p.rate = 0, 0
	select {
	case <-p.flow:
	default:
		close(p.flow)
	}
	if p.listener != nil || p.closed {
		return
	}
	listener, err := net.Listen("tcp", p.addr)
	if err != nil {
		p.tb.Errorf("redistest: proxy to %s: %v", p.upstream, err)
		return
	}
	p.listener = listener
	p.wg.Go(func() { p.accept(listener) })
}

// Delay holds each chunk of a reply back for d; zero ends it.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Throttle limits the replies of each connection to so many bytes per second;
// zero ends it.
func (p *Proxy) Throttle(bytesPerSecond int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rate = bytesPerSecond
}

func (p *Proxy) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return // closed by Cut
		}
		p.mu.Lock()
		if p.listener != listener {
			// Cut came between Accept and here, and did not see this one.
			p.mu.Unlock()
			abort(client)
			return
		}
		l := &link{proxy: p, client: client, upstream: p.upstream, closed: make(chan struct{})}
		l.ctx, l.cancel = context.WithCancelCause(context.Background())
		p.links[l] = struct{}{}
		p.mu.Unlock()
		p.wg.Go(l.run)
	}
}

// pass waits until so many bytes may flow, after their delay. It reports false if
// the link was closed. The gate comes last, so that Hang also holds bytes that
// were delayed before.
func (p *Proxy) pass(ctx context.Context, reply bool, bytes int) bool {
	p.mu.Lock()
	delay := p.delay
	if p.rate > 0 {
		delay += time.Duration(bytes) * time.Second / time.Duration(p.rate)
	}
	p.mu.Unlock()
	if reply && delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false
		}
	}
	p.mu.Lock()
	flow := p.flow
	p.mu.Unlock()
	select {
	case <-flow:
		return true
	case <-ctx.Done():
		return false
	}
}
