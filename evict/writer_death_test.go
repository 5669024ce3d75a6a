package evict_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// childEnv makes the test binary act as another process of the fleet: "address namespace hold mode".
const childEnv = "ASIDE_EVICT_CHILD"

// sourceKey is the processes' common source: a plain key of the same Redis.
const sourceKey = "source"

func shared(rdb redis.UniversalClient) func(context.Context, string) (int64, error) {
	return func(ctx context.Context, _ string) (int64, error) { return rdb.Get(ctx, sourceKey).Int64() }
}

// runChild changes the source in a decorated write, reports it, and never ends the write.
func runChild(args string) {
	var addr, namespace, life, mode string
	if _, err := fmt.Sscan(args, &addr, &namespace, &life, &mode); err != nil {
		panic(err)
	}
	hold, err := time.ParseDuration(life)
	if err != nil {
		panic(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	st, err := store.Open(context.Background(), rdb, store.Namespace(namespace), store.HoldTime(hold), store.Timeout(5*time.Second))
	if err != nil {
		panic(err)
	}
	c := cacheable.New(st, "c", shared(rdb), tagged)
	target := evict.Key(c, keyOf)
	if strings.HasSuffix(mode, "Tags") {
		target = evict.Tags(st, func(in change) []string { return []string{"of " + in.Key} })
	}
	decorate := evict.Around[change, int64]
	if strings.HasPrefix(mode, "After") {
		decorate = evict.After[change, int64]
	}
	write := decorate(func(ctx context.Context, in change) (int64, error) {
		if err := rdb.Set(ctx, sourceKey, in.Value, 0).Err(); err != nil {
			panic(err)
		}
		fmt.Println("written")
		select {}
	}, target)
	_, _ = write(context.Background(), change{"k", 1})
}

var tagged = cacheable.Tags(func(k string) []string { return []string{"of " + k} })

// A writer is killed between its change of the source and its eviction. With Around, other readers see the new value at
// once, because the entry is held, and still do after the hold has expired. With After the old value stays; this proves
// that the test would notice.
func TestAWriterIsKilledBetweenWriteAndEviction(t *testing.T) {
	const hold = 2 * time.Second // of which enough is left when a busy machine has killed the writer
	for _, mode := range []string{"Around/Key", "Around/Tags", "After/Key", "After/Tags"} {
		t.Run(mode, func(t *testing.T) {
			server := redistest.Start(t)
			rdb, namespace := server.Client(t), redistest.Unique(t)
			require.NoError(t, rdb.Set(t.Context(), sourceKey, 0, 0).Err())
			c := cacheable.New(join(t, rdb, namespace), "c", shared(rdb), tagged)
			reads(t, 0, "k", c)
			cached(t, 0, "k", c)
			killWriter(t, server.Addr(), namespace, hold, mode)
			began := time.Now()

			if strings.HasPrefix(mode, "After") {
				for time.Since(began) < hold/2 { // there is no hold that could end
					cached(t, 0, "k", c)
				}
				return
			}
			bypasses := 0
			eventually(t, "the end of the hold", func() bool {
				v, info, err := c.GetInfo(t.Context(), "k")
				require.NoError(t, err)
				require.EqualValues(t, 1, v)
				if info.Source == cacheable.SourceBypass {
					bypasses++
					return false
				}
				require.Equal(t, cacheable.SourceMiss, info.Source)
				return true
			})
			t.Logf("the hold of %v ended %v after its owner's death; %d reads went to the source", hold, time.Since(began), bypasses)
			require.Positive(t, bypasses)
			cached(t, 1, "k", c)
		})
	}
}

// killWriter starts another process, waits until it has changed the source, and kills it.
func killWriter(t *testing.T, addr, namespace string, hold time.Duration, mode string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join([]string{addr, namespace, hold.String(), mode}, " "))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	require.NoError(t, err)
	require.Equal(t, "written\n", line)
}

// The hold of a slow writer is renewed for as long as the writer lives.
func TestASlowWriterKeepsItsHold(t *testing.T) {
	const hold = 2 * time.Second // which a busy machine does not let run out between two renewals
	rdb := redistest.Start(t).Client(t)
	stores, src := fleet(t, rdb, 2, store.HoldTime(hold)), &table{}
	a, b := cacheable.New(stores[0], "c", src.load, tagged), cacheable.New(stores[1], "c", src.load, tagged)
	for name, target := range map[string]evict.Target[change]{
		"key": evict.Key(a, keyOf),
		"tag": evict.Tags(stores[0], func(in change) []string { return []string{"of " + in.Key} }),
	} {
		t.Run(name, func(t *testing.T) {
			reads(t, src.cell("k").Load(), "k", b)
			write := evict.Around(func(ctx context.Context, in change) (int64, error) {
				for began := time.Now(); time.Since(began) < 5*hold/4; {
					for _, c := range []*cache{a, b} {
						_, info, err := c.GetInfo(ctx, in.Key)
						require.NoError(t, err)
						require.Equal(t, cacheable.SourceBypass, info.Source)
					}
				}
				return src.write(ctx, in)
			}, target)
			_, err := write(t.Context(), change{"k", src.cell("k").Load() + 1})
			require.NoError(t, err)
			absent(t, "k", a, b)
		})
	}
}
