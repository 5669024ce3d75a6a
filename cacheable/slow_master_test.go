package cacheable_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
)

// On a Cluster a read asks several masters at once, and one of them may answer long after the others. An entry that was
// stored in between depends on tag versions that the read did not see yet; it must not count as evicted.
func TestAMasterThatAnswersLateDoesNotCauseASecondLoad(t *testing.T) {
	cluster := redistest.StartCluster(t)
	prompt := cluster.Client(t)
	namespace, src := redistest.Unique(t), source{}
	a := cacheable.New(join(t, prompt, namespace), "c", src.load)

	key := "" // whose entry is on another master than the versions of the cache and the namespace
	for i := 0; key == ""; i++ {
		k := fmt.Sprint(i)
		entry := cluster.MasterFor(t, a.EntryKey(k).String())
		if entry != cluster.MasterFor(t, a.WholeKey().String()) && entry != cluster.MasterFor(t, a.Store().Everything().String()) {
			key = k
		}
	}
	late := gate{addr: cluster.MasterFor(t, a.EntryKey(key).String()).Addr(), asked: make(chan struct{}), open: make(chan struct{})}
	slow := cluster.Client(t, func(o *redis.ClusterOptions) { o.Dialer = late.dial })
	b := cacheable.New(join(t, slow, namespace), "c", src.load)
	late.close()

	call := async(func() (int64, error) { return b.Get(t.Context(), key) })
	within(t, "the read of the entry", late.asked)
	eventually(t, "the read of the two versions", func() bool { return gets(t, cluster) == 2 })
	_, err := a.Get(t.Context(), key)
	require.NoError(t, err)
	close(late.open)
	_, err = call.wait(t)
	require.NoError(t, err)
	require.EqualValues(t, 1, src.loads.Load())
	require.EqualValues(t, 1, b.Store().Stats().Caches["c"].Hits)
}

// gets is how many GETs the nodes of a cluster have received.
func gets(t *testing.T, cluster *redistest.Cluster) (n int) {
	t.Helper()
	for _, node := range cluster.Nodes() {
		text, err := node.Do(t.Context(), "INFO", "commandstats")
		require.NoError(t, err)
		for line := range strings.Lines(text.(string)) {
			var calls int
			if _, err := fmt.Sscanf(line, "cmdstat_get:calls=%d,", &calls); err == nil {
				n += calls
			}
		}
	}
	return n
}

// gate is a dialer that blocks connections to one address, from close until open is closed.
type gate struct {
	addr        string
	asked, open chan struct{}

	mu     sync.Mutex
	closed bool
	once   sync.Once
	conns  []net.Conn
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, c := range g.conns {
		_ = c.Close()
	}
}

func (g *gate) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	g.mu.Lock()
	closed := g.closed && addr == g.addr
	g.mu.Unlock()
	if closed {
		g.once.Do(func() { close(g.asked) })
		select {
		case <-g.open:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err == nil && addr == g.addr {
		g.mu.Lock()
		g.conns = append(g.conns, conn)
		g.mu.Unlock()
	}
	return conn, err
}
