package session

import (
	"context"
	"flag"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

var interleavings = flag.Int("interleavings", 1000, "how many to try on each kind of Redis")

// Requests of one session run interleaved at random, command by command, on nodes of their own: slow requests that
// change data, renewals with and without grace, logins, logouts, and revocations. Each history has to be one that a
// single session could have had if all had come one after the other: then no change is lost, no ended session comes
// back, and no replaced token is let in.
func TestNeverResurrectedInAnyInterleaving(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		rounds := *interleavings
		if strings.HasSuffix(t.Name(), "/miniredis") {
			rounds = min(rounds, 300) // its Lua is slow
		}
		l := newLab(t, rdb)
		seed := uint64(time.Now().UnixNano())
		outcomes := map[string]int{}
		for i := range rounds {
			l.round(t, rand.New(rand.NewPCG(seed, uint64(i))), outcomes)
			if t.Failed() {
				t.Fatalf("seed %d, round %d", seed, i)
			}
		}
		t.Logf("%d interleavings: %v", rounds, outcomes)
		for _, must := range []string{"update ok", "update ended", "renew ok", "renew ended", "grace ok", "login same", "login new", "logout ok", "all ok", "read none"} {
			require.Positive(t, outcomes[must], "never seen: %s", must)
		}
	})
}

const actors = 5

type lab struct {
	engines [actors]*engine
	gates   [actors]*gate
	seed    *engine // without a gate
	clock   atomic.Int64
}

func newLab(t *testing.T, rdb redis.UniversalClient) *lab {
	t.Helper()
	ns := redistest.Unique(t)
	l := &lab{}
	open := func(options ...Option) *engine {
		m := New[int](rdb, append(options, Namespace(ns), Timeout(5*time.Second))...)
		t.Cleanup(func() { require.NoError(t, m.Close()) })
		m.e.pause = func(context.Context, int) error { return nil } // the order is the scheduler's
		return m.e
	}
	l.seed = open()
	for i := range l.engines {
		l.gates[i] = &gate{turn: make(chan struct{}), state: make(chan bool)}
		l.engines[i] = open(Hooks(l.gates[i]))
	}
	return l
}

// gate stops each command of an engine until the scheduler gives it a turn.
type gate struct {
	turn  chan struct{}
	state chan bool // true: waits for a turn, false: has finished
}

func (g *gate) pass() { g.state <- true; <-g.turn }

func (g *gate) DialHook(next redis.DialHook) redis.DialHook { return next }

func (g *gate) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { g.pass(); return next(ctx, cmd) }
}

func (g *gate) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { g.pass(); return next(ctx, cmds) }
}

func (l *lab) round(t *testing.T, rng *rand.Rand, outcomes map[string]int) {
	ctx := t.Context()
	tok := newToken()
	user := ""
	first := condition{alive: true, bound: rng.IntN(3) > 0}
	s := &scope{e: l.seed, state: none}
	if first.bound {
		user = "ann"
		require.NoError(t, s.loginNew(ctx, user, ""))
	} else {
		require.NoError(t, s.create(ctx, &body{}))
	}
	tok = s.tok
	first.cur = tok.String()
	if rng.IntN(3) == 0 { // begin with a renewal just done, so that two tokens are good
		s.request = &http.Request{}
		s.renewInUse(ctx)
		first.previous, first.cur = first.cur, s.tok.String()
	}

	histories := make([][]porcupine.Operation, actors)
	var tokens atomic.Pointer[[]string]
	tokens.Store(&[]string{tok.String(), first.cur})
	for i := range actors {
		kind := []string{"slow", "slow", "renew", "grace", "login", "logout", "all"}[rng.IntN(7)]
		token := (*tokens.Load())[rng.IntN(2)]
		pick := rng.IntN(2)
		go func() {
			a := &actor{l: l, id: i, e: l.engines[i]}
			a.act(ctx, kind, token, pick)
			histories[i] = a.history
			l.gates[i].state <- false
		}()
	}
	l.schedule(rng)

	var history []porcupine.Operation
	last := &actor{l: l, id: actors, e: l.seed}
	known := map[string]bool{first.cur: true, tok.String(): true}
	for _, h := range histories {
		for _, op := range h {
			if token := op.Output.(output).token; token != "" && op.Output.(output).result != "new" {
				known[token] = true
			}
		}
		history = append(history, h...)
	}
	for token := range known {
		last.read(ctx, last.scope(token))
	}
	history = append(history, last.history...)
	for _, op := range history {
		outcomes[op.Input.(input).kind+" "+op.Output.(output).result]++
	}
	if !porcupine.CheckOperations(model(first), history) {
		for _, op := range history {
			t.Logf("%d-%d by %d: %+v -> %+v", op.Call, op.Return, op.ClientId, op.Input, op.Output)
		}
		t.Errorf("no single session could have had this history; it began as %+v", first)
	}
	_ = (&scope{e: l.seed, state: live, tok: s.tok, rec: s.rec}).end(ctx)
	_, _, _ = l.seed.ask(ctx, clearScript, l.seed.keyOfUser("ann"))
}

// schedule lets one actor at a time carry out one command, until all have finished.
func (l *lab) schedule(rng *rand.Rand) {
	var waiting []int
	for i, g := range l.gates {
		if <-g.state {
			waiting = append(waiting, i)
		}
	}
	for len(waiting) > 0 {
		k := rng.IntN(len(waiting))
		g := l.gates[waiting[k]]
		g.turn <- struct{}{}
		if !<-g.state {
			waiting = append(waiting[:k], waiting[k+1:]...)
		}
	}
}
