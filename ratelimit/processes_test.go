package ratelimit_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

// The test binary runs itself again as a worker, whose job stands in this variable.
const workerEnv = "ASIDE_RATELIMIT_WORKER"

type job struct {
	Addrs     []string
	Cluster   bool
	Namespace string
	Policy    string
	Callers   int
	Calls     int // of each caller
}

type tally struct{ Allowed, Denied, Unknown int64 }

func (j job) client() redis.UniversalClient {
	return redis.NewUniversalClient(&redis.UniversalOptions{Addrs: j.Addrs, IsClusterMode: j.Cluster, MaxRetries: 5})
}

// work has all callers ask for the one key.
func (j job) work(rdb redis.UniversalClient) (tally, error) {
	policy, err := ratelimit.ParsePolicy(j.Policy)
	if err != nil {
		return tally{}, err
	}
	l := ratelimit.New(rdb, policy, ratelimit.Namespace(j.Namespace), ratelimit.FailClosed(), ratelimit.Timeout(soon))
	var got counts
	var wg sync.WaitGroup
	for range j.Callers {
		wg.Go(func() {
			for range j.Calls {
				r, err := l.Allow(context.Background(), "one")
				got.add(r.Allowed, err)
			}
		})
	}
	wg.Wait()
	return got.tally(), l.Close()
}

type counts struct{ allowed, denied, unknown atomic.Int64 }

func (c *counts) add(allowed bool, err error) {
	switch {
	case err != nil:
		c.unknown.Add(1)
	case allowed:
		c.allowed.Add(1)
	default:
		c.denied.Add(1)
	}
}

func (c *counts) tally() tally { return tally{c.allowed.Load(), c.denied.Load(), c.unknown.Load()} }

func TestWorker(t *testing.T) {
	text := os.Getenv(workerEnv)
	if text == "" {
		t.Skip("a test starts this with " + workerEnv)
	}
	var j job
	require.NoError(t, json.Unmarshal([]byte(text), &j))
	rdb := j.client()
	defer func() { require.NoError(t, rdb.Close()) }()
	got, err := j.work(rdb)
	require.NoError(t, err)
	line, err := json.Marshal(got)
	require.NoError(t, err)
	fmt.Fprintf(os.Stdout, "\n%s%s\n", workerEnv, line)
}

// run starts processes that all do the job, and adds up what they got.
func (j job) run(t *testing.T, processes int) (sum tally) {
	t.Helper()
	text, err := json.Marshal(j)
	require.NoError(t, err)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range processes {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWorker$", "-test.v")
			cmd.Env = append(os.Environ(), workerEnv+"="+string(text))
			out, err := cmd.CombinedOutput()
			got, found := parseTally(string(out))
			mu.Lock()
			defer mu.Unlock()
			if err != nil || !found {
				t.Errorf("worker: %v\n%s", err, out)
			}
			sum.Allowed, sum.Denied, sum.Unknown = sum.Allowed+got.Allowed, sum.Denied+got.Denied, sum.Unknown+got.Unknown
		})
	}
	wg.Wait()
	return sum
}

func parseTally(out string) (got tally, found bool) {
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), workerEnv); ok {
			return got, json.Unmarshal([]byte(text), &got) == nil
		}
	}
	return got, false
}

// 64 callers in 4 processes get what the model allows and not one more or less: while nothing comes back that is the
// limit itself.
func TestFourProcesses(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		j := job{Callers: 16, Calls: 10}
		switch c := rdb.(type) {
		case *redis.Client:
			j.Addrs = []string{c.Options().Addr}
		case *redis.ClusterClient:
			j.Addrs, j.Cluster = c.Options().Addrs, true
		}
		slow := strings.HasSuffix(t.Name(), "miniredis")
		for name, p := range policies() {
			if slow && name != "all" {
				continue // miniredis is slow, and compiles each script at each call
			}
			j.Policy, j.Namespace = ten.Replace(p.String()), redistest.Unique(t)
			require.Equal(t, tally{Allowed: 400, Denied: 4*16*10 - 400}, j.run(t, 4), j.Policy)
		}
	})
}

// ten makes the policies' ten permits four hundred.
var ten = strings.NewReplacer(" 10/", " 400/", " 10 ", " 400 ", "burst=10", "burst=400", " 100/", " 4000/", " 12/", " 480/")
