package faulttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
	"github.com/jollyjet/aside/store"
)

const (
	rotations = 4
	pairs     = 400 // of keys, for each node; each is written once, so that no later eviction makes up for a lost one
)

// rotation is a way in which clients cope with a new password.
type rotation struct {
	name string
	// begin returns the options of a node's client, and functions that begin and end the n-th rotation.
	begin func(t *testing.T, u *user) (change func(*redis.UniversalOptions), strike, heal func(n int))
	lasts time.Duration
}

var rotationKinds = []rotation{
	{"a provider that knows first", func(t *testing.T, u *user) (func(*redis.UniversalOptions), func(int), func(int)) {
		password, provide := provider(u)
		return provide, func(n int) {
			password.Store(fmt.Sprint("p", n))
			u.rotate(t, fmt.Sprint("p", n))
		}, func(int) {}
	}, 300 * time.Millisecond},
	{"a provider that learns after a second", func(t *testing.T, u *user) (func(*redis.UniversalOptions), func(int), func(int)) {
		password, provide := provider(u)
		return provide, func(n int) { u.rotate(t, fmt.Sprint("p", n)) }, func(n int) { password.Store(fmt.Sprint("p", n)) }
	}, time.Second},
	{"a password that is taken back after a second", func(t *testing.T, u *user) (func(*redis.UniversalOptions), func(int), func(int)) {
		return u.as("p0"), func(n int) { u.rotate(t, fmt.Sprint("p", n)) }, func(int) { u.set(t, ">p0") }
	}, time.Second},
}

func provider(u *user) (*atomic.Value, func(*redis.UniversalOptions)) {
	password := &atomic.Value{}
	password.Store("p0")
	return password, func(o *redis.UniversalOptions) {
		o.CredentialsProvider = func() (string, string) { return u.name, password.Load().(string) }
	}
}

// While passwords are rotated two nodes read, write, log in and log out. No eviction is lost, and no session survives a
// logout that returned nil.
func TestPasswordRotationUnderLoad(t *testing.T) {
	onBoth(t, func(t *testing.T, p *place) {
		for _, kind := range rotationKinds {
			t.Run(kind.name, func(t *testing.T) {
				u, namespace := p.newUser(t, "p0"), redistest.Unique(t)
				change, strike, heal := kind.begin(t, u)
				w := newRotated(t, p, namespace, change)
				ctx, stop := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				for i := range w.caches {
					w.load(ctx, t, &wg, i)
				}
				for n := 1; n <= rotations; n++ {
					strike(n)
					w.work(ctx, kind.lasts)
					heal(n)
					w.logoutWorks(t)
				}
				stop()
				wg.Wait()
				w.losses(t)
			})
		}
	})
}

// rotated are two nodes with a source, and what they did.
type rotated struct {
	src      *table
	keys     []string
	caches   []*cache
	managers []*manager
	well     *manager // of a user whose password stays

	next                           [2]atomic.Int64 // pair of a node that is to be written
	reads, older, writes, failed   atomic.Int64
	logins, logouts, failedLogouts atomic.Int64

	mu    sync.Mutex
	ended []string // tokens whose logout returned nil
}

func newRotated(t *testing.T, p *place, namespace string, change func(*redis.UniversalOptions)) *rotated {
	t.Helper()
	w := &rotated{}
	w.keys = numbered(2 * len(w.next) * pairs)
	w.src = newTable(w.keys...)
	w.well = sessions(t, p.client(t), namespace)
	for range 2 {
		rdb := p.client(t, change)
		w.caches = append(w.caches, w.src.cached(join(t, rdb, namespace, store.BreakAfter(200)))) // so that not only the breaker protects them
		w.managers = append(w.managers, sessions(t, rdb, namespace))
	}
	for _, c := range w.caches {
		warm(t, c, w.keys...)
	}
	return w
}

// load starts the work of a node, which writes keys of its own, two at once.
func (w *rotated) load(ctx context.Context, t *testing.T, wg *sync.WaitGroup, node int) {
	c := w.caches[node]
	write := evict.AfterErr(func(_ context.Context, i int) error {
		w.src.set(2, w.keys[i], w.keys[i+1])
		return nil
	}, evict.Keys(c, func(i int) []string { return w.keys[i : i+2] }))
	for range 4 {
		w.loop(ctx, wg, 50*time.Millisecond, func(int) { w.write(t, c, node, write) })
	}
	for range 2 { // fewer than eight at once have a connection each
		w.loop(ctx, wg, 20*time.Millisecond, func(n int) {
			_, err := c.Get(t.Context(), w.keys[n%len(w.keys)])
			assert.NoError(t, err)
			w.reads.Add(1)
		})
	}
	for user := range 4 {
		w.loop(ctx, wg, 20*time.Millisecond, func(int) { w.login(t.Context(), w.managers[node], fmt.Sprint("user", node, user)) })
	}
}

func (w *rotated) loop(ctx context.Context, wg *sync.WaitGroup, every time.Duration, do func(n int)) {
	wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for n := 0; ctx.Err() == nil; n++ {
			do(n)
			<-tick.C
		}
	})
}

// write writes the next two keys, and checks that the node does not read the old values.
func (w *rotated) write(t *testing.T, c *cache, node int, write func(context.Context, int) error) {
	n := int(w.next[node].Add(1)) - 1
	if n >= pairs {
		return
	}
	i := 2 * (2*n + node)
	assert.NoError(t, write(t.Context(), i))
	w.writes.Add(1)
	for _, key := range w.keys[i : i+2] {
		if v, err := c.Get(t.Context(), key); err != nil || v != 2 {
			w.older.Add(1)
		}
	}
}

// work lets the load continue for a while.
func (w *rotated) work(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

// logoutWorks waits until users can log out again.
func (w *rotated) logoutWorks(t *testing.T) {
	t.Helper()
	before := w.logouts.Load()
	redistest.Eventually(t, "sessions work again", func() bool { return w.logouts.Load() > before+20 })
}

// login logs a user in, and out again.
func (w *rotated) login(ctx context.Context, m *manager, user string) {
	request := m.Attach(ctx, "")
	if m.Login(request, user) != nil {
		w.failed.Add(1)
		return
	}
	token, err := m.Token(request)
	if err != nil {
		return
	}
	w.logins.Add(1)
	if m.Destroy(m.Attach(ctx, token)) != nil {
		w.failedLogouts.Add(1)
		return
	}
	w.logouts.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = append(w.ended, token)
}

// losses waits for the end of all evictions, and counts what was lost.
func (w *rotated) losses(t *testing.T) {
	t.Helper()
	drained := took(func() bool {
		return w.caches[0].Store().Stats().Pending+w.caches[1].Store().Stats().Pending == 0
	})
	lost, survivors := 0, 0
	for _, c := range w.caches {
		want := w.src.all()
		for some := range slices.Chunk(w.keys, 200) {
			seen, err := c.GetAll(t.Context(), some)
			require.NoError(t, err)
			for key, v := range seen {
				if v != want[key] {
					lost++
				}
			}
		}
	}
	for _, token := range w.ended {
		_, err := w.well.Get(w.well.Attach(t.Context(), token))
		if !errors.Is(err, session.ErrNoSession) {
			require.NoError(t, err)
			survivors++
		}
	}
	a, b := w.caches[0].Store().Stats(), w.caches[1].Store().Stats()
	t.Logf("%d reads, %d older than an eviction of the node; %d writes, %d evictions queued, %d recalled, drained after %d ms, %d stale in the end",
		w.reads.Load(), w.older.Load(), w.writes.Load(), a.Queued+b.Queued, a.Recovery.Recalled+b.Recovery.Recalled, drained.Milliseconds(), lost)
	t.Logf("%d logins (%d failed), %d logouts returned nil (%d failed), %d sessions survived",
		w.logins.Load(), w.failed.Load(), w.logouts.Load(), w.failedLogouts.Load(), survivors)
	require.Positive(t, w.logouts.Load())
	assert.Less(t, drained, patience)
	assert.Zero(t, lost, "evictions lost")
	assert.Zero(t, w.older.Load(), "reads of a node that are older than its own eviction")
	assert.Zero(t, survivors, "sessions that survived a logout")
}
