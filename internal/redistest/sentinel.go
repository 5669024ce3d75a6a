package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	sentinels  = 3
	masterName = "aside"

	failoverTimeout = 30 * time.Second
)

// Sentinel is one master and one replica, watched by three sentinels that
// fail over when the master is down for two seconds.
type Sentinel struct {
	// MasterName is the name under which the sentinels know the master.
	MasterName string

	tb       testing.TB
	data     []*Server // the master and the replica, in the order of the start
	watchers []*Server
}

// StartSentinel runs a Sentinel set until the end of the test. The sentinels
// know the replica and each other when it returns.
func StartSentinel(tb testing.TB) *Sentinel {
	tb.Helper()
	Require(tb)
	master := startIn(tb, "master", nil)
	// The sentinels learn of the replica from the master, so it comes first.
	s := &Sentinel{MasterName: masterName, tb: tb, data: []*Server{master, StartReplica(tb, master)}}
	for i := range sentinels {
		w, err := launch(spec{
			label:    fmt.Sprintf("sentinel%d", i),
			dir:      tb.TempDir(),
			sentinel: true,
			config: []string{
				fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d %d", masterName, master.port, sentinels/2+1),
				// Less is shorter than the stalls of a busy machine, which then
				// cause failovers that no test asked for.
				"sentinel down-after-milliseconds " + masterName + " 2000",
				"sentinel failover-timeout " + masterName + " 3000",
			},
		})
		if err != nil {
			tb.Fatal(err)
		}
		w.own(tb)
		w.hurry()
		s.watchers = append(s.watchers, w)
	}
	if err := poll(readyTimeout, "sentinel start", s.agreed(master, s.data[1])); err != nil {
		tb.Fatal(err)
	}
	return s
}

// hurry shortens timers that are fixed at seconds: above all the ten of INFO and
// the two of the sentinels' hello. It also widens the clock jump after which a
// sentinel does nothing for half a minute: a busy machine would cause one.
// Before Redis 7 this command does not exist and everything is only slower, so
// its error does not matter.
func (s *Server) hurry() {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	_, _ = s.Do(ctx, "SENTINEL", "DEBUG",
		"INFO-PERIOD", 200, "PUBLISH-PERIOD", 200, "TILT-TRIGGER", 10000, "TILT-PERIOD", 1000)
}

// agreed checks that all running sentinels regard master as the master, and see
// replica as its healthy replica, as well as each other.
func (s *Sentinel) agreed(master, replica *Server) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, w := range s.watchers {
			if w.Pid() == 0 {
				continue
			}
			m, err := s.view(ctx, w)
			if err != nil {
				return err
			}
			if m["port"] != strconv.Itoa(master.port) || m["flags"] != "master" ||
				m["num-slaves"] != "1" || m["num-other-sentinels"] != strconv.Itoa(sentinels-1) {
				return fmt.Errorf("%s: master port %s, %s, %s replicas, %s other sentinels", w,
					m["port"], m["flags"], m["num-slaves"], m["num-other-sentinels"])
			}
		}
		return replica.linked(ctx, master)
	}
}

func (s *Sentinel) view(ctx context.Context, w *Server) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	opts, done, err := w.admin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	c := redis.NewSentinelClient(opts)
	defer func() { _ = c.Close() }()
	return c.Master(ctx, s.MasterName).Result()
}

// SentinelAddrs returns the addresses of the three sentinels.
func (s *Sentinel) SentinelAddrs() []string {
	addrs := make([]string, len(s.watchers))
	for i, w := range s.watchers {
		addrs[i] = w.Addr()
	}
	return addrs
}

// Sentinels returns the sentinel processes.
func (s *Sentinel) Sentinels() []*Server { return append([]*Server(nil), s.watchers...) }

// Client returns a client that follows the master through failovers, with the
// default options, changed by opts. It is closed at the end of tb.
func (s *Sentinel) Client(tb testing.TB, opts ...func(*redis.FailoverOptions)) *redis.Client {
	tb.Helper()
	o := &redis.FailoverOptions{MasterName: s.MasterName, SentinelAddrs: s.SentinelAddrs()}
	for _, opt := range opts {
		opt(o)
	}
	rdb := redis.NewFailoverClient(o)
	closeLater(tb, rdb)
	return rdb
}

// Master returns the node that the sentinels regard as the master. It may be
// down.
func (s *Sentinel) Master() *Server {
	s.tb.Helper()
	master, _ := s.roles()
	return master
}

// Replica returns the other node.
func (s *Sentinel) Replica() *Server {
	s.tb.Helper()
	_, replica := s.roles()
	return replica
}

// roles asks the sentinel with the newest configuration: during a failover
// they do not all know of it yet.
func (s *Sentinel) roles() (master, replica *Server) {
	s.tb.Helper()
	var errs []error
	best := int64(-1)
	for _, w := range s.watchers {
		m, err := s.view(context.Background(), w)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		epoch, err := strconv.ParseInt(m["config-epoch"], 10, 64)
		if err != nil || epoch <= best {
			continue
		}
		best = epoch
		master, replica = s.data[0], s.data[1]
		if net.JoinHostPort(m["ip"], m["port"]) == replica.Addr() {
			master, replica = replica, master
		}
	}
	if master == nil {
		s.tb.Fatalf("redistest: no sentinel knows the master: %v", errors.Join(errs...))
	}
	return master, replica
}

// Failover makes the replica the master by SENTINEL FAILOVER, and returns
// when all sentinels agree and the old master is in sync as a replica.
func (s *Sentinel) Failover(tb testing.TB) {
	tb.Helper()
	master, replica := s.roles()
	agreed := s.agreed(replica, master)
	if err := poll(failoverTimeout, "sentinel failover", func(ctx context.Context) error {
		err := agreed(ctx)
		if err == nil {
			return nil
		}
		return errors.Join(err, s.demand(ctx, master))
	}); err != nil {
		tb.Fatal(err)
	}
}

// demand makes the first running sentinel replace master. It is called until
// that has happened: a sentinel that agreed gives up if it then finds the
// replica unfit, as it does after a short stall. It asks only while the sentinel
// still regards master as the master: another request would lead back to it.
func (s *Sentinel) demand(ctx context.Context, master *Server) error {
	for _, w := range s.watchers {
		if w.Pid() == 0 {
			continue
		}
		m, err := s.view(ctx, w)
		if err != nil || m["port"] != strconv.Itoa(master.port) || strings.Contains(m["flags"], "failover_in_progress") {
			return err
		}
		_, err = w.Do(ctx, "SENTINEL", "FAILOVER", s.MasterName)
		return err
	}
	return errNotRunning
}
