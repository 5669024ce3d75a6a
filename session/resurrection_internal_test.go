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

	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/redistest"
)

var interleavings = flag.Int("interleavings", 500, "how many to try on each kind of Redis")

// Requests of one session run on different nodes, interleaved at random, command by command: slow requests that change
// data, renewals with and without grace, logins, logouts, and revocations. Each history must be possible for a single
// session whose requests ran one after the other. So no change is lost, no ended session comes back, and no replaced
// token is let in.
func TestNeverResurrectedInAnyInterleaving(t *testing.T) {
	interleave(t, false, "update ok", "update ended", "renew ok", "renew ended", "grace ok", "login same", "login new", "logout ok", "all ok", "read none")
}

// The same, but one command in ten is not executed, or is executed although no reply comes.
func TestNeverResurrectedThoughCommandsFail(t *testing.T) {
	interleave(t, true, "update ok", "update error", "renew error", "login same", "login error", "logout ok", "logout error", "all error")
}

func interleave(t *testing.T, faults bool, expected ...string) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		rounds := *interleavings
		if strings.HasSuffix(t.Name(), "/miniredis") {
			rounds = min(rounds, 300) // its Lua is slow
		}
		l := newLab(t, rdb)
		l.faults = faults
		seed := uint64(time.Now().UnixNano())
		outcomes := map[string]int{}
		for i := range rounds {
			l.round(t, rand.New(rand.NewPCG(seed, uint64(i))), outcomes)
			if t.Failed() {
				t.Fatalf("seed %d, round %d", seed, i)
			}
		}
		t.Logf("%d interleavings: %v", rounds, outcomes)
		for _, must := range expected {
			require.Positive(t, outcomes[must], "never seen: %s", must)
		}
	})
}

const actors = 5

type lab struct {
	protocols [actors]*protocol
	gates     [actors]*gate
	seed      *protocol // without a gate
	clock     atomic.Int64
	faults    bool
}

func newLab(t *testing.T, rdb redis.UniversalClient) *lab {
	t.Helper()
	ns := redistest.Unique(t)
	l := &lab{}
	open := func(options ...Option) *protocol {
		m := New[int](rdb, append(options, Namespace(ns), Timeout(5*time.Second))...)
		t.Cleanup(func() { require.NoError(t, m.Close()) })
		m.p.backOff = func(context.Context, *pause.Backoff) error { return nil } // the order is the scheduler's
		m.p.orphans.retrying = true                                              // and it knows of nothing in the background
		return m.p
	}
	l.seed = open()
	for i := range l.protocols {
		l.gates[i] = &gate{turn: make(chan *rand.Rand), state: make(chan bool)}
		l.protocols[i] = open(Hooks(l.gates[i]))
	}
	return l
}

// gate stops each command of a node until the scheduler gives it a turn.
type gate struct {
	turn  chan *rand.Rand // chance decides what fails; nil if nothing is to
	state chan bool       // true: waits for a turn, false: has finished
}

// pass decides which commands are sent, and which replies are lost.
func (g *gate) pass(cmds ...redis.Cmder) (send, lost []redis.Cmder) {
	g.state <- true
	rng := <-g.turn
	for _, cmd := range cmds {
		fate := 2
		if rng != nil {
			fate = rng.IntN(20)
		}
		switch fate {
		case 0:
			cmd.SetErr(errSevered)
			continue
		case 1:
			lost = append(lost, cmd)
		}
		send = append(send, cmd)
	}
	return send, lost
}

func lose(cmds []redis.Cmder) error {
	for _, cmd := range cmds {
		cmd.SetErr(errSevered)
	}
	return errSevered
}

func (g *gate) DialHook(next redis.DialHook) redis.DialHook { return next }

func (g *gate) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		send, lost := g.pass(cmd)
		if len(send) == 0 {
			return errSevered
		}
		err := next(ctx, cmd)
		if len(lost) > 0 {
			return lose(lost)
		}
		return err
	}
}

func (g *gate) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) (err error) {
		send, lost := g.pass(cmds...)
		if len(send) > 0 {
			err = next(ctx, send)
		}
		if len(send) < len(cmds) || len(lost) > 0 {
			return lose(lost)
		}
		return err
	}
}

// theSession tells the session that the history is about from those that logins begin.
var theSession = []Flash{{Kind: "it"}}

func (l *lab) round(t *testing.T, rng *rand.Rand, outcomes map[string]int) {
	ctx := t.Context()
	tok := newToken()
	user := ""
	first := condition{alive: true, bound: rng.IntN(3) > 0}
	s := &requestSession{p: l.seed, state: none}
	if first.bound {
		user = "ann"
		require.NoError(t, s.loginNew(ctx, user, "", s.p.life()))
		require.NoError(t, s.update(ctx, false, func(b *body) (bool, error) {
			b.flashes = theSession
			return true, nil
		}))
	} else {
		require.NoError(t, s.create(ctx, &body{flashes: theSession}))
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
		if l.faults && kind == "grace" {
			kind = "login" // of a renewal that failed others may learn the id
		}
		token := (*tokens.Load())[rng.IntN(2)]
		pick := rng.IntN(2)
		go func() {
			a := &actor{l: l, id: i, p: l.protocols[i]}
			a.act(ctx, kind, token, pick)
			histories[i] = a.history
			l.gates[i].state <- false
		}()
	}
	l.schedule(rng)

	var history []porcupine.Operation
	last := &actor{l: l, id: actors, p: l.seed}
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
		last.read(ctx, last.request(token))
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
	_ = (&requestSession{p: l.seed, state: live, tok: s.tok, rec: s.rec}).end(ctx)
	_, _, _ = l.seed.script(ctx, clearScript, l.seed.keyOfUser("ann"))
}

// schedule lets one actor at a time execute one command, until all have finished.
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
		if l.faults {
			g.turn <- rng
		} else {
			g.turn <- nil
		}
		if !<-g.state {
			waiting = append(waiting[:k], waiting[k+1:]...)
		}
	}
}
