package session_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

func attempts(t testing.TB, page *loginPage, name, password, address string) int {
	t.Helper()
	r, w := attempt(name, password), httptest.NewRecorder()
	r.RemoteAddr = address + ":1234"
	page.site().ServeHTTP(w, r)
	return w.Code
}

func TestTheLoginPage(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		start := func() *loginPage {
			page := newLoginPage(rdb)
			t.Cleanup(page.close)
			for _, l := range page.failures {
				for _, key := range []string{"ann", "bob", "ip:192.0.2.1", "ip:192.0.2.2"} {
					require.NoError(t, l.Reset(t.Context(), key))
				}
			}
			return page
		}
		page := start()
		for range 15 {
			require.Equal(t, http.StatusSeeOther, attempts(t, page, "ann", "secret", "192.0.2.1"), "successes are not counted")
		}

		// Of parallel guesses as many get through as of others.
		var mu sync.Mutex
		codes := map[int]int{}
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				code := attempts(t, page, "ann", "guess", "192.0.2.1")
				mu.Lock()
				defer mu.Unlock()
				codes[code]++
			})
		}
		wg.Wait()
		require.Equal(t, map[int]int{http.StatusUnauthorized: 3, http.StatusTooManyRequests: 27}, codes)
		require.Equal(t, http.StatusTooManyRequests, attempts(t, page, "ann", "secret", "192.0.2.2"), "from wherever")

		// One address can't try all names, nor make a key of each.
		page = start()
		got := 0
		for i := range 30 {
			if attempts(t, page, fmt.Sprint("user", i, time.Now().UnixNano()), "guess", "192.0.2.2") == http.StatusUnauthorized {
				got++
			}
		}
		require.Equal(t, 10, got)
		require.Equal(t, http.StatusSeeOther, attempts(t, page, "ann", "secret", "192.0.2.1"), "others are not concerned")
	})
}

// Whether a name exists can't be told from the time that a refusal takes.
func TestUnknownUsersTakeAsLong(t *testing.T) {
	page := newLoginPage(redistestMini(t))
	t.Cleanup(page.close)
	best := func(name string) time.Duration {
		least := time.Hour
		for range 20 {
			began := time.Now()
			require.False(t, page.verify(name, "guess"))
			least = min(least, time.Since(began))
		}
		return least
	}
	ann, nobody := best("ann"), best("nobody")
	require.InEpsilon(t, float64(ann), float64(nobody), 0.5, "ann %v, nobody %v", ann, nobody)
	require.False(t, page.verify("nobody", ""), "nobody has no password, not an empty one")
}

// The page of the guide is that of the example, and short.
func TestTheGuideShowsWhatIsTested(t *testing.T) {
	guide, err := os.ReadFile("../docs/sessions.md")
	require.NoError(t, err)
	var tested strings.Builder
	for _, file := range []string{"example_test.go", "example_login_test.go", "example_migration_test.go", "sessiontest/example_test.go"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		tested.WriteString(flush(string(text)))
	}
	blocks := strings.Split(string(guide), "```go\n")[1:]
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		code, _, ok := strings.Cut(block, "```")
		require.True(t, ok)
		require.Contains(t, tested.String(), flush(code))
		require.Less(t, strings.Count(code, "\n"), 60)
	}
}

// flush is text without the indentation of its lines.
func flush(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}
