package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
	"context"
)

func TestZZ(t *testing.T) {
	mini := redistest.Mini(t)
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{mini.Addr()}})
	network := &stepper{}
	st := open(t, rdb, store.Strict(), store.Hooks(network), store.LeaseTime(modelLease), store.HoldTime(modelHold))
	st.SuspendReplay()
	warm(t, rdb, st)
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{
			T: rt, stepper: network, mini: mini, rdb: rdb, now: time.Now(), tag: "x",
			least: make([]int, 2), queued: make([]int, 2), holders: make(map[*actor]*holding),
		}
		p := st.Space("cache", schema, ttl)
		m.nodes = append(m.nodes, &entry{st: st, Space: p, Ref: p.Ref(p.Key("a"), []string{m.tag})})
		r := m.start("reader", 0, func(ctx context.Context, a *actor) { m.read(ctx, a, false, false) })
		for {
			r.step(delivered, 0)
			if !r.command { break }
		}
		r.step(delivered, 0)
		e := m.start("evictor", 0, func(ctx context.Context, a *actor) { m.after(ctx, a, []store.Key{m.nodes[0].Ref.Key}) })
		e.step(delivered, 0)
		fmt.Println("command", e.command, m.source)
		e.step(neverSent, 0)
		fmt.Println("over", e.over, m.least, st.Stats().Pending)
		for !r.over { r.step(delivered, 0) }
		fmt.Println(m.broken)
		panic("x")
	})
}
