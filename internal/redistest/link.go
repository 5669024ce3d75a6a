package redistest

import (
	"context"
	"errors"
	"net"
)

// errCut is the cause that Cut and CutAll end a link with.
var errCut = errors.New("cut")

// link is one client connection of a Proxy and its upstream half.
type link struct {
	proxy    *Proxy
	ctx      context.Context // ends with the link
	cancel   context.CancelCauseFunc
	client   net.Conn
	upstream string
	closed   chan struct{} // closed when no byte passes any more
}

// run owns the connections. To end the link, cancel its context: run then closes
// the connections, which also ends the two copies.
func (l *link) run() {
	defer func() {
		l.proxy.mu.Lock()
		delete(l.proxy.links, l)
		l.proxy.mu.Unlock()
		close(l.closed)
	}()
	defer l.cancel(nil)
	defer func() { l.shut(l.client) }()

	if !l.proxy.pass(l.ctx, false, 0) {
		return
	}
	var dialer net.Dialer
	upstream, err := dialer.DialContext(l.ctx, "tcp", l.upstream)
	if err != nil {
		return
	}
	defer l.shut(upstream)

	l.proxy.wg.Go(func() { l.copy(upstream, l.client, false) })
	l.proxy.wg.Go(func() { l.copy(l.client, upstream, true) })
	<-l.ctx.Done()
}

// copy ends the link when either side ends: RESP has no use for a half-closed
// connection.
func (l *link) copy(to, from net.Conn, reply bool) {
	defer l.cancel(nil)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if !l.proxy.pass(l.ctx, reply, n) {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// shut resets a link that was cut, as a broken connection would be. It closes a
// link that ended by itself in order, so that its last bytes still arrive.
func (l *link) shut(conn net.Conn) {
	if errors.Is(context.Cause(l.ctx), errCut) {
		abort(conn)
		return
	}
	_ = conn.Close()
}

func abort(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
