package tagversion

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/tracking"
)

// read is a read of a version that is under way.
type read struct {
	learn func(State)
	found *State // once it was carried out
}

// However reads and changes overlap: when all changes were reported, nothing but the present state is believed.
func TestWhatWasReadBeforeAChangeIsNotLearnedAfterIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := untracked()
		v, present, unreported := &Version{key: cfg.Keys.Tag("x")}, numbered(1), 0
		var under []*read
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			pick := func() *read {
				if len(under) == 0 {
					return nil
				}
				return under[rapid.IntRange(0, len(under)-1).Draw(t, "which")]
			}
			switch rapid.SampledFrom([]string{"begin", "carry out", "learn", "change", "report"}).Draw(t, "step") {
			case "begin":
				under = append(under, &read{learn: v.reading(&cfg)})
			case "carry out":
				if r := pick(); r != nil {
					now := present
					r.found = &now
				}
			case "learn":
				if r := pick(); r != nil && r.found != nil {
					r.learn(*r.found)
				}
			case "change":
				present = rapid.SampledFrom([]State{numbered(1), numbered(2), numbered(3), {}, {Held: true}}).Draw(t, "state")
				unreported++
			case "report":
				before := v.Changes()
				v.forget()
				require.Equal(t, before+1, v.Changes())
				unreported = 0
			}
			if state, _, ok := v.believed(&cfg); ok && unreported == 0 {
				require.Equal(t, present, state)
			}
		}
		v.know(&cfg, present)
		state, _, ok := v.believed(&cfg)
		require.True(t, ok)
		require.Equal(t, present, state)
	})
}

// know reads the version, without interruption.
func (v *Version) know(cfg *Config, state State) { v.reading(cfg)(state) }

// Learning and forgetting at the same time: whoever reads in between and is late does not win.
func TestLearningRacesWithForgetting(t *testing.T) {
	cfg := untracked()
	v := &Version{key: cfg.Keys.Tag("x")}
	for n := range byte(200) {
		learn := v.reading(&cfg)
		var both sync.WaitGroup
		both.Go(func() { learn(numbered(n)) })
		both.Go(v.forget)
		both.Wait()
		_, _, ok := v.believed(&cfg)
		require.False(t, ok, "it was read before the change")
	}
}

func TestWithoutTrackingAVersionIsTrustedForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := untracked()
		cfg.Trust = time.Second
		v := &Version{key: cfg.Keys.Tag("x")}
		learn := v.reading(&cfg)
		time.Sleep(400 * time.Millisecond)
		learn(numbered(1))
		time.Sleep(599 * time.Millisecond)
		_, until, ok := v.believed(&cfg)
		require.True(t, ok)
		require.NotZero(t, until)
		time.Sleep(time.Millisecond)
		_, _, ok = v.believed(&cfg)
		require.False(t, ok, "a second counts from when the read began")
	})
}

func TestStrictBelievesNothing(t *testing.T) {
	cfg := untracked()
	v := &Version{key: cfg.Keys.Tag("x")}
	v.know(&cfg, numbered(1))
	_, _, ok := v.believed(&cfg)
	require.True(t, ok)
	cfg.Strict = true
	_, _, ok = v.believed(&cfg)
	require.False(t, ok)
}

func TestAVersionIsKeptWhileALoadHasAskedForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &Version{}
		require.False(t, v.isKept(time.Minute), "nobody has asked")
		v.wanted.Store(&wanted{ttl: time.Hour, at: time.Now()})
		require.True(t, v.isKept(time.Hour))
		require.True(t, v.isKept(time.Minute), "who wants less has it")
		require.False(t, v.isKept(2*time.Hour), "who wants more has not")
		time.Sleep(15*time.Minute - 1)
		require.True(t, v.isKept(time.Hour))
		time.Sleep(time.Nanosecond)
		require.False(t, v.isKept(time.Hour), "a quarter is over; Redis prolongs what has less than three quarters left")
	})
}

// tracked returns versions that a real server's reports reach.
func tracked(t *testing.T) (*Versions, *redistest.Server) {
	t.Helper()
	server := redistest.Start(t)
	w, keys := over(t, server.Client(t)), keyspace.New("n")
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })
	var v *Versions
	tracker := tracking.New(tracking.Config{
		Keys: keys, Wire: w, Log: redistest.NewLog(0).Logger(), Timeout: 5 * time.Second, PingEvery: time.Second, RetryMost: time.Second,
		Start:   func(f func(context.Context)) bool { running.Go(func() { f(ctx) }); return true },
		Changed: func(addr string) { v.Changed(addr) },
	})
	v = New(Config{Keys: keys, Wire: w, Tracker: tracker, Trust: time.Hour})
	masters, err := w.Client().Masters(ctx)
	require.NoError(t, err)
	tracker.Follow(ctx, map[string]*redisx.Node{server.Addr(): masters[0]})
	redistest.Eventually(t, "tracking is up", func() bool { _, up := tracker.Status(); return up })
	return v, server
}

func TestTrackingVouchesWhileAnEpochLasts(t *testing.T) {
	v, server := tracked(t)
	all := v.Cache("cache")
	believed := func() bool { _, _, ok := all.believed(&v.cfg); return ok }
	v.know(all, numbered(1))
	state, until, ok := all.believed(&v.cfg)
	require.True(t, ok)
	require.Equal(t, numbered(1), state)
	require.Zero(t, until, "there is no end to it")

	_, err := server.Do(t.Context(), "SET", all.Key().Addr(), "x")
	require.NoError(t, err)
	redistest.Eventually(t, "the change is reported", func() bool { return !believed() })

	early := all.reading(&v.cfg)
	epoch, _ := v.cfg.Tracker.Status()
	_, err = server.Do(t.Context(), "FLUSHALL")
	require.NoError(t, err)
	redistest.Eventually(t, "the flush is reported", func() bool { now, up := v.cfg.Tracker.Status(); return up && now != epoch })
	early(numbered(1))
	require.False(t, believed(), "it was read in another epoch")
	v.know(all, numbered(2))
	require.True(t, believed())

	before := all.reading(&v.cfg)
	v.cfg.Tracker.End()
	require.False(t, believed(), "nobody vouches for it any more, and it was not read for others to trust")
	before(numbered(2))
	require.False(t, believed(), "nor for what was read while tracking was up")
	v.know(all, numbered(2))
	require.True(t, believed(), "what is read now is trusted for a while")
}
