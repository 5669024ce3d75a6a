package bench

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// visitor is what both keep of a user: about 300 bytes.
type visitor struct {
	Name  string
	Roles []string
	Cart  string
	Seen  int
}

func newVisitor() visitor {
	return visitor{Name: "ann", Roles: []string{"customer", "beta"}, Cart: strings.Repeat("trail runner 5, ", 14)}
}

// sessionContestant is one way to keep sessions behind HTTP.
type sessionContestant struct {
	name    string
	rdb     *redis.Client
	h       http.Handler
	cookies []string
	took    time.Duration
	writes  float64
}

// login begins the sessions.
func (c *sessionContestant) login(tb testing.TB, n int) {
	tb.Helper()
	for range n {
		w := httptest.NewRecorder()
		c.h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/login", nil))
		require.Equal(tb, http.StatusOK, w.Code, w.Body)
		set := w.Result().Cookies()
		require.Len(tb, set, 1)
		c.cookies = append(c.cookies, set[0].Name+"="+set[0].Value)
	}
}

// turn serves n requests of 64 callers, of which one in ten changes the session, and adds up time and Redis writes.
func (c *sessionContestant) turn(tb testing.TB, n int) {
	tb.Helper()
	before := writes(tb, c.rdb)
	var next atomic.Int64
	c.took += share(n, func(string) {
		i := int(next.Add(1))
		path := "/read"
		if i%10 == 0 {
			path = "/change"
		}
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Cookie", c.cookies[i%len(c.cookies)])
		w := httptest.NewRecorder()
		c.h.ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Body.String() != "ann" {
			tb.Error(c.name, w.Code, w.Body)
		}
	})
	c.writes += writes(tb, c.rdb) - before
}

var calls = regexp.MustCompile(`cmdstat_(set|setex|psetex|getex|setrange|pexpire|expire|pexpireat|zadd|zrem|del|unlink):calls=(\d+)`)

// writes counts the commands that changed something, those inside scripts too.
func writes(tb testing.TB, rdb *redis.Client) (sum float64) {
	tb.Helper()
	text, err := rdb.Info(tb.Context(), "commandstats").Result()
	require.NoError(tb, err)
	for _, m := range calls.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseFloat(m[2], 64)
		require.NoError(tb, err)
		sum += n
	}
	return sum
}

func asideSessions(tb testing.TB) *sessionContestant {
	tb.Helper()
	rdb := redistest.Start(tb).Client(tb)
	m := session.New[visitor](rdb, session.Timeout(10*time.Second))
	tb.Cleanup(func() { require.NoError(tb, m.Close()) })
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(_ http.ResponseWriter, r *http.Request) {
		require.NoError(tb, m.Login(r.Context(), "ann"+strconv.Itoa(int(time.Now().UnixNano()))))
		require.NoError(tb, m.Update(r.Context(), func(v *visitor) error { *v = newVisitor(); return nil }))
	})
	mux.HandleFunc("/read", func(w http.ResponseWriter, r *http.Request) {
		v, err := m.Get(r.Context())
		answer(w, v, err)
	})
	mux.HandleFunc("/change", func(w http.ResponseWriter, r *http.Request) {
		var now visitor
		err := m.Update(r.Context(), func(v *visitor) error { v.Seen++; now = *v; return nil })
		answer(w, now, err)
	})
	return &sessionContestant{name: "aside", rdb: rdb, h: m.Middleware(mux)}
}

// scsSessions does the same with scs: hashed tokens, the same timeouts, the data as JSON.
func scsSessions(tb testing.TB) *sessionContestant {
	tb.Helper()
	rdb := redistest.Start(tb).Client(tb)
	m := scs.New()
	tb.Cleanup(m.Store.(*memstore.MemStore).StopCleanup) // its default, which starts a goroutine
	m.Store = goredisstore.New(rdb)
	m.IdleTimeout, m.Lifetime, m.HashTokenInStore = 30*time.Minute, 12*time.Hour, true
	get := func(r *http.Request) (v visitor, err error) {
		err = json.Unmarshal(m.GetBytes(r.Context(), "visitor"), &v)
		return v, err
	}
	put := func(r *http.Request, v visitor) {
		raw, err := json.Marshal(v)
		require.NoError(tb, err)
		m.Put(r.Context(), "visitor", raw)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(_ http.ResponseWriter, r *http.Request) {
		require.NoError(tb, m.RenewToken(r.Context()))
		put(r, newVisitor())
	})
	mux.HandleFunc("/read", func(w http.ResponseWriter, r *http.Request) {
		v, err := get(r)
		answer(w, v, err)
	})
	mux.HandleFunc("/change", func(w http.ResponseWriter, r *http.Request) {
		v, err := get(r)
		v.Seen++
		put(r, v)
		answer(w, v, err)
	})
	return &sessionContestant{name: "scs", rdb: rdb, h: m.LoadAndSave(mux)}
}

func answer(w http.ResponseWriter, v visitor, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write([]byte(v.Name))
}

// Requests of users who are logged in, nine reads to one change, are served at least as fast as by scs with its
// go-redis store, which does less for them, and with fewer writes. The two take turns.
func TestSessionLoad(t *testing.T) {
	redistest.Require(t)
	aside, peer := asideSessions(t), scsSessions(t)
	const turn = 2000
	for _, c := range []*sessionContestant{aside, peer} {
		c.login(t, 500)
		c.turn(t, turn)
		c.took, c.writes = 0, 0
	}
	const turns = 12
	for range turns {
		aside.turn(t, turn)
		peer.turn(t, turn)
	}
	ratio := float64(peer.took) / float64(aside.took)
	t.Logf("throughput: %.2f of scs; Redis writes per 1000 requests: %.0f, scs %.0f", ratio,
		aside.writes/turns/turn*1000, peer.writes/turns/turn*1000)
	require.Less(t, aside.writes, peer.writes)
	if raceEnabled {
		t.Log("the race detector's cost is not the library's: the throughput is not judged")
		return
	}
	require.GreaterOrEqual(t, ratio, 1.0)
}
