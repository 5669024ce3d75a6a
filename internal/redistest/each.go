package redistest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Mini runs an in-process miniredis until the end of the test. Its clock for
// expiry stands still: move it with FastForward.
func Mini(tb testing.TB) *miniredis.Miniredis {
	tb.Helper()
	return miniredis.RunT(tb)
}

// Each runs fn as the subtests "miniredis", "single" and "cluster", each with
// a client of its own. The package's TestMain must call [Main].
//
// The single node and the cluster are shared by the whole test binary, and
// nothing is flushed in between, so that tests may run in parallel. So fn must use
// its own keys, such as those below a [Unique] name, must not expect an empty
// database, and must not change the server's settings.
func Each(t *testing.T, fn func(t *testing.T, rdb redis.UniversalClient)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		rdb := redis.NewClient(&redis.Options{Addr: Mini(t).Addr()})
		closeLater(t, rdb)
		fn(t, rdb)
	})
	t.Run("single", func(t *testing.T) {
		Require(t)
		s, err := shared.server()
		if err != nil {
			t.Fatal(err)
		}
		logOnFailure(t, s)
		fn(t, s.Client(t))
	})
	t.Run("cluster", func(t *testing.T) {
		Require(t)
		c, err := shared.cluster()
		if err != nil {
			t.Fatal(err)
		}
		logOnFailure(t, c.nodes...)
		fn(t, c.Client(t))
	})
}

func logOnFailure(tb testing.TB, servers ...*Server) {
	tb.Cleanup(func() {
		if tb.Failed() {
			for _, s := range servers {
				s.logTo(tb)
			}
		}
	})
}

var uniques atomic.Int64

// maxUnique keeps a deeply nested test's keys readable.
const maxUnique = 60

// Unique returns a namespace that no other call in this process gets, made of
// the test's name and a counter, from the characters a-z, 0-9 and "-".
func Unique(tb testing.TB) string {
	tb.Helper()
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(tb.Name()))
	name = strings.Trim(name[:min(len(name), maxUnique)], "-")
	return fmt.Sprintf("%s-%d", name, uniques.Add(1))
}

// shared holds the servers of Each. They are started on first use, and only
// while Main runs, since nothing else would stop them.
var shared sharedServers

type sharedServers struct {
	mu   sync.Mutex
	root string // empty unless Main runs

	single    *Server
	singleErr error
	multi     *Cluster
	multiErr  error
}

var errNoMain = errors.New("redistest: Each needs a TestMain that calls redistest.Main")

func (s *sharedServers) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	root, err := os.MkdirTemp("", "redistest-")
	s.root = root
	return err
}

// subdir is called with mu held.
func (s *sharedServers) subdir(name string) (string, error) {
	if s.root == "" {
		return "", errNoMain
	}
	dir := filepath.Join(s.root, name)
	return dir, os.Mkdir(dir, 0o700)
}

func (s *sharedServers) server() (*Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.single == nil && s.singleErr == nil {
		var dir string
		if dir, s.singleErr = s.subdir("single"); s.singleErr == nil {
			s.single, s.singleErr = launch(spec{label: "shared", dir: dir})
		}
	}
	return s.single, s.singleErr
}

func (s *sharedServers) cluster() (*Cluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.multi == nil && s.multiErr == nil {
		var dir string
		if dir, s.multiErr = s.subdir("cluster"); s.multiErr == nil {
			s.multi, s.multiErr = launchCluster(dir, nil)
		}
	}
	return s.multi, s.multiErr
}

func (s *sharedServers) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	if s.single != nil {
		errs = append(errs, s.single.close())
	}
	if s.multi != nil {
		errs = append(errs, s.multi.close())
	}
	if s.root != "" {
		errs = append(errs, os.RemoveAll(s.root))
	}
	s.root, s.single, s.multi = "", nil, nil
	return errors.Join(errs...)
}
