package ratelimit

import (
	"sync"
	"sync/atomic"
)

// openBreakers counts the masters that nothing is sent to, and reports when the first appears and when none is left.
type openBreakers struct {
	changed func(open bool) // may be nil

	report sync.Mutex // held while changed runs, so that calls come one at a time, in order
	n      atomic.Int64
}

func (o *openBreakers) any() bool { return o.n.Load() > 0 }

func (o *openBreakers) opened() {
	o.report.Lock()
	defer o.report.Unlock()
	if o.n.Add(1) == 1 && o.changed != nil {
		o.changed(true)
	}
}

func (o *openBreakers) closed() {
	o.report.Lock()
	defer o.report.Unlock()
	if o.n.Add(-1) == 0 && o.changed != nil {
		o.changed(false)
	}
}
