package dataset

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/internal/redisx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// outbox stands for the room that remembers evictions.
type outbox struct {
	remembered int // evictions that Redis may have lost
	recalls    int
	wakes      int
}

func (o *outbox) any() bool { return o.remembered > 0 }

func (o *outbox) recall() int { o.recalls++; return o.remembered }

func detector(o *outbox, log slog.Handler) *Detector {
	return New(Config{Log: slog.New(log), Any: o.any, Recall: o.recall, Woke: func() { o.wakes++ }})
}

// step is what happens to a detector.
type step func(d *Detector, o *outbox)

func met(addr, run string) step {
	return func(d *Detector, _ *outbox) { d.Met(addr, redisx.Identity{Run: run, History: "h"}) }
}

func history(addr, run, history string) step {
	return func(d *Detector, _ *outbox) { d.Met(addr, redisx.Identity{Run: run, History: history}) }
}

func evicts(n int) step { return func(_ *Detector, o *outbox) { o.remembered += n } }

// reviewed is a review that begins now: what was met before and is not met again is forgotten.
func reviewed(d *Detector, _ *outbox) { time.Sleep(time.Second); d.Reviewed(time.Now()) }

// reviewing is a review in which masters are met.
func reviewing(masters ...step) step {
	return func(d *Detector, o *outbox) {
		start := time.Now()
		for _, m := range masters {
			m(d, o)
		}
		d.Reviewed(start)
	}
}

func TestWhenADataSetIsASurprise(t *testing.T) {
	for _, tt := range []struct {
		name     string
		steps    []step
		recalls  int
		restarts int64
	}{
		{"the first one", []step{met("a", "1")}, 0, 0},
		{"the first one, after evictions that failed", []step{evicts(1), met("a", "1")}, 0, 0},
		{"the same one again", []step{met("a", "1"), reviewing(met("a", "1")), evicts(1), met("a", "1")}, 0, 0},
		{"another run at the same address", []step{reviewing(met("a", "1")), evicts(1), met("a", "2")}, 1, 1},
		{"another run, and nothing evicted that it could have lost", []step{reviewing(met("a", "1")), met("a", "2")}, 1, 1},
		{"another history of the same run", []step{reviewing(met("a", "1")), evicts(1), history("a", "1", "other")}, 1, 1},
		{"another run at another address", []step{reviewing(met("a", "1")), evicts(1), met("b", "2")}, 1, 1},
		{"the same data set at another address", []step{reviewing(met("a", "1")), evicts(1), met("b", "1")}, 0, 0},
		{"the masters of a Cluster, one after the other", []step{met("a", "1"), met("b", "2"), met("c", "3")}, 0, 0},
		{"a master of a Cluster is met late: to be on the safe side", []step{met("a", "1"), evicts(1), met("b", "2")}, 1, 0},
		{"a restart before all masters are met", []step{met("a", "1"), evicts(1), met("a", "2")}, 1, 1},
		{"a restart before all masters are met, without evictions", []step{met("a", "1"), met("a", "2")}, 0, 0},
		{"it comes back to one that was forgotten", []step{
			reviewing(met("a", "1")), met("a", "2"), reviewed, reviewing(met("a", "2")), evicts(1), met("a", "1"),
		}, 2, 2},
		{"one that is met in each review is not forgotten", []step{
			reviewing(met("a", "1"), met("b", "2")), reviewing(met("a", "1"), met("b", "2")), evicts(1), met("a", "1"), met("b", "2"),
		}, 0, 0},
		{"one that was away during a review is asked anew", []step{
			reviewing(met("a", "1"), met("b", "2")), func(*Detector, *outbox) { time.Sleep(time.Second) }, reviewing(met("a", "1")), evicts(1), met("b", "2"),
		}, 1, 1},
		{"a server that does not say who it is", []step{
			func(d *Detector, _ *outbox) { d.Blind("a", errors.New("no permission")) }, evicts(1), met("a", "1"),
		}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &outbox{}
				d := detector(o, slog.DiscardHandler)
				for _, s := range tt.steps {
					s(d, o)
				}
				require.Equal(t, tt.recalls, o.recalls, "recalls")
				require.Equal(t, tt.restarts, d.Restarts(), "restarts")
			})
		})
	}
}

func TestEveryMasterThatAnswersEndsAPause(t *testing.T) {
	o := &outbox{}
	d := detector(o, slog.DiscardHandler)
	met("a", "1")(d, o)
	met("a", "1")(d, o)
	require.Equal(t, 2, o.wakes)
	d.Blind("a", nil)
	require.Equal(t, 2, o.wakes, "a server that is blind may not be a master")
}

// Whoever meets the new data set while evictions are being recalled waits, so that no reply is used before they are queued.
func TestNobodyPassesWhileEvictionsAreRecalled(t *testing.T) {
	var d *Detector
	began, recalling := make(chan struct{}), atomic.Bool{}
	d = New(Config{
		Log: slog.New(slog.DiscardHandler), Any: func() bool { return true }, Woke: func() {},
		Recall: func() int {
			recalling.Store(true)
			close(began)
			time.Sleep(20 * time.Millisecond)
			recalling.Store(false)
			return 1
		},
	})
	d.Met("a", redisx.Identity{Run: "1"})
	d.Reviewed(time.Time{})
	var first sync.WaitGroup
	first.Go(func() { d.Met("a", redisx.Identity{Run: "2"}) })
	<-began
	d.Met("a", redisx.Identity{Run: "2"})
	require.False(t, recalling.Load())
	first.Wait()
}

func TestServersThatDoNotSayWhoTheyAreAreLoggedOnce(t *testing.T) {
	log := redistest.NewLog(slog.LevelWarn)
	d := detector(&outbox{}, log)
	const blind = "aside: this Redis does not say in INFO who it is"
	d.Blind("a", errors.New("no permission"))
	d.Blind("b", errors.New("no permission"))
	require.True(t, d.IsBlind())
	require.Len(t, log.At(slog.LevelWarn, blind), 1)
	require.Equal(t, "a", log.At(slog.LevelWarn, blind)[0].Attr("node").String())

	d.Met("a", redisx.Identity{Run: "1"})
	require.False(t, d.IsBlind())
	d.Blind("a", errors.New("no permission"))
	require.Len(t, log.At(slog.LevelWarn, blind), 2, "it is lost again")
}

func TestARestartIsLoggedWithWhatIsRepeated(t *testing.T) {
	log := redistest.NewLog(slog.LevelWarn)
	o := &outbox{remembered: 3}
	d := detector(o, log)
	met("a", "1")(d, o)
	d.Reviewed(time.Time{})
	require.Empty(t, log.With("aside"))
	met("a", "2")(d, o)
	lines := log.At(slog.LevelWarn, "aside: Redis has restarted")
	require.Len(t, lines, 1)
	require.Equal(t, "2", lines[0].Attr("run").String())
	require.EqualValues(t, 3, lines[0].Attr("evictions").Int64())
}

// asking is a log handler that asks the detector, which must not hold its lock while it logs or wakes.
type asking struct {
	slog.Handler
	ask func()
}

func (asking) Enabled(context.Context, slog.Level) bool { return true }

func (a asking) Handle(context.Context, slog.Record) error { a.ask(); return nil }

func TestNothingIsCalledWithTheLockHeldButTheRecall(t *testing.T) {
	var d *Detector
	asked := 0
	ask := func() {
		asked++
		if !d.mu.TryLock() {
			t.Error("the lock is held")
			return
		}
		d.mu.Unlock()
	}
	o := &outbox{remembered: 1}
	d = New(Config{Log: slog.New(asking{slog.DiscardHandler, ask}), Any: o.any, Recall: o.recall, Woke: ask})
	met("a", "1")(d, o)
	met("a", "2")(d, o)
	d.Blind("a", errors.New("no permission"))
	require.Equal(t, 4, asked, "two that have answered, a restart and a server that is blind")
}
