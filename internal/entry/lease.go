package entry

import (
	"context"

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
	record    []byte         // what the key must still begin with
	lease     []byte         // the lease that is renewed meanwhile; nil if there is none
	at        string         // where the lease is: the key itself, or that of its refresh
	pause     envelope.Pause // of a refresh: what follows if it fails
	dataEpoch uint64         // of the outbox, before the load
	before    tagversion.Before
}

// Renew renews the lease until done is closed or ctx ends. It returns earlier if the lease is lost, for then nothing is
// left to renew; a Redis that does not answer is asked again.
func (l *Lease) Renew(ctx context.Context, done <-chan struct{}) {
	if l.lease == nil {
		return
	}
	pause.Renew(ctx, done, l.cache.cfg.LeaseTime/3, func() bool {
		held, err := l.RenewOnce(ctx)
		return held || err != nil
	})
}

// RenewOnce is one step of Renew. It reports whether the lease still holds.
func (l *Lease) RenewOnce(ctx context.Context) (held bool, err error) {
	renew := l.renewal()
	err = l.cache.cfg.Wire.Run(ctx, renew)
	return err == nil && renew.Did(), err
}

// RenewAll is [Lease.Renew] for several leases.
func (c *Cache) RenewAll(ctx context.Context, leases []*Lease, done <-chan struct{}) {
	pause.Renew(ctx, done, c.cfg.LeaseTime/3, func() bool {
		renewals := make([]*wire.Call, len(leases))
		for i, l := range leases {
			renewals[i] = l.renewal()
		}
		_ = c.cfg.Wire.Run(ctx, renewals...) // a lease that is lost is noticed in the end
		return true
	})
}

func (l *Lease) renewal() *wire.Call { return l.onLease("renew", l.cache.cfg.LeaseTime.Milliseconds()) }

// outlived reports whether Redis may have come back with older data, and so with the lease but without an eviction that
// had ended it.
func (l *Lease) outlived() bool { return l.dataEpoch != l.cache.cfg.Outbox.DataEpoch() }

// cooldown is what stands in place of the lease of a refresh after it failed.
func (l *Lease) cooldown() []byte {
	return envelope.NewCooldown(l.pause, envelope.IdentityToken(l.record))
}

// onKey changes the key, if it is still as it was leased.
func (l *Lease) onKey(what string, args ...any) *wire.Call {
	return &wire.Call{Script: lua.Cas, Key: l.ref.Addr(), Args: append([]any{l.record, what}, args...)}
}

// onLease changes the lease, if it is still this one.
func (l *Lease) onLease(args ...any) *wire.Call {
	return &wire.Call{Script: lua.Cas, Key: l.at, Args: append([]any{l.lease}, args...)}
}
