package session

import (
	"fmt"
	"net/http"
)

// scope is found through the types that embed the writer.
func (w *writer) scope() *protocol { return w.s.p }

// refuseStacked panics if a request is within the Middleware of another manager that has the same cookie for another
// namespace: each would take it for its own, and replace it.
func refuseStacked(w http.ResponseWriter, p *protocol) {
	for w != nil {
		if outer, ok := w.(interface{ scope() *protocol }); ok {
			if o := outer.scope(); o.cookie == p.cookie && !o.bearer && !p.bearer && o.conn.Namespace != p.conn.Namespace {
				panic(fmt.Sprintf("session: Middleware within that of another manager: the namespaces %q and %q have the same cookie %q; "+
					"give each a session.CookieName of its own", o.conn.Namespace, p.conn.Namespace, p.cookie))
			}
		}
		below, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = below.Unwrap()
	}
}
