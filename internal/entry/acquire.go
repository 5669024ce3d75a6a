package entry

import (
	"context"

	"github.com/jollyjet/aside/internal/tagversion"
)

// acquireTries bounds how often Acquire replaces what is in the way, an invalid entry or a lease that this process has left
// behind, and that turns into something else meanwhile.
const acquireTries = 3

// Acquire reads the entry anew and takes the lease on it if there is nothing to read and nobody else has it. It
// returns a lease, or what it found instead: a value, a foreign lease (see [Cache.Watch]) or a hold. seen is an
// invalid entry that an earlier read found, to be replaced at once, or the zero Entry. The error wraps
// [wire.ErrUnavailable].
func (c *Cache) Acquire(ctx context.Context, ref *Ref, seen Entry) (*Lease, Entry, error) {
	return c.acquire(ctx, ref, seen, false)
}

// Overtake is Acquire, but it takes the lease from another loader, whose result is not stored then.
func (c *Cache) Overtake(ctx context.Context, ref *Ref, seen Entry) (*Lease, Entry, error) {
	return c.acquire(ctx, ref, seen, true)
}

// AcquireForce is Acquire for a refresh by hand: it takes the lease from another loader, and where it finds a value it
// returns a lease on that version, which stays readable.
func (c *Cache) AcquireForce(ctx context.Context, ref *Ref) (*Lease, Entry, error) {
	dataEpoch := c.cfg.Outbox.DataEpoch()
	lease, e, err := c.acquire(ctx, ref, Entry{}, true)
	if err == nil && lease == nil && e.readable() {
		numbers := e.record.Versions[:tagversion.NumbersLen(len(ref.tags))]
		lease = &Lease{
			cache: c, ref: ref, key: c.keyOf(ref, &e), anchor: e.anchor, record: e.identity(), dataEpoch: dataEpoch,
			before: tagversion.Before{Numbers: numbers, Buckets: e.buckets, Created: c.cfg.Wire.Clock.Now()},
		}
	}
	return lease, e, err
}

func (c *Cache) acquire(ctx context.Context, ref *Ref, seen Entry, displace bool) (*Lease, Entry, error) {
	for try := 1; ; try++ {
		a := c.tryLease(ref, seen, displace)
		c.carryOut(ctx, a)
		inTheWay := a.found.State == Invalid || a.moved || c.leftovers.has(a.other)
		if a.err != nil || a.lease != nil || !inTheWay || try == acquireTries {
			return a.lease, a.found, a.err
		}
		seen = a.found
		seen.State = Invalid
	}
}

// AcquireStale leases the version that was seen, for a load that replaces it: the value stays readable until
// then, and in the whole fleet only one has the lease. Without a lease the entry says why: somebody else has it
// ([Leased]), the last load of this version failed and it is too early to try again ([Entry.Cooldown]), or the entry is no
// longer what was seen. Who has nothing else to answer with does not heed the former: heed is false. The error wraps
// [wire.ErrUnavailable].
func (c *Cache) AcquireStale(ctx context.Context, ref *Ref, seen Entry, heed bool) (*Lease, Entry, error) {
	a := c.tryRefresh(ref, seen, heed, []byte{})
	c.carryOut(ctx, a)
	if a.lease == nil && a.err == nil && c.leftovers.has(a.other) {
		a = c.tryRefresh(ref, seen, heed, a.other)
		c.carryOut(ctx, a)
	}
	return a.lease, a.found, a.err
}

// AcquireAll is [Cache.Acquire] for several entries in one round trip, or in several if they are many; for those of which a
// value was seen it is [Cache.AcquireStale], which heeds what heed says of the one of that number. It tries once.
func (c *Cache) AcquireAll(ctx context.Context, refs []*Ref, seen []Entry, heed func(i int) bool) ([]*Lease, []Entry, []error) {
	leases, entries, errs := make([]*Lease, len(refs)), make([]Entry, len(refs)), make([]error, len(refs))
	var alive keptAlive
	for from := 0; from < len(refs); from += chunk {
		to := min(from+chunk, len(refs))
		attempts := make([]*attempt, 0, to-from)
		for i := from; i < to; i++ {
			attempts = append(attempts, c.try(refs[i], seen[i], func() bool { return heed(i) }))
		}
		c.carryOut(ctx, attempts...)
		for n, a := range attempts {
			leases[from+n], entries[from+n], errs[from+n] = a.lease, a.found, a.err
		}
		alive.renew(ctx, c, leases[:from])
	}
	return leases, entries, errs
}

func (c *Cache) try(ref *Ref, seen Entry, heed func() bool) *attempt {
	if seen.State == Stale || seen.State == Value {
		return c.tryRefresh(ref, seen, heed(), []byte{})
	}
	return c.tryLease(ref, seen, false)
}
