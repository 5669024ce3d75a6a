package sessiontest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/jollyjet/aside/session"
	"github.com/jollyjet/aside/session/sessiontest"
)

func Example() {
	// In a file of tests:
	_ = func(t *testing.T) {
		sessions := sessiontest.New[cart](t, session.MaxPerUser(5, session.EvictOldest))
		r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
		sessiontest.Login(t, sessions, r, "ann", nil)
		page(sessions).ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Error(w.Body)
		}
	}
	// Output:
}
