package sessiontest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/session"
	"github.com/jollyjet/aside/session/sessiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type cart struct{ Items []string }

// page shows whose session it is, and what is in it.
func page(m *session.Manager[cart]) http.Handler {
	return m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := m.User(r.Context())
		c, err := m.Get(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(user + " " + c.Items[0]))
	}))
}

func TestLogin(t *testing.T) {
	for _, options := range [][]session.Option{nil, {session.Bearer()}, {session.InsecureDevelopment()}} {
		m := sessiontest.New[cart](t, options...)
		r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
		sessiontest.Login(t, m, r, "ann", func(c *cart) error { c.Items = []string{"shoes"}; return nil })
		page(m).ServeHTTP(w, r)
		require.Equal(t, "ann shoes", w.Body.String())
		w = httptest.NewRecorder()
		page(sessiontest.New[cart](t, options...)).ServeHTTP(w, r)
		require.Equal(t, http.StatusUnauthorized, w.Code, "each has a memory of its own")
	}
}

// Sessions expire by the clock of the bubble.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := sessiontest.New[cart](t, session.Idle(20*time.Minute))
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		sessiontest.Login(t, m, r, "ann", func(c *cart) error { c.Items = []string{"shoes"}; return nil })
		for _, want := range []struct {
			after time.Duration
			code  int
		}{{20*time.Minute - time.Millisecond, http.StatusOK}, {20 * time.Minute, http.StatusUnauthorized}} {
			time.Sleep(want.after)
			w := httptest.NewRecorder()
			page(m).ServeHTTP(w, r)
			require.Equal(t, want.code, w.Code)
		}
	})
}
