package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// heldPermit is a permit in use, whose leases are renewed. A timer costs less than a goroutine for each.
type heldPermit struct {
	limiter *Limiter
	result  Result
	ctx     context.Context         // has the values of the caller's, but does not end: the release comes after it
	lose    context.CancelCauseFunc // ends the context of the work
	lease   time.Duration

	mu        sync.Mutex // never held while Redis is asked
	timer     *time.Timer
	released  bool
	told      bool      // that the lease is lost
	confirmed time.Time // the lease lasts from this time or a later one
	unsettled time.Time // a command that takes the lease back may be carried out until then
}

// start begins the renewals, one every third of a lease, so that one may fail.
func (h *heldPermit) start() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timer = time.AfterFunc(h.lease/3, h.renew)
}

// renew runs on a goroutine of its own. A renewal that arrives after the release finds nothing to renew.
func (h *heldPermit) renew() {
	began := time.Now()
	var err error
	if h.result.Source == FromLocal {
		err = h.renewLocal()
	} else {
		err = h.limiter.renew(h.ctx, h.result.charge, h.mayTakeBack)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.released {
		return
	}
	if err == nil {
		h.confirmed = began
	} else {
		h.failed(err)
	}
	h.timer.Reset(h.lease / 3)
}

// renewLocal holds mu, so that it does not take back what was released.
func (h *heldPermit) renewLocal() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.released || h.limiter.local.renew(h.result.charge) {
		return nil
	}
	return ErrLeaseLost
}

func (h *heldPermit) mayTakeBack() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unsettled = time.Now().Add(2 * h.limiter.conn.Timeout)
	return !h.released
}

// failed tells the holder if the lease is gone. That Redis could not be asked is no reason, unless the user would rather
// refuse than exceed the limit: others then decide without Redis too. Renewals go on in any case: as long as the work
// lasts it should be counted. mu is held.
func (h *heldPermit) failed(err error) {
	if !errors.Is(err, ErrLeaseLost) {
		if h.limiter.fallback != fallbackClosed || time.Since(h.confirmed) < h.lease {
			return
		}
		err = fmt.Errorf("%w: not renewed for %v: %w", ErrLeaseLost, h.lease, err)
	}
	if h.told {
		return
	}
	h.told = true
	h.limiter.counters.leasesLost.Add(1)
	if h.limiter.shadow {
		return
	}
	h.limiter.logLeaseLost(err)
	h.lose(err)
}

func (h *heldPermit) release() {
	h.mu.Lock()
	again := h.released
	h.released = true
	h.timer.Stop()
	left := time.Until(h.unsettled)
	h.mu.Unlock()
	if again {
		return
	}
	h.giveBack()
	if left > 0 {
		time.AfterFunc(left, h.giveBack)
	}
	h.lose(nil)
}

// giveBack has no one to report to: if Redis is away the lease runs out.
func (h *heldPermit) giveBack() { _ = h.limiter.refund(h.ctx, h.result, true) }
