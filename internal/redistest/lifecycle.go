package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	confName     = "redis.conf"
	bindAttempts = 10
)

var errPortTaken = errors.New("address already in use")

// spec says what to launch. dir must exist.
type spec struct {
	label    string
	dir      string
	sentinel bool
	config   []string // lines of redis.conf, after the defaults
}

func (sp spec) conf(port int) string {
	lines := []string{
		"bind 127.0.0.1",
		"port " + strconv.Itoa(port),
		"daemonize no",
	}
	if !sp.sentinel {
		lines = append(lines,
			`save ""`,
			"appendonly no",
			// What a replica got in a sync would otherwise stay as its dump.
			"rdb-del-sync-files yes",
			// A replica would otherwise wait five seconds for others to share
			// its first sync with.
			"repl-diskless-sync yes",
			"repl-diskless-sync-delay 0",
		)
	}
	return strings.Join(append(lines, sp.config...), "\n") + "\n"
}

// launch starts a server that no test owns yet. The configuration is written
// once, here: the server and the sentinels rewrite it, and a restart has to
// find what they wrote.
func launch(sp spec) (*Server, error) {
	for attempt := 1; ; attempt++ {
		l, err := leasePort()
		if err != nil {
			return nil, err
		}
		s := &Server{label: sp.label, dir: sp.dir, sentinel: sp.sentinel, lease: l, port: l.port}
		if err = os.WriteFile(filepath.Join(sp.dir, confName), []byte(sp.conf(s.port)), 0o600); err == nil {
			err = s.boot()
		}
		if err == nil {
			return s, nil
		}
		l.release()
		if !errors.Is(err, errPortTaken) || attempt == bindAttempts {
			return nil, err
		}
	}
}

// boot starts the process and waits until it answers. After an error no process
// is left.
func (s *Server) boot() error {
	args := []string{confName}
	if s.sentinel {
		args = append(args, "--sentinel")
	}
	offset := logSize(s.dir)
	proc, err := startProcess(s.dir, args...)
	if err != nil {
		return err
	}
	err = poll(readyTimeout, s.String()+" start", func(ctx context.Context) error {
		if !proc.running() {
			return finalError{exitReason(logFrom(s.dir, offset))}
		}
		return s.ready(ctx, proc.os.Pid)
	})
	if err != nil {
		return errors.Join(err, proc.end(os.Kill))
	}
	s.proc = proc
	return nil
}

// ready also checks the process id: another server could listen on the port and
// answer PING, just before ours finds the port taken.
func (s *Server) ready(ctx context.Context, pid int) error {
	fields, err := s.info(ctx, "server")
	if err != nil {
		return err
	}
	if got := fields["process_id"]; got != strconv.Itoa(pid) {
		return fmt.Errorf("process %s answers, not %d", got, pid)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	_, err = s.text(ctx, "PING") // INFO also answers while data is loading
	return err
}

func exitReason(log string) error {
	lower := strings.ToLower(log)
	if strings.Contains(lower, errPortTaken.Error()) || strings.Contains(lower, "failed listening on port") {
		return errPortTaken
	}
	return fmt.Errorf("the server exited:\n%s", log)
}

// Kill ends the server with SIGKILL and returns when the process is gone.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report("kill", s.proc.end(os.Kill))
}

// Stop shuts the server down in order, with SIGTERM, and returns when the process
// is gone. A paused server is resumed first: it would never see the signal.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.proc.running() {
		return
	}
	if err := s.proc.signal(sigCont); err != nil && !errors.Is(err, errNotRunning) {
		s.report("resume", err)
	}
	s.report("stop", s.proc.end(sigTerm))
}

// Restart brings the server back with the same address, folder and
// configuration, and returns when it answers PING. A running server is killed
// first.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report("restart", s.restart())
}

func (s *Server) restart() error {
	if err := s.proc.end(os.Kill); err != nil {
		return err
	}
	return poll(readyTimeout, s.String()+" restart", func(context.Context) error {
		err := s.boot() //nolint:contextcheck // a boot has a deadline of its own
		if err == nil || errors.Is(err, errPortTaken) {
			return err // the port is leased to us, so whoever holds it will go
		}
		return finalError{err}
	})
}

// Pause stops the process without closing anything, like a machine that hangs:
// connections stay open and are still accepted by the kernel, but nothing
// answers. It returns when the process has stopped.
func (s *Server) Pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.proc.signal(sigPause)
	if err == nil {
		err = poll(exitTimeout, s.String()+" pause", func(context.Context) error {
			if !halted(s.proc.os.Pid) {
				return errors.New("still running")
			}
			return nil
		})
	}
	s.report("pause", err)
}

// Resume continues a paused server.
func (s *Server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report("resume", s.proc.signal(sigCont))
}

// close ends the server for good and gives its port back.
func (s *Server) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.proc.end(os.Kill)
	s.lease.release()
	return err
}
