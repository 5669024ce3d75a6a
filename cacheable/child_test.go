package cacheable_test

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
	"github.com/jollyjet/aside/store"
)

// childEnv makes the test binary another process of the fleet: "address namespace lease".
const childEnv = "ASIDE_CACHEABLE_CHILD"

// runChild loads the key "k" of the cache "c" with a loader that never ends. It prints a line when the loader runs.
func runChild(args string) {
	var addr, namespace, lease string
	if _, err := fmt.Sscan(args, &addr, &namespace, &lease); err != nil {
		panic(err)
	}
	life, err := time.ParseDuration(lease)
	if err != nil {
		panic(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	st, err := store.Open(context.Background(), rdb, store.Namespace(namespace), store.LeaseTime(life), store.Timeout(patient))
	if err != nil {
		panic(err)
	}
	c := cacheable.New(st, "c", func(context.Context, string) (int64, error) {
		fmt.Println("loading")
		select {}
	})
	_, _ = c.Get(context.Background(), "k")
}

// child is a process in which the loader runs.
type child struct {
	cmd  *exec.Cmd
	tb   testing.TB
	dead bool
}

func startChild(tb testing.TB, addr, namespace string, lease time.Duration) *child {
	tb.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join([]string{addr, namespace, lease.String()}, " "))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, cmd.Start())
	c := &child{cmd: cmd, tb: tb}
	tb.Cleanup(c.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(tb, err)
	require.Equal(tb, "loading\n", line)
	return c
}

// kill ends the process as kill -9 does.
func (c *child) kill() {
	if c.dead {
		return
	}
	c.dead = true
	require.NoError(c.tb, c.cmd.Process.Kill())
	_ = c.cmd.Wait() // it was killed
}
