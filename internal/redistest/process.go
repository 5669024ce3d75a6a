package redistest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const (
	logName     = "redis.log"
	exitTimeout = 10 * time.Second
)

var errNotRunning = errors.New("redistest: the server is not running")

// process is one run of redis-server; a restarted Server has a new one.
type process struct {
	os   *os.Process
	done chan struct{} // closed once the process has been reaped
}

// startProcess runs redis-server in dir with its output appended to the log.
//
// Linux delivers the parent-death signal when the thread that forked exits,
// not when the process does. So one goroutine starts the process and waits for
// it, locked to its thread: the thread lives exactly as long as the process,
// and the signal can only mean that the whole test binary died.
func startProcess(dir string, args ...string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(dir, logName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	// A real file goes to the child as it is; any other writer would cost a
	// copying goroutine.
	defer func() { _ = log.Close() }()

	cmd := exec.Command(serverBinary, args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = dieWithParent()

	p := &process{done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.os = cmd.Process
		started <- nil
		_ = cmd.Wait() // how it ended does not matter: most are killed
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) signal(sig os.Signal) error {
	if !p.running() {
		return errNotRunning
	}
	return p.os.Signal(sig)
}

// end sends sig and waits until the process is gone. That it was already gone is
// not an error.
func (p *process) end(sig os.Signal) error {
	if !p.running() {
		return nil
	}
	if err := p.os.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.NewTimer(exitTimeout)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		return errors.New("redistest: the server did not exit after " + sig.String())
	}
}

// logSize and logFrom let each start read only its own part of the log.
func logSize(dir string) int64 {
	info, err := os.Stat(filepath.Join(dir, logName))
	if err != nil {
		return 0
	}
	return info.Size()
}

func logFrom(dir string, offset int64) string {
	text, err := os.ReadFile(filepath.Join(dir, logName))
	if err != nil {
		return err.Error()
	}
	return string(text[min(offset, int64(len(text))):])
}

func logTail(dir string, lines int) string {
	all := strings.Split(strings.TrimRight(logFrom(dir, 0), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
