package entry

import (
	"context"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/wire"
)

// Lease is the right to store the result of a load that is about to begin: a lease on the key, or, for the refresh of
// a value that stays readable meanwhile, the version that was seen. It lapses with whatever changes the key.
type Lease struct {
	cache     *Cache
	ref       *Ref
	key       string         // where the result is stored: the key, or its variant
	anchor    []byte         // of the variant; nil where the result is stored under the key itself
	record    []byte         // what stands there must still begin with this
	lease     []byte         // the lease that is renewed meanwhile; nil if there is none
	at        string         // where the lease is: where the result is stored, or beside that for a refresh
	pause     envelope.Pause // of a refresh: what follows if it fails
	lost      bool           // a renewal has found that the lease is not there any more
	dataEpoch uint64         // of the outbox, before the load
	before    tagversion.Before
}

// RenewOnce renews the lease. It reports whether the lease still holds.
func (l *Lease) RenewOnce(ctx context.Context) (held bool, err error) {
	renew := l.renewal()
	err = l.cache.cfg.Wire.Run(ctx, renew)
	return err == nil && renew.Did(), err
}

// EachRenewal calls renew whenever leases are due to be renewed, until it reports false, done is closed, or ctx ends.
func (c *Cache) EachRenewal(ctx context.Context, done <-chan struct{}, renew func() bool) {
	pause.Renew(ctx, done, c.cfg.LeaseTime/3, renew)
}

// RenewAll renews those leases that are not nil and not known to be lost. A Redis that does not answer is asked again the next
// time.
func (c *Cache) RenewAll(ctx context.Context, leases []*Lease) {
	var held []*Lease
	var renewals []*wire.Call
	for _, l := range leases {
		if l != nil && l.lease != nil && !l.lost {
			held, renewals = append(held, l), append(renewals, l.renewal())
		}
	}
	_ = c.cfg.Wire.Run(ctx, renewals...) // each call has its own error
	for i, l := range held {
		l.lost = renewals[i].Err() == nil && !renewals[i].Did()
	}
}

// chunk is how many leases are taken or ended together.
const chunk = 256

// keptAlive keeps leases alive while others are taken, or ended, chunk by chunk.
type keptAlive struct{ last time.Time }

// renew renews the leases if it is time to.
func (k *keptAlive) renew(ctx context.Context, c *Cache, leases []*Lease) {
	if k.last.IsZero() {
		k.last = time.Now()
	}
	if time.Since(k.last) > c.cfg.LeaseTime/3 {
		c.RenewAll(ctx, leases)
		k.last = time.Now()
	}
}

func (l *Lease) renewal() *wire.Call { return l.onLease("renew", l.cache.cfg.LeaseTime.Milliseconds()) }

// outlived reports whether Redis may have come back with older data, and so with the lease but without an eviction that
// had ended it.
func (l *Lease) outlived() bool { return l.dataEpoch != l.cache.cfg.Outbox.DataEpoch() }

// cooldown is what stands in place of the lease of a refresh after it failed.
func (l *Lease) cooldown() []byte {
	return envelope.NewCooldown(l.pause, envelope.IdentityToken(l.record[len(l.anchor):]))
}

// onKey changes what stands where the result is stored, if it is still as it was leased.
func (l *Lease) onKey(what string, args ...any) *wire.Call {
	return l.cas(l.key, append([]any{l.record, what}, args...))
}

// onLease changes the lease, if it is still this one.
func (l *Lease) onLease(args ...any) *wire.Call { return l.cas(l.at, append([]any{l.lease}, args...)) }

func (l *Lease) cas(addr string, args []any) *wire.Call {
	call := &wire.Call{Script: lua.Cas, Key: addr, Args: args}
	if l.anchor != nil {
		call.With, call.Args = l.ref.Addr(), slices.Concat(args, []any{l.anchor})
	}
	return call
}

// refreshes reports whether the lease is that of a refresh, so that what it is on is readable meanwhile.
func (l *Lease) refreshes() bool { return l.at != l.key }
