package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/journal"
	"github.com/jollyjet/aside/internal/pause"
)

// tendEvery is how often the journal's file is compared with what waits, and a fault of it tried again.
const tendEvery = time.Second

// Open takes over the evictions that an earlier process could not deliver, if there is a journal. A file that can't be used
// now is no error: it is tried again each second. The error wraps [ErrJournal]; it says that the path is that of something
// else.
func (o *Outbox) Open() error {
	if o.cfg.Journal == "" {
		return nil
	}
	o.file.journal = journal.New(o.cfg.Journal, o.cfg.Namespace)
	err := o.write()
	if journal.Mistaken(err) {
		o.file.journal = nil
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	o.file.report(err)
	return nil
}

// Resume begins to carry out what Open has found.
func (o *Outbox) Resume() {
	o.mu.Lock()
	o.resumed = true
	coarse := o.begin()
	if coarse {
		o.file.rewrite(&o.queue)
	}
	o.mu.Unlock()
	o.complain(coarse)
	if o.file.journal == nil {
		return
	}
	o.cfg.Life.Background("journal", o.tend)
}

// tend writes what nobody waits for, and notices what others do to the journal's file, and when it can be written again.
func (o *Outbox) tend(ctx context.Context) {
	for pause.Until(ctx, tendEvery, o.file.wake) {
		o.keep()
	}
}

// keep returns when the journal has on the disk what waits, or has failed. It is called without a lock.
func (o *Outbox) keep() {
	if o.file.journal != nil {
		o.file.report(o.write())
	}
}

// write is keep without a report.
func (o *Outbox) write() error {
	for {
		err := o.file.journal.Sync(o.waited())
		if !o.accept() {
			return err
		}
	}
}

// waited is for how long evictions have been waiting while a process waited with them.
func (o *Outbox) waited() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queue.outage.waited()
}

// accept takes over what the journal has found in its file. It reports whether there was anything.
func (o *Outbox) accept() bool {
	left, coarse, ok := o.takeOver()
	if !ok {
		return false
	}
	if left.Damaged {
		o.cfg.Log.Error("aside: the journal of evictions is damaged, everything will be evicted", "path", o.cfg.Journal)
	}
	if left.Emptied {
		o.cfg.Log.Warn("aside: the journal of evictions is an empty file; if somebody has truncated it, evictions of an earlier process are lost",
			"path", o.cfg.Journal, "do", "keep logrotate and the like away from it")
	}
	if len(left.Entries) > 0 {
		o.cfg.Log.Warn("aside: evictions of an earlier process are still to be carried out", "path", o.cfg.Journal, "keys", len(left.Entries))
	}
	o.complain(coarse)
	return true
}

// takeOver queues what the journal has found. How old these evictions are does not matter, only for how long a process has
// waited with them: time in which none ran says nothing about Redis.
func (o *Outbox) takeOver() (left journal.Left, coarse, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if left, ok = o.file.journal.Left(); !ok {
		return left, false, false
	}
	left.Emptied = left.Emptied && !o.resumed // later on nothing is lost, for this process has it
	o.queue.number++
	for _, e := range left.Entries {
		o.queue.put(e.Key, Eviction{Until: e.Until, Together: true})
	}
	if left.Damaged {
		o.queue.put(o.cfg.Everything, Eviction{})
	}
	o.queued.Add(int64(len(left.Entries)))
	o.n.Store(int64(len(o.queue.keys)))
	if len(o.queue.keys) > 0 && o.queue.outage.began.IsZero() {
		o.queue.outage.began = time.Now().Add(-left.Waited)
	}
	if o.resumed {
		coarse = o.begin()
	}
	o.file.journal.Accept(entriesOf(&o.queue))
	return left, coarse, true
}

// Close comes last, when nothing changes the queue any more.
func (o *Outbox) Close() {
	if o.file.journal == nil {
		return
	}
	o.keep()
	o.file.report(o.file.journal.Close(o.waited()))
}
