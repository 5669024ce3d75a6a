package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/bench/rolling/pipe"
)

// leaseTime and holdTime are what a loader or a writer that dies leaves behind.
const leaseTime, holdTime = time.Second, time.Second

// source is what the caches of all workers are in front of.
type source interface {
	load(worker, key string) (version int64, err error)
	store(worker, key string, version int64) error
}

// lab is what all fleets have in common.
type lab struct {
	redis        []string
	older, newer version
	workers      int // of each version in a race
	rounds       int
	fleets       atomic.Int64
}

// fleet is some workers with a namespace and a source of their own.
type fleet struct {
	source  source
	workers []*worker
}

// worker is one process.
type worker struct {
	version string
	name    string
	cmd     *exec.Cmd
	in      io.Closer
	conn    *pipe.Conn
	ended   chan struct{}
	killed  bool
}

// start starts a worker of each of the versions.
func (l *lab) start(ctx context.Context, s source, cfg pipe.Config, versions ...version) (*fleet, error) {
	cfg.Redis, cfg.Lease, cfg.Hold = l.redis, leaseTime, holdTime
	cfg.Namespace = fmt.Sprintf("rolling-%d-%d", time.Now().UnixNano(), l.fleets.Add(1))
	f := &fleet{source: s}
	for i, v := range versions {
		cfg.Name, cfg.Schema = fmt.Sprintf("%s-%d", v.name, i), v.schema
		w, err := f.startWorker(ctx, v, cfg)
		if err != nil {
			return nil, errors.Join(err, f.stop())
		}
		f.workers = append(f.workers, w)
	}
	return f, nil
}

func (f *fleet) startWorker(ctx context.Context, v version, cfg pipe.Config) (*worker, error) {
	arg, err := json.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	w := &worker{version: v.name, name: cfg.Name, cmd: exec.CommandContext(ctx, v.binary, string(arg)), ended: make(chan struct{})}
	w.cmd.Stderr, w.cmd.Env = os.Stderr, append(os.Environ(), v.env...)
	in, err := w.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.in, w.conn = in, pipe.New(in, func(m pipe.Message) pipe.Message { return f.carryOut(w, m) })
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(w.ended)
		w.conn.Run(out)
	}()
	return w, nil
}

// carryOut answers a worker that loads or stores.
func (f *fleet) carryOut(w *worker, m pipe.Message) pipe.Message {
	var err error
	switch m.Do {
	case "load":
		m.Value.Version, err = f.source.load(w.name, m.Key)
	case "store":
		err = f.source.store(w.name, m.Key, m.Value.Version)
	default:
		err = fmt.Errorf("no order is called %q", m.Do)
	}
	if err != nil {
		return pipe.Failed(err)
	}
	return pipe.Message{Value: m.Value}
}

// stop ends the workers and waits until they have. A worker that crashed is an error.
func (f *fleet) stop() (err error) {
	for _, w := range f.workers {
		_ = w.in.Close()
	}
	for _, w := range f.workers {
		<-w.ended
		if failed := w.cmd.Wait(); failed != nil && !w.killed {
			err = errors.Join(err, fmt.Errorf("%s: %w", w.name, failed))
		}
	}
	return err
}

// kill ends a worker at once, as kill -9 does.
func (w *worker) kill() {
	w.killed = true
	_ = w.cmd.Process.Kill()
}

func (w *worker) get(ctx context.Context, key string) (pipe.Message, error) {
	return w.conn.Call(ctx, pipe.Message{Do: "get", Key: key})
}

func (w *worker) write(ctx context.Context, way, key string, version int64) error {
	_, err := w.conn.Call(ctx, pipe.Message{Do: "write", Way: way, Key: key, Value: pipe.Value{Version: version}})
	return err
}

// unreadable is how many entries the workers could not make use of, though they were not evicted.
func (f *fleet) unreadable(ctx context.Context) (n int64, err error) {
	for _, w := range f.workers {
		m, err := w.conn.Call(ctx, pipe.Message{Do: "unreadable"})
		if err != nil {
			return n, err
		}
		n += m.Number
	}
	return n, nil
}
