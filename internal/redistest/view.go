package redistest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// nodeView is one line of CLUSTER NODES: what one node knows about another, or
// about itself.
type nodeView struct {
	id     string
	flags  []string
	master string
	epoch  int64
	linked bool
	slots  [][2]int // inclusive
}

func (v nodeView) is(flag string) bool { return slices.Contains(v.flags, flag) }

func (v nodeView) owns(slot int) bool {
	return slices.ContainsFunc(v.slots, func(r [2]int) bool { return r[0] <= slot && slot <= r[1] })
}

func parseNodes(text string) ([]nodeView, error) {
	var views []nodeView
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 8 {
			return nil, fmt.Errorf("bad CLUSTER NODES line %q", line)
		}
		epoch, err := strconv.ParseInt(f[6], 10, 64)
		if err != nil {
			return nil, err
		}
		v := nodeView{
			id: f[0], flags: strings.Split(f[2], ","), master: f[3],
			epoch: epoch, linked: f[7] == "connected",
		}
		for _, r := range f[8:] {
			if strings.HasPrefix(r, "[") {
				continue // a slot that moves: its range still names the owner
			}
			first, last, isRange := strings.Cut(r, "-")
			if !isRange {
				last = first
			}
			lo, err1 := strconv.Atoi(first)
			hi, err2 := strconv.Atoi(last)
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
			v.slots = append(v.slots, [2]int{lo, hi})
		}
		views = append(views, v)
	}
	return views, nil
}

func (s *Server) views(ctx context.Context) ([]nodeView, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	text, err := s.text(ctx, "CLUSTER", "NODES")
	if err != nil {
		return nil, err
	}
	return parseNodes(text)
}

// self is what a node knows about itself.
func (s *Server) self(ctx context.Context) (nodeView, error) {
	views, err := s.views(ctx)
	if err != nil {
		return nodeView{}, err
	}
	for _, v := range views {
		if v.is("myself") {
			return v, nil
		}
	}
	return nodeView{}, fmt.Errorf("%s: does not list itself", s)
}

// seesWhole checks that a node serves and knows the complete cluster.
func (s *Server) seesWhole(ctx context.Context) error {
	views, err := s.views(ctx)
	if err != nil {
		return err
	}
	replicas := 0
	for _, v := range views {
		if v.is("handshake") || v.is("fail") || v.is("fail?") || !v.linked {
			return fmt.Errorf("%s: sees %s as %v, linked %t", s, v.id, v.flags, v.linked)
		}
		if v.is("slave") {
			replicas++
		}
	}
	if len(views) != 2*masters || replicas != masters {
		return fmt.Errorf("%s: sees %d nodes, %d of them replicas", s, len(views), replicas)
	}
	return s.stateOK(ctx)
}

func (s *Server) stateOK(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	text, err := s.text(ctx, "CLUSTER", "INFO")
	if err != nil {
		return err
	}
	if !strings.Contains(text, "cluster_state:ok") {
		return fmt.Errorf("%s: cluster_state is not ok", s)
	}
	return nil
}

// MasterFor returns the node that serves the key's slot, and waits for one during
// an election. If two nodes claim the slot, as after a failover that the old
// master has not noticed, the newer configuration wins, as it does among the
// nodes. A node that is down or paused serves nothing.
func (c *Cluster) MasterFor(tb testing.TB, key string) *Server {
	tb.Helper()
	slot := c.Slot(tb, key)
	var owner *Server
	if err := poll(readyTimeout, fmt.Sprintf("master for %q", key), func(ctx context.Context) (err error) {
		owner, err = c.ownerOf(ctx, slot)
		return err
	}); err != nil {
		tb.Fatal(err)
	}
	return owner
}

// Slot returns the key's slot.
func (c *Cluster) Slot(tb testing.TB, key string) int {
	tb.Helper()
	var errs []error
	for _, n := range c.nodes {
		ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
		reply, err := n.Do(ctx, "CLUSTER", "KEYSLOT", key)
		cancel()
		if slot, ok := reply.(int64); ok {
			return int(slot)
		}
		errs = append(errs, err)
	}
	tb.Fatalf("redistest: slot of %q: %v", key, errors.Join(errs...))
	return 0
}

func (c *Cluster) ownerOf(ctx context.Context, slot int) (*Server, error) {
	var owner *Server
	best := int64(-1)
	for _, n := range c.nodes {
		v, err := n.self(ctx)
		if err != nil {
			continue
		}
		if v.is("master") && v.owns(slot) && v.epoch > best {
			owner, best = n, v.epoch
		}
	}
	if owner == nil {
		return nil, fmt.Errorf("no running node serves slot %d", slot)
	}
	return owner, nil
}

// ReplicaOf returns the running replica of master, which itself may be down. It
// waits for one: a master that comes back takes a moment to learn that it is now
// a replica.
func (c *Cluster) ReplicaOf(tb testing.TB, master *Server) *Server {
	tb.Helper()
	var replica *Server
	if err := poll(readyTimeout, "replica of "+master.String(), func(ctx context.Context) error {
		for _, n := range c.nodes {
			v, err := n.self(ctx)
			if err == nil && v.is("slave") && v.master == c.ids[master] {
				replica = n
				return nil
			}
		}
		return errors.New("none runs")
	}); err != nil {
		tb.Fatal(err)
	}
	return replica
}
