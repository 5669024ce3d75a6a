package outbox

import "time"

// Stats is what an outbox has done so far.
type Stats struct {
	Queued        int64  // evictions that failed at first
	Replayed      int64  // queued evictions carried out since
	Overflows     int64  // times that everything is evicted instead
	Recalled      int64  // confirmed evictions queued again
	JournalErrors int64  // times that the journal could not be written
	JournalFault  string // why it can't be written now
	Pending       int64  // evictions that wait now
	PendingFor    time.Duration
	Remembered    int64 // confirmed evictions in the history
}

// Stats returns the counters. They are not read at one instant.
func (o *Outbox) Stats() Stats {
	s := Stats{
		Queued: o.queued.Load(), Replayed: o.replayed.Load(), Overflows: o.overflows.Load(), Recalled: o.recalled.Load(),
		JournalErrors: o.file.errors.Load(), JournalFault: o.file.trouble(), Pending: o.n.Load(),
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	s.PendingFor = o.queue.outage.waited()
	s.Remembered = int64(o.history.n)
	return s
}
