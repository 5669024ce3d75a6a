package redistest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"sync"
)

// Ports come from [portMin, portMin+portCount) with the cluster bus busOffset
// above. Both ranges lie below the ephemeral range of Linux (32768 and up). So an
// outgoing connection of another process never gets the port of a node that is
// down, and the node can come back on it. The two ranges do not overlap, so a
// node's port is never another node's bus.
const (
	portMin   = 10000
	portCount = 10000
	busOffset = 10000

	portAttempts = 200
)

var errNoPort = errors.New("redistest: no free port found")

// lease is the right to use a port and its bus port, until it is released. A
// server that is down keeps its lease.
type lease struct {
	port int
	lock net.Listener // nil where the platform has no abstract sockets
}

var (
	leasesMu sync.Mutex
	leases   = map[int]bool{}
)

func leasePort() (*lease, error) {
	leasesMu.Lock()
	defer leasesMu.Unlock()
	for range portAttempts {
		// Random, so that concurrent test binaries rarely collide.
		port := portMin + rand.IntN(portCount)
		if leases[port] {
			continue
		}
		lock, ok := lockPort(port)
		if !ok {
			continue
		}
		if !portFree(port) || !portFree(port+busOffset) {
			if lock != nil {
				_ = lock.Close()
			}
			continue
		}
		leases[port] = true
		return &lease{port: port, lock: lock}, nil
	}
	return nil, errNoPort
}

// release may be called more than once.
func (l *lease) release() {
	leasesMu.Lock()
	defer leasesMu.Unlock()
	if l.lock != nil {
		_ = l.lock.Close()
		l.lock = nil
	}
	if l.port != 0 {
		delete(leases, l.port)
		l.port = 0
	}
}

// lockPort keeps other test binaries off the port. An abstract Unix socket is a
// lock without a file to clean up: the kernel drops it with the process.
func lockPort(port int) (lock net.Listener, ok bool) {
	if runtime.GOOS != "linux" {
		return nil, true
	}
	lock, err := net.Listen("unix", fmt.Sprintf("@aside-redistest-%d", port))
	return lock, err == nil
}

func portFree(port int) bool {
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func loopback(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
