package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestServerAnswers(t *testing.T) {
	checkLeaks(t)
	begin := time.Now()
	s := Start(t, "maxmemory 10mb", "maxmemory-policy allkeys-lru")
	logStart(t, begin)

	rdb := s.Client(t)
	require.NoError(t, rdb.Set(t.Context(), "k", "v", 0).Err())
	got, err := s.Do(t.Context(), "GET", "k")
	require.NoError(t, err)
	require.Equal(t, "v", got)
	require.Equal(t, "10485760", rdb.ConfigGet(t.Context(), "maxmemory").Val()["maxmemory"])
	require.Empty(t, rdb.ConfigGet(t.Context(), "save").Val()["save"])
	require.Equal(t, s.Dir(), rdb.ConfigGet(t.Context(), "dir").Val()["dir"])
}

func TestServerLifeCycle(t *testing.T) {
	checkLeaks(t)
	s := Start(t)
	rdb := s.Client(t, eager)
	addr, pid := s.Addr(), s.Pid()
	require.NoError(t, rdb.Set(t.Context(), "k", "v", 0).Err())

	s.Kill()
	require.Zero(t, s.Pid())
	require.Error(t, rdb.Ping(t.Context()).Err())
	s.Kill() // of a dead server: no error

	s.Restart()
	require.Equal(t, addr, s.Addr())
	require.NotEqual(t, pid, s.Pid())
	require.NoError(t, rdb.Ping(t.Context()).Err())
	require.ErrorIs(t, rdb.Get(t.Context(), "k").Err(), redis.Nil, "nothing is kept on disk")

	s.Pause()
	requireTimeout(t, rdb.Ping(short(t)).Err())
	s.Resume()
	require.NoError(t, rdb.Ping(t.Context()).Err())

	s.Pause()
	s.Stop()
	require.Zero(t, s.Pid())
	require.Contains(t, logFrom(s.Dir(), 0), "bye bye")

	s.Restart()
	s.Pause()
	s.Restart() // of a paused server
	require.NoError(t, rdb.Ping(t.Context()).Err())
}

func TestServerKeepsDataWithAppendOnly(t *testing.T) {
	checkLeaks(t)
	s := Start(t, "appendonly yes", "appendfsync always")
	rdb := s.Client(t)
	require.NoError(t, rdb.Set(t.Context(), "k", "v", 0).Err())
	s.Kill()
	s.Restart()
	require.Equal(t, "v", rdb.Get(t.Context(), "k").Val())
}

func TestServerThatCannotStart(t *testing.T) {
	Require(t)
	checkLeaks(t)
	_, err := launch(spec{label: "bad", dir: t.TempDir(), config: []string{"no-such-directive 1"}})
	require.ErrorContains(t, err, "no-such-directive")
}

// Another process on the port is not mistaken for the server, and the restart
// succeeds once it has gone.
func TestRestartWaitsForItsPort(t *testing.T) {
	checkLeaks(t)
	s := Start(t)
	s.Kill()
	squatter, err := net.Listen("tcp", s.Addr())
	require.NoError(t, err)
	require.ErrorIs(t, s.boot(), errPortTaken)

	offset := logSize(s.Dir())
	done := make(chan struct{})
	go func() { defer close(done); s.Restart() }()
	eventually(t, "a first attempt", func(context.Context) error {
		if logSize(s.Dir()) == offset {
			return errors.New("no output yet")
		}
		return nil
	})
	require.NoError(t, squatter.Close())
	<-done
	require.NotZero(t, s.Pid())
}

func TestReplicaFollowsItsMaster(t *testing.T) {
	checkLeaks(t)
	master := Start(t)
	rdb := master.Client(t)
	require.NoError(t, rdb.Set(t.Context(), "k", "v", 0).Err())
	begin := time.Now()
	replica := StartReplica(t, master)
	logStart(t, begin)

	ro := replica.Client(t)
	require.Equal(t, "v", ro.Get(t.Context(), "k").Val())
	require.ErrorContains(t, ro.Set(t.Context(), "k", "w", 0).Err(), "READONLY")
	require.NoError(t, rdb.Set(t.Context(), "k2", "v", 0).Err())
	require.Equal(t, int64(1), rdb.Wait(t.Context(), 1, 5*time.Second).Val())
	require.Equal(t, "v", ro.Get(t.Context(), "k2").Val())
	require.NoFileExists(t, filepath.Join(replica.Dir(), "dump.rdb"), "what it synced is not kept on disk")
}

func TestPortsAreLeasedOnce(t *testing.T) {
	seen := map[int]bool{}
	for range 20 {
		l, err := leasePort()
		require.NoError(t, err)
		t.Cleanup(l.release)
		require.False(t, seen[l.port])
		seen[l.port] = true
		require.Less(t, l.port+busOffset, 32768)
	}
	l, err := leasePort()
	require.NoError(t, err)
	port := l.port
	l.release()
	l.release()
	lock, ok := lockPort(port)
	require.True(t, ok, "a released port can be leased again")
	if lock != nil {
		_, ok = lockPort(port)
		require.False(t, ok, "another process cannot lease it meanwhile")
		require.NoError(t, lock.Close())
	}
}

const orphanEnv = "REDISTEST_ORPHAN"

// orphan is the child of TestServerDiesWithItsTest: a test binary that is
// killed while its server runs.
func orphan() {
	s, err := launch(spec{label: "orphan", dir: os.Getenv(orphanEnv)})
	if err != nil {
		panic(err)
	}
	fmt.Println(s.Addr())
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	panic(fmt.Sprint("still alive: ", err))
}

func TestServerDiesWithItsTest(t *testing.T) {
	Require(t)
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a parent-death signal")
	}
	checkLeaks(t)
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), orphanEnv+"="+t.TempDir())
	out, err := cmd.Output()
	require.ErrorContains(t, err, "killed")
	addr := strings.TrimSpace(string(out))
	require.NotEmpty(t, addr)
	eventually(t, "the orphan's end", func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil
		}
		return errors.Join(errors.New("still there"), conn.Close())
	})
}
