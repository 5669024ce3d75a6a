package outbox

// Open takes over the evictions that an earlier process could not deliver, if there is a journal. The error wraps
// [ErrJournal].
func (o *Outbox) Open() error {
	left, damaged, err := o.file.open()
	if err != nil || o.file.journal == nil {
		return err
	}
	o.mu.Lock()
	o.queue.number++
	for _, e := range left {
		o.queue.put(e.Key, Eviction{Until: e.Until, Together: true})
	}
	if len(left) > 0 {
		o.queue.outage.began = left[0].Since
	}
	if damaged {
		o.queue.put(o.cfg.Everything, Eviction{})
	}
	o.n.Store(int64(len(o.queue.keys)))
	o.mu.Unlock()
	o.queued.Add(int64(len(left)))
	if damaged {
		o.cfg.Log.Error("aside: the journal of evictions is damaged, everything will be evicted", "path", o.cfg.Journal)
	}
	if len(left) > 0 {
		o.cfg.Log.Warn("aside: evictions of an earlier process are still to be carried out", "path", o.cfg.Journal, "keys", len(left))
	}
	return nil
}

// Resume begins to carry out what Open has found.
func (o *Outbox) Resume() {
	o.mu.Lock()
	coarse := o.begin()
	if o.file.journal != nil {
		o.file.rewrite(&o.queue)
	}
	o.mu.Unlock()
	o.complain(coarse)
}

// Close comes last, when nothing changes the queue any more.
func (o *Outbox) Close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.file.close()
}
